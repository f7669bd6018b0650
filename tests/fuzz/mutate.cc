#include "tests/fuzz/mutate.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>

namespace everstep {

namespace {

constexpr std::size_t kBytesMax = 4096;  // larger files find nothing that smaller ones do not

constexpr std::array<std::string_view, 52> kPieces{": ",
                                                   "- ",
                                                   "[",
                                                   "]",
                                                   "{",
                                                   "}",
                                                   ",",
                                                   "#",
                                                   "\n",
                                                   "\n  ",
                                                   "  ",
                                                   "\t",
                                                   "\r\n",
                                                   "&a ",
                                                   "*a",
                                                   "!!int ",
                                                   "!x ",
                                                   "'",
                                                   "\"",
                                                   "|\n  ",
                                                   ">\n ",
                                                   "? ",
                                                   "---\n",
                                                   "...\n",
                                                   "%YAML 1",
                                                   "\xff",
                                                   "\xe2\x82",
                                                   "\xed\xa0\x80",
                                                   "\xc0\x80",
                                                   "\x1b[31m",
                                                   "\\x00",
                                                   "~",
                                                   "null",
                                                   "no",
                                                   "true",
                                                   "0",
                                                   "-1",
                                                   "99999999999999999999",
                                                   "1e400",
                                                   "0x7f",
                                                   ".nan",
                                                   "90s",
                                                   "10 per 6h",
                                                   "auto",
                                                   "{resume}",
                                                   "command: [a]\n",
                                                   "nodes: ",
                                                   "env: {",
                                                   "checkpoint: {dir: /c}\n",
                                                   "name: ",
                                                   "profile: fast\n",
                                                   "<<: "};

std::size_t At(const std::string& text, Rng& rng) { return static_cast<std::size_t>(rng.Below(text.size() + 1)); }
// Some of the bytes from there on; few more often than many.
std::size_t Length(const std::string& text, std::size_t at, Rng& rng) {
  const std::size_t left = text.size() - at;
  return left == 0 ? 0 : static_cast<std::size_t>(rng.Below(1 + rng.Below(left)) + (left > 0 ? 1 : 0));
}

void Change(std::string& text, const std::vector<std::string>& corpus, Rng& rng) {
  const std::size_t at = At(text, rng), length = Length(text, at, rng);
  switch (rng.Below(7)) {
    case 0:
      if (at < text.size()) text[at] = static_cast<char>(text[at] ^ static_cast<char>(1u << rng.Below(8)));
      break;
    case 1: text.insert(at, 1, static_cast<char>(rng.Below(256))); break;
    case 2: text.insert(at, kPieces[rng.Below(kPieces.size())]); break;
    case 3: text.erase(at, length); break;
    case 4: text.replace(at, length, kPieces[rng.Below(kPieces.size())]); break;
    case 5: {
      const std::string piece = text.substr(at, std::min<std::size_t>(length, 64));
      for (std::uint64_t times = rng.Below(40); times > 0 && text.size() < kBytesMax; --times) text.insert(at, piece);
      break;
    }
    default: {
      const std::string& other = corpus[rng.Below(corpus.size())];
      const std::size_t from = At(other, rng);
      text.insert(at, other.substr(from, Length(other, from, rng)));
    }
  }
}

}  // namespace

std::vector<std::string> ReadCorpus(const std::string& directory) {
  std::vector<std::filesystem::path> paths;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  std::vector<std::string> corpus;
  for (const auto& path : paths) {
    std::ifstream in(path, std::ios::binary);
    std::stringstream text;
    text << in.rdbuf();
    corpus.push_back(text.str());
  }
  return corpus;
}

std::string Mutate(const std::vector<std::string>& corpus, Rng& rng) {
  std::string text = corpus[rng.Below(corpus.size())];
  for (std::uint64_t changes = 1 + rng.Below(8); changes > 0; --changes) Change(text, corpus, rng);
  if (text.size() > kBytesMax) text.resize(kBytesMax);
  return text;
}

std::optional<Found> Fuzz(const std::vector<std::string>& corpus, std::uint64_t runs, std::uint64_t seed,
                          const std::function<std::optional<std::string>(const std::string&)>& broken) {
  for (std::uint64_t run = 0; run < runs; ++run) {
    Rng rng(seed + run);  // of this run alone: it can be repeated without those before it
    std::string input = Mutate(corpus, rng);
    if (auto problem = broken(input)) return Found{.run = run, .input = std::move(input), .problem = *std::move(problem)};
  }
  return std::nullopt;
}

}  // namespace everstep
