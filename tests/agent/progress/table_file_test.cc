#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "agent/config/progress_table_file.h"
#include "base/text.h"

namespace everstep {
namespace {

constexpr std::string_view kJson = "json: {step: [step], total: [total], loss: [loss]}\n";

std::string ErrorOf(const std::string& lines) {
  const auto table = ReadProgressTable(Cat(kJson, lines), "progress.yaml");
  return table ? "" : table.error().Str();
}

TEST(ProgressTableFile, TheBuiltInTableIsTheShippedFile) {
  std::ifstream in(EVERSTEP_SOURCE_DIR "/configs/progress.yaml");
  std::stringstream shipped;
  shipped << in.rdbuf();
  EXPECT_EQ(shipped.str(), BuiltInProgressText());
  EXPECT_TRUE(LoadProgressTable(""));
  EXPECT_EQ(LoadProgressTable(""), LoadProgressTable(EVERSTEP_SOURCE_DIR "/configs/progress.yaml"));
}

TEST(ProgressTableFile, AMistakeIsNamedWithItsPlace) {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"lines: [{name: mine}]\n", "progress.yaml:2:9: lines[0].pattern: found nothing"},
      {"lines: [{name: mine, pattern: 'iter (', color: red}]\n", "progress.yaml:2:41: lines[0].color: found an unknown key"},
      {"lines: [{name: mine, pattern: 'iter {step} ('}]\n", "lines[0].pattern: found \"iter {step} (\""},
      {"lines: [{name: mine, pattern: 'iter {step} ('}]\n", "no regular expression: missing )"},
      {"lines: [{name: mine, pattern: '(?=x){step}'}]\n", "no look-around"},
      {"lines: [{name: mine, pattern: 'iter {stepp}'}]\n", "unknown word {stepp}, known are {step}"},
      {"lines: [{name: mine, pattern: 'iter {number}'}]\n", "tells neither {step} nor {loss}"},
      {"lines: [{name: mine, pattern: '{step} {epoch}'}]\n", "{epoch} says something only beside {step} and {total}"},
      {"lines: [{name: mine, pattern: '{step} {step}'}]\n", "the word {step} stands twice"},
      {"lines: [{name: a, pattern: '{step}'}, {name: a, pattern: '{loss}'}]\n", "found the name a twice"},
      {"lines: 3\n", "lines: found \"3\", legal: a list such as"},
      {"lines: [{name: mine, pattern: '(((\\d{1,100}){1,100}){1,100}){step}'}]\n", "no regular expression"},
  };
  for (const auto& [text, said] : rows) EXPECT_NE(ErrorOf(text).find(said), std::string::npos) << text << ErrorOf(text);
  EXPECT_EQ(ErrorOf("lines: [{name: mine, pattern: 'at {step} of {total}, x{2,3}'}]\n"), "");
}

TEST(ProgressTableFile, AFileThatIsNotThereIsAnError) {
  const auto table = LoadProgressTable("/nonexistent/progress.yaml");
  ASSERT_FALSE(table);
  EXPECT_NE(table.error().message.find("/nonexistent/progress.yaml"), std::string::npos);
}

}  // namespace
}  // namespace everstep
