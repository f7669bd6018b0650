#include "base/progress/progress_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "base/text.h"

namespace everstep {
namespace {

namespace fs = std::filesystem;

TEST(ProgressFile, TheLastWholeLineCounts) {
  struct Row {
    std::string_view text;
    bool cut;
    std::optional<std::uint64_t> step;
  };
  const std::vector<Row> rows = {
      {"", false, {}},
      {"{\"step\": 7}", false, 7},
      {"{\"step\": 7}\n", false, 7},
      {"{\"step\": 7}\r\n\r\n", false, 7},
      {"{\"step\": 7}\n{\"step\": 8}\n", false, 8},
      {"{\"step\": 7}\n{\"step\": 8, \"lo", false, 7},
      {"{\"step\": 7}\n{\"loss\": 8}\n", false, 7},
      {"step: 7\n", false, {}},
      {"7}\n", true, {}},
      {"{\"step\": 7}", true, {}},
      {"p\": 6}\n{\"step\": 7}\n", true, 7},
      {"\n\n\n", false, {}},
  };
  for (const Row& row : rows) {
    const auto told = ReadProgressText(row.text, row.cut);
    EXPECT_EQ(told ? told->step : std::nullopt, row.step) << row.text;
  }
}

TEST(ProgressFile, AllThreeKeysAreRead) {
  const auto told = ReadProgressText(R"({"step": 120, "steps_total": 5000, "loss": 2.31, "lr": 1e-4})", false);
  ASSERT_TRUE(told);
  EXPECT_EQ(told->step, 120u);
  EXPECT_EQ(told->total, 5000u);
  EXPECT_EQ(told->loss, "2.31");
}

class ProgressFileOnDisk : public testing::Test {
 protected:
  ProgressFileOnDisk() { fs::create_directories(directory_); }
  ~ProgressFileOnDisk() override { fs::remove_all(directory_); }
  void Write(const std::string& text, std::ios::openmode mode = std::ios::trunc) { std::ofstream(path_, mode) << text; }
  std::optional<std::uint64_t> Look() {
    const auto told = LookAtProgressFile(path_, stamp_);
    return told ? told->step : std::nullopt;
  }

  const fs::path directory_ = fs::path(testing::TempDir()) / Cat("progress-", ::getpid());
  const std::string path_ = directory_ / "progress-0.json";
  FileStamp stamp_{};
};

TEST_F(ProgressFileOnDisk, ItIsReadAgainOnlyWhenItChanged) {
  EXPECT_EQ(Look(), std::nullopt);
  Write("{\"step\": 7}\n");
  EXPECT_EQ(Look(), 7u);
  EXPECT_EQ(Look(), std::nullopt);
  Write("{\"step\": 8}\n", std::ios::app);
  EXPECT_EQ(Look(), 8u);
  std::ofstream(path_ + ".new") << "{\"step\": 9}\n";
  fs::rename(path_ + ".new", path_);
  EXPECT_EQ(Look(), 9u);
}

TEST_F(ProgressFileOnDisk, OfALongFileOnlyTheEndIsRead) {
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += Cat("{\"step\": ", i, "}\n");
  Write(text);
  EXPECT_EQ(Look(), 99'999u);
}

TEST_F(ProgressFileOnDisk, APipeALinkADirectoryTellNothingAndHoldNobodyUp) {
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  EXPECT_EQ(Look(), std::nullopt);
  fs::remove(path_);
  std::ofstream(directory_ / "elsewhere") << "{\"step\": 7}\n";
  fs::create_symlink(directory_ / "elsewhere", path_);
  EXPECT_EQ(Look(), std::nullopt);
  fs::remove(path_);
  fs::create_directory(path_);
  EXPECT_EQ(Look(), std::nullopt);
}

}  // namespace
}  // namespace everstep
