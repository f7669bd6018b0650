// The kernel's log, record by record, from the device (/dev/kmsg) or from a file of such records:
//
//   6,52740,36282214410,-;lab0: port 2(n1) entered forwarding state
//    SUBSYSTEM=net                                  more about it, for machines
//
// The kernel numbers its records: what was overwritten before it could be read shows as a gap, and is counted. A record tells
// who wrote it: programs may write to the device too.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/real/fd.h"
#include "base/result.h"

namespace everstep::health {

struct KernelRecord {
  std::uint64_t number = 0;
  std::int64_t at = 0;      // microseconds since the boot
  bool by_program = false;  // not the kernel
  std::string text{};
};

// nullopt: no record, or a line that goes on about the one before.
std::optional<KernelRecord> ParseRecord(std::string_view line);

class Kmsg {
 public:
  // From the oldest record that is still there. The error says which right is missing.
  static Result<Kmsg> Open(const std::string& path);

  // Calls `take` for each new record, at most `most`; false: there may be more.
  bool ReadNew(const std::function<void(const KernelRecord&)>& take, std::size_t most = 200'000);

  std::uint64_t overrun() const { return overrun_; }
  int fd() const { return fd_.get(); }

 private:
  explicit Kmsg(Fd fd) : fd_(std::move(fd)) {}
  void Take(std::string_view line, const std::function<void(const KernelRecord&)>& take);

  Fd fd_;
  std::string rest_{};  // of a file: a line that is not finished
  std::optional<std::uint64_t> last_{};
  std::uint64_t overrun_ = 0;
};

}  // namespace everstep::health
