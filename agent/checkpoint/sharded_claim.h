// torch.distributed.checkpoint (DCP): shards `__<rank>_<n>.distcp`, and `.metadata`, which rank 0 writes once every rank has
// written its shards. The metadata, a pickle, says which bytes of which shard hold what; a shard that lacks some of them is
// torn, though all names are there. What lies at each place is a torch.save zip with CRCs of its own.
//
// Thread: any.
#pragma once

#include <cstdint>
#include <map>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "agent/checkpoint/recognised.h"
#include "agent/checkpoint/survey.h"
#include "base/result.h"

namespace everstep {

struct ShardPart {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  friend auto operator<=>(const ShardPart&, const ShardPart&) = default;
};
// By file name, beside the metadata. No parts: the metadata names it, but not in a way that is known here.
using Shards = std::map<std::string, std::vector<ShardPart>>;

// kCorrupt: it is no whole pickle.
Result<Shards> ShardsNamedIn(std::string_view metadata);

bool HoldsShards(const Survey& survey);

// Complete: every shard that a .metadata names is there and long enough. REQUIRES: HoldsShards(survey).
Result<Recognised> ShardedClaim(const std::string& path, const Survey& survey);

// Verifies the zips in the shards; as evidence how many. kCorrupt: one is torn.
Result<std::string> CheckShards(const std::string& path, const Survey& survey, Depth depth, std::stop_token stop);

}  // namespace everstep
