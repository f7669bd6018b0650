// "did you mean": the word that a person most likely meant.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace everstep {

// The word among `words` nearest to `typo`: at most two slips (a letter more, less, other, or two neighbours swapped) and fewer
// than half of its letters; empty: none is near. Cost: O(words × letters²).
std::string_view Nearest(std::string_view typo, const std::vector<std::string>& words);

// "did you mean `nodes`?", or empty.
std::string DidYouMean(std::string_view typo, const std::vector<std::string>& words);

}  // namespace everstep
