#include "agent/rpc/log_reader.h"

#include <algorithm>

#include "base/text.h"

namespace everstep {

namespace {

constexpr Duration kLookEvery = 50ms;
constexpr Duration kWaitMax = 30s;
constexpr std::size_t kWaitingMax = 1024;

}  // namespace

LogReader::LogReader(std::string log_dir) : log_dir_(std::move(log_dir)), thread_([this] { Run(); }) {}

LogReader::~LogReader() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void LogReader::Read(ReadLog query, Done done) {
  {
    const std::lock_guard lock(mutex_);
    if (open_ < kWaitingMax) {
      ++open_;
      const Duration wait = std::clamp<Duration>(query.wait, 0s, kWaitMax);
      waiting_.push_back({std::move(query), std::chrono::steady_clock::now() + wait, std::move(done)});
      changed_.notify_all();
      return;
    }
  }
  done(Fail(ErrorCode::kExhausted, Cat(kWaitingMax, " readers of logs wait already"), "try again later"));
}

void LogReader::Run() {
  std::list<Waiting> mine;  // whom this thread looks after; waiting_ is where they arrive
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const auto news = [this] { return stopping_ || !waiting_.empty(); };
    if (mine.empty())
      changed_.wait(lock, news);
    else
      changed_.wait_for(lock, kLookEvery, news);
    mine.splice(mine.end(), waiting_);
    lock.unlock();
    const std::size_t over = std::erase_if(mine, [this](Waiting& one) { return Serve(one); });
    lock.lock();
    open_ -= over;
  }
}

bool LogReader::Serve(Waiting& one) {
  Result<LogRead> read = ReadLogFiles(log_dir_, one.query);
  if (read && read->pieces.empty() && std::chrono::steady_clock::now() < one.until) {
    // From here on, and whatever comes later from its first byte.
    one.query.places = std::move(read->places);
    one.query.tail_lines.reset();
    one.query.within.reset();
    one.query.since.reset();
    return false;
  }
  one.done(std::move(read));
  return true;
}

}  // namespace everstep
