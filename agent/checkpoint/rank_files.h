// Checkpoints that are one file, or one directory, for each rank of a grid, without a list of what belongs to them:
//
//   DeepSpeed   TAG/mp_rank_00_model_states.pt, TAG/zero_pp_rank_<dp>_mp_rank_<mp>_optim_states.pt …, and beside TAG a file
//               `latest` that names it, written by rank 0 when it has saved its own part: other ranks may still be at theirs
//   Megatron    iter_0000100/mp_rank_<tp>[_<pp>[_<ep>]]/model_optim_rng.pt …, and beside it latest_checkpointed_iteration.txt,
//               written last
//
// A grid is whole when no place in it is empty; DeepSpeed's files say themselves how many ranks wrote them.
//
// Thread: any.
#pragma once

#include <optional>
#include <string>

#include "agent/checkpoint/recognised.h"
#include "agent/checkpoint/survey.h"
#include "base/result.h"

namespace everstep {

// nullopt: it is no such checkpoint. `path`: as for Recognise.
Result<std::optional<Recognised>> DeepSpeedClaim(const std::string& path, const Survey& survey);
Result<std::optional<Recognised>> MegatronClaim(const std::string& path, const Survey& survey);

// The file that must stand beside such a checkpoint for its own loader to find it.
struct Pointer {
  std::string file{};
  std::string text{};
  friend bool operator==(const Pointer&, const Pointer&) = default;
};
std::optional<Pointer> PointerTo(const std::string& name, const Survey& survey);

}  // namespace everstep
