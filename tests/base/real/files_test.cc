#include "base/real/files.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

namespace everstep {
namespace {

class RealFilesTest : public testing::Test {
 protected:
  RealFilesTest() {
    char name[] = "/tmp/everstep-files-XXXXXX";
    dir_ = mkdtemp(name);
  }
  ~RealFilesTest() override { std::filesystem::remove_all(dir_); }

  unsigned Mode(const std::string& path) {
    struct stat found {};
    return stat(path.c_str(), &found) == 0 ? found.st_mode & 0777u : 0;
  }

  std::string dir_;
  RealFiles files_;
};

TEST_F(RealFilesTest, WhatWasWrittenIsReadBackAndReplacedWhole) {
  const std::string path = dir_ + "/epoch";
  const std::string bytes("a\0b\xff", 4);
  ASSERT_TRUE(files_.Write(path, bytes));
  EXPECT_EQ(files_.Read(path), bytes);
  ASSERT_TRUE(files_.Write(path, ""));
  EXPECT_EQ(files_.Read(path), "");
  EXPECT_EQ(files_.List(dir_), std::vector<std::string>{"epoch"}) << "no temporary file stays";
  EXPECT_EQ(Mode(path), 0600u);
}

TEST_F(RealFilesTest, ALeftoverOfACrashDoesNotStopTheNextWrite) {
  const std::string path = dir_ + "/epoch";
  ASSERT_TRUE(files_.Write(path + ".tmp", std::string(1000, 'x')));
  ASSERT_TRUE(files_.Write(path, "7"));
  EXPECT_EQ(files_.Read(path), "7");
}

TEST_F(RealFilesTest, AFailedWriteLeavesTheOldFileAndNothingElse) {
  const std::string path = dir_ + "/epoch";
  ASSERT_TRUE(files_.MakeDirectory(path + "/inner"));  // a rename onto it must fail
  const Status written = files_.Write(path, "7");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().message, "cannot rename to " + path + ": Is a directory");
  EXPECT_EQ(files_.List(dir_), std::vector<std::string>{"epoch"});
}

TEST_F(RealFilesTest, AMissingFileIsNotFoundAndALargeOneIsRefused) {
  EXPECT_EQ(files_.Read(dir_ + "/none").error().code, ErrorCode::kNotFound);
  ASSERT_TRUE(files_.Write(dir_ + "/limit", std::string(1u << 20, 'x')));
  EXPECT_TRUE(files_.Read(dir_ + "/limit"));
  ASSERT_TRUE(files_.Write(dir_ + "/large", std::string((1u << 20) + 1, 'x')));
  EXPECT_EQ(files_.Read(dir_ + "/large").error().code, ErrorCode::kExhausted);
}

TEST_F(RealFilesTest, ListIsSortedAndEmptyWhereThereIsNoDirectory) {
  ASSERT_TRUE(files_.Write(dir_ + "/b", ""));
  ASSERT_TRUE(files_.Write(dir_ + "/.a", ""));
  ASSERT_TRUE(files_.MakeDirectory(dir_ + "/c"));
  EXPECT_EQ(files_.List(dir_), (std::vector<std::string>{".a", "b", "c"}));
  EXPECT_EQ(files_.List(dir_ + "/none"), std::vector<std::string>{});
  EXPECT_FALSE(files_.List(dir_ + "/b"));
}

TEST_F(RealFilesTest, RemoveTakesFilesAndEmptyDirectoriesAndIsGoodTwice) {
  ASSERT_TRUE(files_.MakeDirectory(dir_ + "/full/inner"));
  ASSERT_TRUE(files_.Write(dir_ + "/file", "x"));
  EXPECT_TRUE(files_.Remove(dir_ + "/file"));
  EXPECT_TRUE(files_.Remove(dir_ + "/file"));
  EXPECT_FALSE(files_.Remove(dir_ + "/full"));
  EXPECT_TRUE(files_.Remove(dir_ + "/full/inner"));
  EXPECT_TRUE(files_.Remove(dir_ + "/full"));
}

TEST_F(RealFilesTest, DirectoriesAreMadeWithParentsForTheOwnerOnly) {
  EXPECT_TRUE(files_.MakeDirectory(dir_ + "/a/b/c"));
  EXPECT_TRUE(files_.MakeDirectory(dir_ + "/a/b/c/"));
  EXPECT_EQ(Mode(dir_ + "/a/b"), 0700u);
  ASSERT_TRUE(files_.Write(dir_ + "/file", "x"));
  const Status under_file = files_.MakeDirectory(dir_ + "/file");
  ASSERT_FALSE(under_file);
  EXPECT_EQ(under_file.error().message, "cannot create directory " + dir_ + "/file: Not a directory");
}

}  // namespace
}  // namespace everstep
