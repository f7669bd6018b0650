// Files made from files: a corpus, changed at random from a seed. The same seed gives the same files.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/rng.h"

namespace everstep {

// All files below the directory, in order of their names.
std::vector<std::string> ReadCorpus(const std::string& directory);

// One to eight changes: bits, bytes, pieces that mean something to YAML, pieces cut out, repeated, or taken from another file.
std::string Mutate(const std::vector<std::string>& corpus, Rng& rng);

struct Found {
  std::uint64_t run = 0;
  std::string input{};
  std::string problem{};
};
// `runs` mutations from the seed; the first for which `broken` has something to say.
std::optional<Found> Fuzz(const std::vector<std::string>& corpus, std::uint64_t runs, std::uint64_t seed,
                          const std::function<std::optional<std::string>(const std::string&)>& broken);

}  // namespace everstep
