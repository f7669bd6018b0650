#include "launcher/daemon/store_thread.h"

#include <algorithm>
#include <utility>

namespace everstep {

namespace {
constexpr Duration kForgetEvery = 1h;
}

StoreThread::StoreThread(Store& store, Duration history, std::function<void(LauncherInput)> post, Duration look_every)
    : store_(store), history_(history), post_(std::move(post)), look_every_(look_every), thread_([this] { Run(); }) {}

StoreThread::~StoreThread() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void StoreThread::Append(LogIndex expected, Epoch epoch, Batch batch) { Put(AppendWork{expected, epoch, std::move(batch)}); }
void StoreThread::Compact(Epoch epoch, Snapshot snapshot) { Put(CompactWork{epoch, std::move(snapshot)}); }
void StoreThread::ReadHistory(std::uint64_t token, HistoryQuery query) { Put(ReadWork{token, std::move(query)}); }

void StoreThread::Put(Work work) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(work));
  }
  changed_.notify_one();
}

void StoreThread::Run() {
  for (;;) {
    std::deque<Work> work;
    {
      std::unique_lock lock(mutex_);
      const auto news = [this] { return stopping_ || !waiting_.empty(); };
      if (!nearly_full_)
        changed_.wait(lock, news);
      else
        changed_.wait_for(lock, look_every_, news);
      if (waiting_.empty() && stopping_) return;
      work.swap(waiting_);
    }
    if (work.empty()) Look();
    while (!work.empty())
      if (!Write(work)) return;
  }
}

void StoreThread::Look() {
  nearly_full_ = store_.NearlyFull();
  if (!nearly_full_) post_(Durable{end_, false});
}

// Does the work at the front: all appends up to the next other work as one group. False: the store has failed.
bool StoreThread::Write(std::deque<Work>& work) {
  if (const auto* compact = std::get_if<CompactWork>(&work.front())) {
    const bool good = Do(*compact);
    work.pop_front();
    return good;
  }
  if (const auto* read = std::get_if<ReadWork>(&work.front())) {
    post_(HistoryRead{read->token, store_.History(read->query)});
    work.pop_front();
    return true;
  }
  const LogIndex expected = std::get<AppendWork>(work.front()).expected;
  const Epoch epoch = std::get<AppendWork>(work.front()).epoch;
  std::vector<Batch> batches;
  WallTime newest{};
  while (!work.empty() && std::holds_alternative<AppendWork>(work.front())) {
    batches.push_back(std::move(std::get<AppendWork>(work.front()).batch));
    for (const HistoryRow& row : batches.back().history) newest.ns = std::max(newest.ns, row.at.ns);
    work.pop_front();
  }
  const Result<LogIndex> end = store_.Append(expected, epoch, batches);
  if (!end) return Failed(end.error());
  end_ = *end;
  nearly_full_ = store_.NearlyFull();
  post_(Durable{end_, nearly_full_});
  return Forget(newest);
}

// At the first write and then once an hour.
bool StoreThread::Forget(WallTime newest) {
  if (newest.ns - forgot_at_.ns < Duration(kForgetEvery).count()) return true;
  forgot_at_ = newest;
  const Status forgotten = store_.ForgetHistory({newest.ns - history_.count()});
  return forgotten ? true : Failed(forgotten.error());
}

bool StoreThread::Do(const CompactWork& work) {
  const Status compacted = store_.Compact(work.epoch, work.snapshot);
  return compacted ? true : Failed(compacted.error());
}

bool StoreThread::Failed(const Error& error) {
  post_(StoreFailed{error});
  return false;
}

}  // namespace everstep
