#include "launcher/cli/check_kinds.h"

#include <algorithm>
#include <set>

#include "base/text.h"

namespace everstep {

namespace {

constexpr std::string_view kGpus = "gpu.count";
constexpr std::string_view kNoGpus = "cpu";  // the profiles of hosts of which only this is known
constexpr std::string_view kSomeGpus = "gpu";

}  // namespace

HostKinds::HostKinds(const std::vector<std::vector<health::VerdictLine>>& scans) {
  std::set<std::string> names;
  for (const std::vector<health::VerdictLine>& lines : scans) {
    Kind& kind = kinds_.emplace_back();
    kind.silent = lines.empty();
    const auto says = std::find_if(lines.begin(), lines.end(), [](const auto& line) { return line.profile.has_value(); });
    if (says == lines.end()) continue;
    const std::string profile = Clip(Printable(*says->profile), 80), product = Clip(Printable(says->product.value_or("")), 80);
    kind = {.profile = profile, .product = product, .name = product.empty() ? profile : Cat(product, " (", profile, ')')};
    names.insert(kind.name);
  }
  several_ = names.size() > 1;
  // Of an agent that does not say what its host is: like the others, if those are all alike.
  if (names.size() != 1) return;
  const Kind known = *std::find_if(kinds_.begin(), kinds_.end(), [](const Kind& kind) { return !kind.name.empty(); });
  for (Kind& kind : kinds_)
    if (!kind.silent) kind = known;
}

// A host on which no GPU came up takes itself for one that never had any: who is of the same make knows better.
std::string HostKinds::For(std::size_t host, std::string_view check) const {
  const Kind& kind = kinds_[host];
  const bool guessed = kind.profile == kNoGpus || kind.profile == kSomeGpus;
  return check == kGpus && guessed ? kind.product : kind.name;
}

std::size_t HostKinds::Alike(std::size_t host) const {
  const auto alike = [&](const Kind& kind) { return !kind.silent && kind.name == kinds_[host].name; };
  return kinds_[host].silent ? 0 : static_cast<std::size_t>(std::count_if(kinds_.begin(), kinds_.end(), alike));
}

}  // namespace everstep
