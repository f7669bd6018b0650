// The real StateWriter: one thread that writes through Files, the newest value of each path.
//
// Threads: Write from one; `post` is called on the writer's own. Ending it ends after the write it is in: what still waits is
// not written, and nothing was done yet that rests on it.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>

#include "agent/daemon/state_writer.h"
#include "base/seam/files.h"

namespace everstep {

class DiskWriter final : public StateWriter {
 public:
  DiskWriter(Files& files, std::function<void(StateWritten)> post);
  ~DiskWriter() override;
  DiskWriter(const DiskWriter&) = delete;
  DiskWriter& operator=(const DiskWriter&) = delete;

  void Write(std::string path, std::uint64_t number, std::string bytes) override;

 private:
  struct Waiting {
    std::uint64_t number = 0;
    std::string bytes{};
  };
  void Run();

  Files& files_;
  const std::function<void(StateWritten)> post_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, Waiting> waiting_;  // by path
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace everstep
