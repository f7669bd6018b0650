#include "launcher/cli/news.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <tuple>
#include <utility>

#include "base/check.h"

namespace everstep {

namespace {
constexpr std::size_t kQueueMax = 1024;
constexpr Duration kPause = 300ms;  // between two attempts
}  // namespace

NewsQueue::NewsQueue() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE)) {
  Check(event_.open(), "an eventfd can be had");
}

bool NewsQueue::Put(News news) {
  std::unique_lock lock(mutex_);
  room_.wait(lock, [&] { return closed_ || items_.size() < kQueueMax; });
  if (closed_) return false;
  items_.push_back(std::move(news));
  const std::uint64_t one = 1;
  Check(::write(event_.get(), &one, sizeof one) == sizeof one, "an eventfd takes what a bounded queue holds");
  return true;
}

std::optional<News> NewsQueue::Take() {
  const std::lock_guard lock(mutex_);
  if (items_.empty()) return std::nullopt;
  News news = std::move(items_.front());
  items_.pop_front();
  std::uint64_t one = 0;
  Check(::read(event_.get(), &one, sizeof one) == sizeof one, "an eventfd counts what a queue holds");
  room_.notify_one();
  return news;
}

void NewsQueue::Close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  room_.notify_all();
}

Follower::Follower(ClientOptions options, NewsQueue& queue, Topic topic, Attempt attempt)
    : options_(std::move(options)), queue_(queue), topic_(topic), attempt_(std::move(attempt)), thread_([this] { Run(); }) {}

Follower::~Follower() {
  queue_.Close();
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    if (client_) client_->Cancel();
    stop_.notify_all();
  }
  thread_.join();
}

void Follower::Run() {
  for (;;) {
    Status how = AttemptOnce();
    const bool again = !how && (how.error().code == ErrorCode::kUnavailable || how.error().code == ErrorCode::kTimeout);
    if (!again) {
      queue_.Put(StreamEnded{.topic = topic_, .how = std::move(how)});
      return;
    }
    if (!std::exchange(silent_, true)) queue_.Put(Silence{.topic = topic_, .error = how.error()});
    if (!PauseUnlessStopped()) return;
  }
}

Status Follower::AttemptOnce() {
  EVERSTEP_ASSIGN(std::shared_ptr<ControlClient> client, ControlClient::Connect(options_));
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return {};
    client_ = client;
  }
  return attempt_(*client, [this](News news) {
    if (std::exchange(silent_, false) && !queue_.Put(HeardAgain{.topic = topic_})) return false;
    return queue_.Put(std::move(news));
  });
}

bool Follower::PauseUnlessStopped() {
  std::unique_lock lock(mutex_);
  stop_.wait_for(lock, kPause, [&] { return stopping_; });
  return !stopping_;
}

Follower::Attempt JobNews(JobId job) {
  return [job](ControlClient& client, const std::function<bool(News)>& put) {
    return client.Stream(GetJob{.job = job, .watch = true}, [&](ApiReply reply) {
      auto* view = std::get_if<JobReply>(&reply);
      return !view || put(std::move(view->job));
    });
  };
}

Follower::Attempt EventNews(JobId job, NodeId node, LogIndex after) {
  return [job, node, after](ControlClient& client, const std::function<bool(News)>& put) mutable {
    return client.Stream(ListEvents{.job = job, .node = node, .after = after, .follow = true}, [&](ApiReply reply) {
      auto* some = std::get_if<EventsReply>(&reply);
      if (!some) return true;
      for (EventView& event : some->events) {
        after = std::max(after, event.index);
        if (!put(std::move(event))) return false;
      }
      return true;
    });
  };
}

Follower::Attempt LogNews(LogsRequest request) {
  using Source = std::tuple<Generation, std::uint32_t, bool>;  // rank, is_stderr
  return [request, taken = std::map<Source, std::uint64_t>()](ControlClient& client,
                                                              const std::function<bool(News)>& put) mutable {
    std::map<Source, std::uint64_t> told;  // by this attempt, which may begin with what was taken before
    return client.Logs(request, [&](LogChunk chunk) {
      const Source source{chunk.generation, chunk.rank, chunk.is_stderr};
      std::uint64_t& at = told[source];
      std::uint64_t& done = taken[source];
      const std::uint64_t old = std::min<std::uint64_t>(chunk.bytes.size(), done > at ? done - at : 0);
      at += chunk.bytes.size();
      done = std::max(done, at);
      chunk.bytes.erase(0, old);
      return (chunk.bytes.empty() && chunk.note.empty()) || put(std::move(chunk));
    });
  };
}

}  // namespace everstep
