// What the kernel's log has said since a gang was started, as far as it may be why a rank died: an accelerator's error (Xid,
// off the bus), a disk's, the out-of-memory killer or a crash of that very process.
//
// A line about the whole host counts for kAtThatTime: what an error of days ago did not kill, it did not kill today. The kernel
// names the thread that crashed, which is no process's number unless it was the first: such a line counts for kAtThatMoment.
//
// Read is the log's own device (/dev/kmsg: a record a read), or a file of such lines. A line that names another process is no
// word about this one; the kernel counts processes as its first pid namespace does, so that in a container no line names ours.
//
// Thread: one at a time (the keeper's disk thread). Cost: what the log has grown by.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "base/real/fd.h"
#include "base/result.h"

namespace everstep {

class KernelLog {
 public:
  // Empty: there is none. Nothing is opened yet.
  explicit KernelLog(std::string path) : path_(std::move(path)) {}

  // From now on. The error says what will not be known.
  Status Open();
  static constexpr std::int64_t kAtThatTime = 60'000'000;  // microseconds
  static constexpr std::int64_t kAtThatMoment = 3'000'000;

  // The lines about `pid`, and those about the whole host, oldest first; at most limit::kKernelBytes, the last of them. `now`:
  // as the kernel stamps its lines, microseconds since boot. `others`: processes of the same gang, whose crashes are not this
  // one's.
  std::string About(pid_t pid, std::int64_t now, const std::vector<pid_t>& others = {});

 private:
  void ReadNew(std::int64_t now);
  void Take(std::string_view record, std::int64_t now);

  std::string path_;
  Fd fd_{};
  std::string rest_{};  // of a file: a line that is not finished
  struct Line {
    std::int64_t at = 0;  // microseconds since boot
    std::string text{};
  };
  std::deque<Line> lines_{};
};

}  // namespace everstep
