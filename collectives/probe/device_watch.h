// Reads the counters of RDMA devices before a test and after it, and says on which ranks the bytes did not pass the device that
// they should have passed. Without such a device (tcp, shared memory) there is nothing to prove.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "collectives/probe/group.h"

namespace everstep {

class DeviceWatch {
 public:
  DeviceWatch(const ProbeGroup& group, const ProbeOptions& options);

  // All ranks call it and get the same: a sentence for each rank whose bytes are NOT PROVEN.
  Result<std::vector<std::string>> NotProven() const;

 private:
  const ProbeGroup& group_;
  std::string root_;
  // Payload since the start, by the device that it should pass. Empty: nothing to prove.
  std::map<std::string, MovedBytes> MovedByDevice() const;

  std::string device_;  // instead of the rails' own
  std::map<std::string, MovedBytes> moved_before_{};
  std::vector<DeviceBytes> before_{};
};

}  // namespace everstep
