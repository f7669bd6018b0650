// Answers readers of logs from a thread of its own, so that no slow disk delays anything else. A reader who is at the end waits
// here, and is answered when something was written or its time is over.
//
// While somebody waits, the files are looked at every 50 ms: what a person sees is at most that old. Nobody waits, nothing
// runs.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <thread>

#include "agent/rpc/log_files.h"
#include "base/result.h"

namespace everstep {

class LogReader {
 public:
  using Done = std::function<void(Result<LogRead>)>;

  explicit LogReader(std::string log_dir);
  // Who waits gets nothing.
  ~LogReader();

  // Any thread. `done` is called once, on the reader's thread, within `query.wait` (30 s at most) and the time the disk takes.
  // kExhausted at once: too many wait already.
  void Read(ReadLog query, Done done);

 private:
  using SteadyTime = std::chrono::steady_clock::time_point;
  struct Waiting {
    ReadLog query{};
    SteadyTime until{};
    Done done{};
  };
  void Run();
  bool Serve(Waiting& one);  // true: answered

  const std::string log_dir_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::list<Waiting> waiting_;  // not yet seen by the thread
  std::size_t open_ = 0;        // not yet answered
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace everstep
