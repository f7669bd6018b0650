// kernel_log.yaml: a site's own list of harmless lines, and what it may not say.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "health/catalogue/catalogue.h"

namespace everstep::health {
namespace {

std::string Refusal(const std::string& text) {
  const auto read = ReadIgnoredLines(text, "kernel_log.yaml");
  return read ? "it was taken" : read.error().message;
}

std::string Entries(int count) {
  std::string text = "kernel_log_ignore:\n";
  for (int i = 0; i < count; ++i) text += "  - {line: 'card " + std::to_string(i) + "', note: known}\n";
  return text;
}

TEST(IgnoredFile, EachLineComesWithItsNote) {
  const auto read = ReadIgnoredLines("kernel_log_ignore:\n  - line: '^mycard \\S+: flap'\n    note: ticket 4711\n", "f");
  ASSERT_TRUE(read) << read.error().Str();
  ASSERT_EQ(read->size(), 1u);
  EXPECT_EQ(read->front().pattern, "^mycard \\S+: flap");
  EXPECT_EQ(read->front().note, "ticket 4711");
}

TEST(IgnoredFile, AMistakeIsToldWithItsPlaceAndWhatIsLegal) {
  EXPECT_EQ(Refusal("kernel_log_ignore:\n  - {line: 'a(', note: x}\n"),
            "kernel_log.yaml:2:12: kernel_log_ignore[0].line: found \"a(\", legal: a regular expression (RE2); missing ): a(");
  EXPECT_EQ(Refusal("kernel_log_ignore:\n  - {line: a}\n"),
            "kernel_log.yaml:2:5: kernel_log_ignore[0].note: found nothing, legal: a text; add the key `note`");
  EXPECT_EQ(Refusal("kernel_log_ignore:\n  - {line: a, note: ' '}\n"),
            "kernel_log.yaml:2:15: kernel_log_ignore[0].note: found nothing, legal: why such a line is harmless");
  EXPECT_EQ(Refusal("kernel_log_ignore:\n  - {line: a, note: x}\n  - {line: a, note: y}\n"),
            "kernel_log.yaml:3:6: kernel_log_ignore[1].line: found \"a\" twice, legal: once");
}

TEST(IgnoredFile, AListThatIgnoresEverythingIsRefused) {
  for (const char* pattern : {".*", "x*", "(a|)", "^", ".", "\\w"})
    EXPECT_EQ(Refusal(std::string("kernel_log_ignore:\n  - {line: '") + pattern + "', note: x}\n"),
              std::string("kernel_log.yaml:2:6: kernel_log_ignore[0].line: found \"") + pattern +
                  "\", legal: a pattern that does not match every line");
}

TEST(IgnoredFile, MoreThan64AreTooMany) {
  EXPECT_EQ(Refusal(Entries(64)), "it was taken");
  EXPECT_NE(Refusal(Entries(65)).find("64"), std::string::npos) << Refusal(Entries(65));
}

TEST(IgnoredFile, ADirectorysListBecomesTheLinesOfTheCheckThatCountsThem) {
  const std::string directory = testing::TempDir() + "ignored_lines";
  std::filesystem::create_directories(directory);
  std::ofstream(directory + "/kernel_log.yaml") << Entries(2);
  const auto loaded = LoadCatalogue(directory);
  // A checks.yaml of before there was such a check does not silence the list.
  std::ofstream(directory + "/checks.yaml")
      << "checks:\n  - {id: cpu.online, what: x, reads: x, unit: count, remedy: x, why: x, source: own}\n";
  const auto old = LoadCatalogue(directory);
  std::ofstream(directory + "/kernel_log.yaml") << "kernel_log_ignore: 5\n";
  const auto bad = LoadCatalogue(directory);
  std::filesystem::remove_all(directory);
  for (const auto* catalogue : {&loaded, &old}) {
    ASSERT_TRUE(*catalogue) << catalogue->error().Str();
    const Check* check = (*catalogue)->Find(kIgnoredLines);
    ASSERT_TRUE(check);
    EXPECT_EQ(check->lines, (std::vector<std::string>{"card 0", "card 1"}));
    EXPECT_EQ(check->notes, (std::vector<std::string>{"known", "known"}));
  }
  ASSERT_FALSE(bad);
  EXPECT_TRUE(bad.error().message.starts_with(directory + "/kernel_log.yaml:1:")) << bad.error().message;
}

}  // namespace
}  // namespace everstep::health
