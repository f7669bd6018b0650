// What the kernel's log has said since a gang was started, as far as it may be why a rank died: an accelerator's error (Xid,
// off the bus), a disk's, the out-of-memory killer or a crash of that very process.
//
// Read is the log's own device (/dev/kmsg: a record a read), or a file of such lines. A line that names another process is no
// word about this one; the kernel counts processes as its first pid namespace does, so that in a container no line names ours.
//
// Thread: one at a time (the keeper's disk thread). Cost: what the log has grown by.
#pragma once

#include <sys/types.h>

#include <deque>
#include <string>
#include <string_view>

#include "base/real/fd.h"
#include "base/result.h"

namespace everstep {

class KernelLog {
 public:
  // Empty: there is none. Nothing is opened yet.
  explicit KernelLog(std::string path) : path_(std::move(path)) {}

  // From now on. The error says what will not be known.
  Status Open();
  // The lines about `pid`, and those about the whole host, oldest first; at most limit::kKernelBytes, the last of them.
  std::string About(pid_t pid);

 private:
  void ReadNew();
  void Take(std::string_view record);

  std::string path_;
  Fd fd_{};
  std::string rest_{};  // of a file: a line that is not finished
  std::deque<std::string> lines_{};
};

}  // namespace everstep
