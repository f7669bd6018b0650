#include "collectives/probe/device_watch.h"

#include "base/text.h"
#include "collectives/probe/device_counters.h"

namespace everstep {

DeviceWatch::DeviceWatch(const ProbeGroup& group, const ProbeOptions& options)
    : group_(group),
      root_(options.root),
      device_(options.device.empty() ? group.backend->RdmaDevice().value_or("") : options.device),
      moved_before_(group.backend->Moved()) {
  if (!device_.empty()) before_ = ReadDeviceBytes(root_);
}

Result<std::vector<std::string>> DeviceWatch::NotProven() const {
  std::string own;
  const MovedBytes now = group_.backend->Moved();
  const MovedBytes moved{.sent = now.sent - moved_before_.sent, .received = now.received - moved_before_.received};
  // One rank alone moves nothing, unless it sends to itself.
  const bool alone = group_.ranks() == 1 && moved.sent == 0;
  if (!device_.empty() && !alone) {
    const DeviceProof proof = ProveDevice(device_, before_, ReadDeviceBytes(root_), moved);
    if (!proof.proven) own = proof.why;
  }
  EVERSTEP_ASSIGN(const std::vector<std::string> all, group_.company.exchange(own));
  std::vector<std::string> not_proven;
  for (std::uint32_t rank = 0; rank < all.size(); ++rank)
    if (!all[rank].empty()) not_proven.push_back(Cat(group_.company.Who(rank), ": ", Printable(all[rank])));
  return not_proven;
}

}  // namespace everstep
