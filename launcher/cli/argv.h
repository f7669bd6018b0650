// The words of the command line before CLI11 sees them: torchrun's spellings, and where the user's own command begins.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace everstep {

struct SplitArgv {
  std::vector<std::string> ours{};     // flags of everstep
  std::vector<std::string> command{};  // all from the first word that is no flag, or after "--"
};

// `words` follow the verb `run`. In flags, '_' reads as '-' (--nproc_per_node). `takes_value` says of "--nnodes" whether the
// next word is its value; of an unknown flag it says no.
SplitArgv SplitCommand(const std::vector<std::string>& words, const std::function<bool(std::string_view flag)>& takes_value);

}  // namespace everstep
