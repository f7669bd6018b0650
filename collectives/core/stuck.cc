#include "collectives/core/stuck.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "base/check.h"
#include "base/text.h"

namespace everstep {
namespace {

constexpr char kBetween = '\x1f';
constexpr std::size_t kParts = 8;

// One end of a wait: a rank, and which of its NICs.
using End = std::pair<std::uint32_t, std::string>;

// Whether the peer has not got so far: data of a round are sent when it begins, receives are posted a round ahead.
bool Explained(const StuckWait& wait, const std::vector<StuckWait>& waits) {
  const auto peer = std::find_if(waits.begin(), waits.end(), [&](const StuckWait& one) { return one.rank == *wait.peer; });
  return peer != waits.end() && peer->round + (wait.sends ? 1 : 0) < wait.round;
}

// The end that more waits have than any other, if at least two have it, and of how many it is.
struct CommonEnd {
  End end{};
  std::size_t waits = 0;
  std::size_t of = 0;
};
std::optional<CommonEnd> CommonEndOf(const std::vector<StuckWait>& waits) {
  std::map<End, std::size_t> ends;
  CommonEnd common;
  for (const StuckWait& wait : waits) {
    if (!wait.peer || Explained(wait, waits)) continue;
    ++common.of;
    ++ends[{wait.rank, wait.nic_here}];
    ++ends[{*wait.peer, wait.nic_there}];
  }
  bool alone = false;
  for (const auto& [end, times] : ends) {
    alone = times > common.waits || (alone && times < common.waits);
    if (times > common.waits) common = {end, times, common.of};
  }
  return alone && common.waits > 1 ? std::optional(common) : std::nullopt;
}

}  // namespace

std::string PackStuck(const StuckWait& wait) {
  return Join({std::to_string(wait.rank), std::to_string(wait.round), wait.peer ? std::to_string(*wait.peer) : "",
               wait.sends ? "s" : "r", wait.nic_here, wait.nic_there, wait.down, wait.how},
              std::string(1, kBetween));
}

std::optional<StuckWait> UnpackStuck(const std::string& packed) {
  const std::vector<std::string> parts = Split(packed, kBetween);
  if (parts.size() != kParts) return std::nullopt;
  const auto rank = ParseUnsigned(parts[0]), round = ParseUnsigned(parts[1]), peer = ParseUnsigned(parts[2]);
  if (!rank || !round || (!peer && !parts[2].empty())) return std::nullopt;
  return StuckWait{.rank = static_cast<std::uint32_t>(*rank),
                   .round = *round,
                   .peer = peer ? std::optional(static_cast<std::uint32_t>(*peer)) : std::nullopt,
                   .sends = parts[3] == "s",
                   .nic_here = parts[4],
                   .nic_there = parts[5],
                   .down = parts[6],
                   .how = parts[7]};
}

std::string StuckText(std::vector<StuckWait> waits, const std::function<std::string(std::uint32_t)>& who) {
  Check(!waits.empty(), "somebody is stuck");
  std::sort(waits.begin(), waits.end(),
            [](const StuckWait& a, const StuckWait& b) { return std::tie(a.round, a.how) < std::tie(b.round, b.how); });
  const std::string& how = waits.front().how;
  std::vector<std::string> down;
  for (const StuckWait& wait : waits)
    if (!wait.down.empty()) down.push_back(Cat(who(wait.rank), "'s ", wait.down));
  if (!down.empty())
    return Cat(Join(down, ", ", " and "), down.size() == 1 ? " has" : " have", " no link; the first wait: ", how);
  const std::optional<CommonEnd> common = CommonEndOf(waits);
  if (!common) return how;
  const auto& [rank, nic] = common->end;
  return Cat(who(rank), nic.empty() ? "" : Cat("'s ", nic), " is at one end of ", common->waits, " of ",
             Count(common->of, "wait"), " that nothing else explains; the first: ", how);
}

}  // namespace everstep
