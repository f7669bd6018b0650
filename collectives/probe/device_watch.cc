#include "collectives/probe/device_watch.h"

#include "base/text.h"
#include "collectives/probe/device_counters.h"

namespace everstep {

DeviceWatch::DeviceWatch(const ProbeGroup& group, const ProbeOptions& options)
    : group_(group), root_(options.root), device_(options.device), moved_before_(MovedByDevice()) {
  if (!moved_before_.empty()) before_ = ReadDeviceBytes(root_);
}

std::map<std::string, MovedBytes> DeviceWatch::MovedByDevice() const {
  std::map<std::string, MovedBytes> moved;
  if (!device_.empty()) moved[device_];
  for (const RailUse& rail : group_.backend->Nics()) {
    if (device_.empty() && !rail.rdma_device) continue;
    MovedBytes& sum = moved[device_.empty() ? *rail.rdma_device : device_];
    sum.sent += rail.moved.sent;
    sum.received += rail.moved.received;
  }
  return moved;
}

Result<std::vector<std::string>> DeviceWatch::NotProven() const {
  std::vector<std::string> own;
  std::map<std::string, MovedBytes> moved = MovedByDevice();
  bool any = false;
  for (auto& [device, bytes] : moved) {
    const MovedBytes& then = moved_before_.at(device);
    bytes = {.sent = bytes.sent - then.sent, .received = bytes.received - then.received};
    any = any || bytes.sent > 0;
  }
  const std::vector<DeviceBytes> after = moved.empty() ? std::vector<DeviceBytes>() : ReadDeviceBytes(root_);
  for (const auto& [device, bytes] : moved) {
    // One rank alone moves nothing, unless it sends to itself; and a few small messages need not take all rails.
    if (bytes.sent == 0 && bytes.received == 0 && (any || group_.ranks() == 1)) continue;
    const DeviceProof proof = ProveDevice(device, before_, after, bytes);
    if (!proof.proven) own.push_back(Printable(proof.why));
  }
  EVERSTEP_ASSIGN(const std::vector<std::string> all, group_.company.exchange(Join(own, "; and ")));
  std::vector<std::string> not_proven;
  for (std::uint32_t rank = 0; rank < all.size(); ++rank)
    if (!all[rank].empty()) not_proven.push_back(Cat(group_.company.Who(rank), ": ", all[rank]));
  return not_proven;
}

}  // namespace everstep
