#include "base/yaml/typo.h"

#include <algorithm>

#include "base/text.h"

namespace everstep {

namespace {

// Edits from `a` to `b` where swapping two neighbours counts as one (optimal string alignment).
std::size_t Slips(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) d[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i)
    for (std::size_t j = 1; j <= b.size(); ++j) {
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  return d[a.size()][b.size()];
}

}  // namespace

std::string_view Nearest(std::string_view typo, const std::vector<std::string>& words) {
  constexpr std::size_t kLetters = 64;  // a longer word is no slip
  if (typo.size() > kLetters) return {};
  std::string_view nearest;
  std::size_t slips_min = 3;
  for (const std::string& word : words) {
    if (word.size() > kLetters) continue;
    const std::size_t slips = Slips(typo, word);
    if (slips < slips_min && 2 * slips < word.size()) {
      nearest = word;
      slips_min = slips;
    }
  }
  return nearest;
}

std::string DidYouMean(std::string_view typo, const std::vector<std::string>& words) {
  const std::string_view word = Nearest(typo, words);
  return word.empty() ? std::string() : Cat("did you mean `", word, "`?");
}

}  // namespace everstep
