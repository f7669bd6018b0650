// What a verb that follows a job hears, from several streams at once, in one queue: the verb's own thread takes it out and does
// all the printing. Followers (threads, one connection each) put it in, and connect again when the launcher went away: a
// launcher that is restarted is a remark, not an end.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <variant>

#include "base/real/fd.h"
#include "base/result.h"
#include "launcher/core/api.h"
#include "launcher/rpc/client.h"

namespace everstep {

enum class Topic { job, events, logs };

// The launcher cannot be heard on this topic; it is tried again.
struct Silence {
  Topic topic{};
  Error error{};
};
// It can be heard again.
struct HeardAgain {
  Topic topic{};
};
// The stream has ended: for good, or with an error that trying again would not change.
struct StreamEnded {
  Topic topic{};
  Status how{};
};

using News = std::variant<JobView, EventView, LogChunk, Silence, HeardAgain, StreamEnded>;

// Bounded: who puts in waits while it is full, so that a slow terminal slows the streams down and nothing piles up.
class NewsQueue {
 public:
  NewsQueue();
  // False: closed, stop.
  bool Put(News news);
  std::optional<News> Take();
  // Readable while there is something to take.
  int fd() const { return event_.get(); }
  // Whoever waits in Put goes on.
  void Close();

 private:
  std::mutex mutex_;
  std::condition_variable room_;
  std::deque<News> items_;
  bool closed_ = false;
  Fd event_;
};

class Follower {
 public:
  // One attempt: streams into the queue until the stream ends. Called again after kUnavailable; what it has to remember between
  // attempts it keeps itself.
  using Attempt = std::function<Status(ControlClient& client, const std::function<bool(News)>& put)>;

  Follower(ClientOptions options, NewsQueue& queue, Topic topic, Attempt attempt);
  // Ends the stream, closes the queue (its thread may wait there for room), and waits for the thread.
  ~Follower();
  Follower(const Follower&) = delete;
  Follower& operator=(const Follower&) = delete;

 private:
  void Run();
  Status AttemptOnce();
  bool PauseUnlessStopped();

  ClientOptions options_;
  NewsQueue& queue_;
  Topic topic_;
  Attempt attempt_;
  bool silent_ = false;  // the thread's own
  std::mutex mutex_;
  std::condition_variable stop_;
  bool stopping_ = false;
  std::shared_ptr<ControlClient> client_;
  std::thread thread_;
};

// The job now and after every change, until it has ended.
Follower::Attempt JobNews(JobId job);
// Every event with a higher index than `after`, of this job (empty: any) and host (empty: any).
Follower::Attempt EventNews(JobId job, NodeId node, LogIndex after);
// Output of the ranks, each byte once, also when it is asked for again.
Follower::Attempt LogNews(LogsRequest request);

}  // namespace everstep
