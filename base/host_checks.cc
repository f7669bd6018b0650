#include "base/host_checks.h"

#include <algorithm>
#include <array>

namespace everstep {

namespace {

constexpr std::size_t kCheckItself = 160;  // names of fields and numbers, as JSON, which is longer than protobuf
constexpr std::size_t kHistoryItself = 48;

std::size_t BytesOf(const HostCheck& check) {
  std::size_t bytes = kCheckItself + check.check.size() + check.scope.size() + check.value.size() + check.limit.size() +
                      check.why.size() + check.evidence.size() + check.states.size() * kHistoryItself;
  for (const CheckValue& value : check.values) bytes += kHistoryItself + value.value.size();
  return bytes;
}

}  // namespace

void SortByGravity(std::vector<HostCheck>& checks) {
  const auto gravity = [](const HostCheck& check) {
    constexpr std::array kOrder{CheckState::fail, CheckState::warn, CheckState::unknown, CheckState::ok};
    return std::find(kOrder.begin(), kOrder.end(), check.state) - kOrder.begin();
  };
  std::stable_sort(checks.begin(), checks.end(),
                   [&](const HostCheck& a, const HostCheck& b) { return gravity(a) < gravity(b); });
}

void Merge(HostChecks& checks, const std::vector<HostCheck>& known) {
  checks.checks.insert(checks.checks.end(), known.begin(), known.end());
  std::sort(checks.checks.begin(), checks.checks.end(),
            [](const HostCheck& a, const HostCheck& b) { return std::pair(a.check, a.scope) < std::pair(b.check, b.scope); });
  SortByGravity(checks.checks);
}

void KeepWithin(HostChecks& checks, std::size_t bytes_max) {
  std::size_t bytes = 0, kept = 0;
  while (kept < checks.checks.size() && (bytes += BytesOf(checks.checks[kept])) <= bytes_max) ++kept;
  checks.left_out += static_cast<std::uint32_t>(checks.checks.size() - kept);
  checks.checks.resize(kept);
}

void GrowOlder(HostChecks& checks, Duration by) {
  checks.age += by;
  checks.watched_for += by;
  for (HostCheck& check : checks.checks) {
    if (check.age) *check.age += by;
    check.in_state += by;
    for (CheckChange& change : check.states) change.ago += by;
    for (CheckValue& value : check.values) value.ago += by;
  }
}

}  // namespace everstep
