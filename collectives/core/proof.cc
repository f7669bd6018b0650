#include "collectives/core/proof.h"

#include "base/text.h"

namespace everstep {
namespace {

// Other traffic of the host may pass another device meanwhile; as much as a test moves is not that.
constexpr std::uint64_t kStrangerShare = 2;  // one half

const DeviceBytes* Find(const std::vector<DeviceBytes>& all, const std::string& device) {
  for (const DeviceBytes& one : all)
    if (one.device == device) return &one;
  return nullptr;
}

std::optional<std::uint64_t> Grown(const std::optional<std::uint64_t>& before, const std::optional<std::uint64_t>& after) {
  if (!before || !after || *after < *before) return std::nullopt;
  return *after - *before;
}

struct Growth {
  std::optional<std::uint64_t> sent{};
  std::optional<std::uint64_t> received{};
};

Growth GrowthOf(const std::string& device, const std::vector<DeviceBytes>& before, const std::vector<DeviceBytes>& after) {
  const DeviceBytes* then = Find(before, device);
  const DeviceBytes* now = Find(after, device);
  if (then == nullptr || now == nullptr) return {};
  return {.sent = Grown(then->sent, now->sent), .received = Grown(then->received, now->received)};
}

bool Covers(const std::optional<std::uint64_t>& grown, std::uint64_t moved) { return grown.value_or(0) >= moved; }

}  // namespace

DeviceProof ProveDevice(const std::string& device, const std::vector<DeviceBytes>& before,
                        const std::vector<DeviceBytes>& after, const MovedBytes& moved) {
  const std::string task = Cat(moved.sent, " bytes were sent and ", moved.received, " received by ", device);
  if (moved.sent == 0 && moved.received == 0) return {.proven = false, .why = Cat("nothing was moved by ", device)};
  if (Find(before, device) == nullptr || Find(after, device) == nullptr) {
    std::vector<std::string> there;
    for (const DeviceBytes& one : after) there.push_back(one.device);
    return {.proven = false, .why = Cat(task, ", which has no counters here; ", there.empty() ? "no device has" : Join(there))};
  }
  const Growth own = GrowthOf(device, before, after);
  if (!own.sent || !own.received)
    return {.proven = false, .why = Cat(task, ", whose counters cannot be read or were reset meanwhile")};
  const std::string seen = Cat(*own.sent, " and ", *own.received);
  if (Covers(own.sent, moved.sent) && Covers(own.received, moved.received))
    return {.proven = true, .why = Cat(task, ", whose counters grew by ", seen)};
  std::string elsewhere;
  for (const DeviceBytes& one : after) {
    if (one.device == device) continue;
    const Growth other = GrowthOf(one.device, before, after);
    if (Covers(other.sent, moved.sent / kStrangerShare) && Covers(other.received, moved.received / kStrangerShare))
      elsewhere += Cat("; ", one.device, " grew by ", other.sent.value_or(0), " and ", other.received.value_or(0));
  }
  return {
      .proven = false,
      .why = Cat(task, ", whose counters grew by ", seen, " only", elsewhere.empty() ? "; no other device's did" : elsewhere)};
}

}  // namespace everstep
