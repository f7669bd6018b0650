// torchrun's flags that `everstep run` has besides its own: which output is shown and filed, and those that have nothing to do
// here. So that a line that begins with torchrun can be tried with `everstep run` in front instead.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace CLI {
class App;
}

namespace everstep {

// Streams for each local rank, as -r and -t name them: "3" for all ranks, or "0:1,1:2". 1: stdout, 2: stderr, 3: both.
struct StreamChoice {
  std::uint32_t everyone = 0;
  std::map<std::uint32_t, std::uint32_t> by_rank{};

  bool Has(std::uint32_t local_rank, bool is_stderr) const;
};
// kInvalid: found, legal.
Result<StreamChoice> ParseStreams(std::string_view text);

// Where what the ranks write goes on this side. The hosts keep all of it in any case.
struct OutputChoice {
  StreamChoice redirects{};                       // not shown
  StreamChoice tee{};                             // shown, and filed
  std::optional<std::set<std::uint32_t>> only{};  // shown of these local ranks; nullopt: of all
  std::string directory{};                        // absolute; empty: nothing is filed
  bool files_all = false;                         // a directory, and neither -r nor -t says which streams go there

  bool Plain() const { return directory.empty() && !only && redirects.by_rank.empty() && redirects.everyone == 0; }
  bool Shows(std::uint32_t local_rank, bool is_stderr) const;
  bool Files(std::uint32_t local_rank, bool is_stderr) const;
};

struct TorchrunFlags {
  std::string redirects = "0";
  std::string tee = "0";
  std::string log_dir{};
  std::string local_ranks{};
  std::vector<std::string> ignored{};  // names of flags that were given and have no effect
};

void AddTorchrunFlags(CLI::App& verb, TorchrunFlags& flags);

// `directory`: where the user stands.
Result<OutputChoice> OutputOf(const TorchrunFlags& flags, const std::string& directory);

// One line for each reason, "--rdzv-id and --master-addr have no effect: …"; empty: there is nothing to say.
std::string WhyIgnored(const std::vector<std::string>& flags);

}  // namespace everstep
