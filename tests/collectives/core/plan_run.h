// Runs all ranks' plans of one collective together, without bytes: a block holds how often each rank's contribution to it has
// been counted in. Every send must meet its receive, of as many blocks; what is read in a round is what stood there when it
// began.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "collectives/core/plan.h"

namespace everstep {

class PlanRun {
 public:
  // counts[source]: contributions of that rank; for all_gather and all_to_all a block comes from its one source.
  using Block = std::vector<std::uint32_t>;
  std::vector<std::vector<Block>> buffers{};  // by rank, by block
  std::string fault{};                        // the first thing that was not as it should be

  explicit PlanRun(std::vector<Plan> plans) : plans_(std::move(plans)) {
    const std::uint32_t n = plans_[0].ranks;
    for (const Plan& plan : plans_) {
      std::vector<Block> buffer(plan.blocks, Block(n, 0));
      for (std::uint32_t b = 0; b < plan.blocks; ++b)
        if (Starts(plan, b)) buffer[b][plan.rank] = 1;
      buffers.push_back(std::move(buffer));
      Expect(plan.rounds.size() == plans_[0].rounds.size(), Cat("rank ", plan.rank, " counts other rounds than rank 0"));
    }
    for (std::size_t round = 0; fault.empty() && round < plans_[0].rounds.size(); ++round) Play(round);
  }

 private:
  static bool Starts(const Plan& plan, std::uint32_t block) {
    switch (plan.collective) {
      case Collective::all_reduce:
      case Collective::reduce_scatter: return true;
      case Collective::all_gather: return block == plan.rank;
      case Collective::all_to_all: return block < plan.ranks;
    }
    return false;
  }

  void Expect(bool holds, const std::string& what) {
    if (!holds && fault.empty()) fault = what;
  }

  struct Flying {
    std::uint32_t first = 0;
    std::vector<Block> blocks{};
  };
  using Air = std::map<std::pair<std::uint32_t, std::uint32_t>, Flying>;  // by sender and receiver

  void Play(std::size_t round) {
    for (const Plan& plan : plans_)
      for (const PlannedCopy& copy : plan.rounds[round].copies) buffers[plan.rank][copy.to] = buffers[plan.rank][copy.from];
    Air flying;
    for (const Plan& plan : plans_) {
      for (const PlannedSend& send : plan.rounds[round].sends) {
        Expect(send.peer != plan.rank && send.peer < plan.ranks, Cat("rank ", plan.rank, " sends to ", send.peer));
        Expect(send.blocks.count > 0 && send.blocks.first + send.blocks.count <= plan.blocks,
               Cat("rank ", plan.rank, " sends what is no block"));
        if (!fault.empty()) return;
        const auto begin = buffers[plan.rank].begin() + send.blocks.first;
        Expect(flying.emplace(std::pair(plan.rank, send.peer), Flying{send.blocks.first, {begin, begin + send.blocks.count}})
                   .second,
               Cat("rank ", plan.rank, " sends twice to ", send.peer, " in round ", round));
      }
    }
    for (const Plan& plan : plans_)
      for (const PlannedReceive& receive : plan.rounds[round].receives) Land(plan, receive, flying);
    Expect(flying.empty(), Cat("a send of round ", round, " is received by nobody"));
  }

  void Land(const Plan& plan, const PlannedReceive& receive, Air& flying) {
    const auto sent = flying.find({receive.peer, plan.rank});
    Expect(sent != flying.end(), Cat("rank ", plan.rank, " waits for ", receive.peer, ", who sends nothing"));
    if (!fault.empty()) return;
    const bool to_all = plan.collective == Collective::all_to_all;
    const bool in_place = to_all ? sent->second.first == plan.rank && receive.blocks.first == plan.ranks + receive.peer
                                 : sent->second.first == receive.blocks.first;
    Expect(in_place && sent->second.blocks.size() == receive.blocks.count &&
               receive.blocks.first + receive.blocks.count <= plan.blocks,
           Cat("rank ", plan.rank, " expects other blocks than ", receive.peer, " sends"));
    if (!fault.empty()) return;
    for (std::uint32_t i = 0; i < receive.blocks.count; ++i) {
      Block& block = buffers[plan.rank][receive.blocks.first + i];
      const Block& come = sent->second.blocks[i];
      if (!receive.add) block.assign(block.size(), 0);
      for (std::size_t source = 0; source < block.size(); ++source) block[source] += come[source];
    }
    flying.erase(sent);
  }

  std::vector<Plan> plans_;
};

inline std::vector<Plan> PlansOfAll(Collective collective, Algorithm algorithm, std::uint32_t ranks) {
  std::vector<Plan> plans;
  for (std::uint32_t rank = 0; rank < ranks; ++rank) plans.push_back(PlanFor(collective, algorithm, ranks, rank));
  return plans;
}

}  // namespace everstep
