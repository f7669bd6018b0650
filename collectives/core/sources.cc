#include "collectives/core/sources.h"

#include <algorithm>

#include "base/check.h"

namespace everstep {
namespace {

using Buffers = std::vector<std::vector<std::uint64_t>>;  // by rank, by block

Buffers AtTheStart(const std::vector<Plan>& plans) {
  Buffers buffers;
  for (const Plan& plan : plans) {
    buffers.emplace_back(plan.blocks, 0);
    for (std::uint32_t block = 0; block < plan.blocks; ++block)
      if (plan.collective != Collective::all_gather || block == plan.rank)
        buffers.back()[block] = std::uint64_t{1} << plan.rank;
  }
  return buffers;
}

// The sender's blocks that a receive of `to` brings.
const PlannedSend& SendTo(const PlanRound& round, std::uint32_t to) {
  const auto found =
      std::find_if(round.sends.begin(), round.sends.end(), [&](const PlannedSend& send) { return send.peer == to; });
  Check(found != round.sends.end(), "a planned receive has its send");
  return *found;
}

}  // namespace

Sources IncomingSources(Collective collective, Algorithm algorithm, std::uint32_t ranks, std::uint32_t rank) {
  Check(ranks <= kSourcesRanksMax, "a bit a rank");
  std::vector<Plan> plans;
  for (std::uint32_t one = 0; one < ranks; ++one) plans.push_back(PlanFor(collective, algorithm, ranks, one));
  Buffers buffers = AtTheStart(plans);
  Sources sources;
  for (std::size_t round = 0; round < plans[rank].rounds.size(); ++round) {
    const Buffers before = buffers;
    sources.emplace_back();
    for (const Plan& plan : plans) {
      for (const PlannedReceive& receive : plan.rounds[round].receives) {
        const PlannedSend& send = SendTo(plans[receive.peer].rounds[round], plan.rank);
        std::vector<std::uint64_t> come;
        for (std::uint32_t i = 0; i < receive.blocks.count; ++i) {
          come.push_back(before[receive.peer][send.blocks.first + i]);
          std::uint64_t& mine = buffers[plan.rank][receive.blocks.first + i];
          mine = receive.add ? mine | come.back() : come.back();
        }
        if (plan.rank == rank) sources.back().push_back(std::move(come));
      }
    }
  }
  return sources;
}

}  // namespace everstep
