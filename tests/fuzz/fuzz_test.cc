// Files that people write, changed at random: a short run from a fixed seed. A longer one: tests/yaml_fuzz RUNS [SEED].

#include <gtest/gtest.h>

#include <set>

#include "base/text.h"
#include "tests/fuzz/mutate.h"
#include "tests/fuzz/yaml_target.h"

namespace everstep {
namespace {

const std::string kCorpus = Cat(EVERSTEP_CORPUS, "/yaml");
std::optional<std::string> Broken(const std::string& bytes) { return BrokenPromise(bytes); }

TEST(YamlFuzz, TheCorpusItselfKeepsThePromises) {
  const auto corpus = ReadCorpus(kCorpus);
  ASSERT_GE(corpus.size(), 10u) << kCorpus;
  for (const std::string& file : corpus) EXPECT_EQ(BrokenPromise(file).value_or(""), "") << file;
}

TEST(YamlFuzz, NoChangeOfAFileBreaksAPromise) {
  const auto found = Fuzz(ReadCorpus(kCorpus), 4000, 1, Broken);
  EXPECT_FALSE(found) << "run " << found->run << " of seed 1: " << found->problem << "\n--- for\n" << found->input;
}

// Else nothing above means anything.
TEST(YamlFuzz, TheChangesReachFilesThatAreGoodAndFilesThatAreBad) {
  std::set<std::string> said;
  std::uint64_t good = 0;
  const auto count = [&](const std::string& bytes) -> std::optional<std::string> {
    if (bytes.find("command: [") != std::string::npos && !BrokenPromise(bytes)) ++good;
    said.insert(bytes);
    return std::nullopt;
  };
  EXPECT_FALSE(Fuzz(ReadCorpus(kCorpus), 500, 1, count));
  EXPECT_GT(said.size(), 450u) << "they differ";
  EXPECT_GT(good, 50u);
  const auto planted = Fuzz(ReadCorpus(kCorpus), 500, 1, [](const std::string& bytes) {
    return bytes.find('\xff') == std::string::npos ? std::nullopt : std::optional<std::string>("planted");
  });
  EXPECT_TRUE(planted) << "a bug would be found";
}

}  // namespace
}  // namespace everstep
