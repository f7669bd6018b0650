#include "agent/checkpoint/zip_check.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>

#include <filesystem>

#include "base/text.h"
#include "tests/agent/checkpoint/fixtures.h"

namespace everstep {
namespace {

class ZipCheck : public testing::Test {
 protected:
  Result<std::string> Check(const std::string& bytes, Depth depth = Depth::contents) {
    std::filesystem::remove(dir_ / "x.pt");  // ext4 writes back at once what is truncated and written anew
    Overwrite(dir_ / "x.pt", bytes);
    Result<InputFile> file = InputFile::Open(dir_ / "x.pt");
    return CheckZip(*file, depth, {});
  }
  ErrorCode CodeOf(const std::string& bytes) {
    const Result<std::string> checked = Check(bytes);
    return checked ? ErrorCode::kInvalid : checked.error().code;
  }
  TempDir dir_;
};

TEST_F(ZipCheck, EveryStyleOfAWholeFileIsRecognised) {
  const Records records{{"m/data.pkl", "abc"}, {"m/data/0", std::string(100000, 'w')}, {"m/version", ""}};
  for (const bool zip64 : {false, true})
    for (const bool sizes_follow : {false, true})
      EXPECT_EQ(Check(Zip(records, {.zip64 = zip64, .sizes_follow = sizes_follow})), "zip with 3 records, CRCs match");
  EXPECT_EQ(Check(Zip(records), Depth::structure), "zip with 3 records, sizes match");
  EXPECT_EQ(Check(Zip(records, {.without_crcs = true})), "zip with 3 records, written without CRCs: sizes match");
}

TEST_F(ZipCheck, AFileCutAtAnyByteIsTorn) {
  for (const bool zip64 : {false, true}) {
    const std::string whole = Zip({{"m/data.pkl", "abc"}, {"m/data/0", std::string(500, 'w')}}, {.zip64 = zip64});
    for (std::size_t size = 1; size < whole.size(); ++size)
      ASSERT_EQ(CodeOf(whole.substr(0, size)), ErrorCode::kCorrupt) << "cut at " << size << " of " << whole.size();
  }
  EXPECT_EQ(Check(TorchFile().substr(0, 1000)).error().message,
            "zip without its end: 1000 bytes, truncated or still being written");
}

TEST_F(ZipCheck, AnyFlippedBitInARecordOrInTheDirectorysNumbersIsTorn) {
  const std::string data = "the bytes of a tensor";
  const std::string whole = Zip({{"m/data/0", data}});
  const std::size_t data_at = whole.find(data), entry_at = whole.rfind("PK\x01\x02");
  std::vector<std::size_t> guarded;
  for (std::size_t i = 0; i < data.size(); ++i) guarded.push_back(data_at + i);
  for (const std::size_t field : {0, 1, 2, 3, 8, 10, 16, 17, 18, 19, 20, 21, 24, 25, 28, 30, 42, 43})
    guarded.push_back(entry_at + field);
  for (std::size_t back = 1; back <= 22; ++back)
    if (back < 11 || back > 18) guarded.push_back(whole.size() - back);  // not: the counts of split archives
  for (const std::size_t at : guarded)
    for (int bit = 0; bit < 8; ++bit) {
      std::string flipped = whole;
      flipped[at] = static_cast<char>(flipped[at] ^ (1 << bit));
      ASSERT_EQ(CodeOf(flipped), ErrorCode::kCorrupt) << "bit " << bit << " of byte " << at;
    }
  std::string flipped = whole;
  flipped[data_at] ^= 1;
  EXPECT_EQ(Check(flipped).error().message, "zip record m/data/0: CRC is 3e79d53d, written as a1a356a3");
  EXPECT_TRUE(Check(flipped, Depth::structure)) << "the structure alone does not show it";
}

TEST_F(ZipCheck, BytesAfterTheEndAreTornToo) {
  EXPECT_EQ(CodeOf(TorchFile() + "x"), ErrorCode::kCorrupt);
  EXPECT_EQ(CodeOf(TorchFile() + TorchFile(2).substr(0, 500)), ErrorCode::kCorrupt) << "two writers in one file";
}

TEST_F(ZipCheck, CompressedRecordsAreSaidToBeUnverified) {
  const Result<std::string> checked = Check(Zip({{"m/data.pkl", "abc"}}, {.method = 8}));
  EXPECT_EQ(checked.error().code, ErrorCode::kInvalid);
}

TEST_F(ZipCheck, RecordsThatShareBytesDoNotMakeTheWorkUnbounded) {
  const std::string name(8, 'n');
  std::string whole = Zip({{name, std::string(5000, 'w')}}, {.sizes_follow = false});
  const std::size_t entry_at = whole.rfind("PK\x01\x02");
  const std::string entry = whole.substr(entry_at, 46 + name.size());
  std::string end = whole.substr(whole.size() - 22);
  end[8] = end[10] = 2;
  end[12] = static_cast<char>(2 * entry.size());
  EXPECT_EQ(Check(whole.substr(0, entry_at) + entry + entry + end).error().message,
            "zip whose records are larger than the file");
}

TEST_F(ZipCheck, AStopIsHeededWithinAFile) {
  Overwrite(dir_ / "x.pt", TorchFile());
  std::stop_source stop;
  stop.request_stop();
  const Result<InputFile> file = InputFile::Open(dir_ / "x.pt");
  EXPECT_EQ(CheckZip(*file, Depth::contents, stop.get_token()).error().code, ErrorCode::kUnavailable);
}

// Whether PyTorch is here and has written a small file.
bool SavedByTorch(const std::string& path) {
  const std::string script = "import sys, torch; torch.save({'a': torch.arange(10000), 'b': torch.zeros(3)}, sys.argv[1])";
  const char* argv[] = {"/usr/bin/python3", "-c", script.c_str(), path.c_str(), nullptr};
  char* env[] = {nullptr};
  posix_spawn_file_actions_t quiet;
  posix_spawn_file_actions_init(&quiet);
  posix_spawn_file_actions_addopen(&quiet, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  pid_t pid = 0;
  const int error = posix_spawn(&pid, argv[0], &quiet, nullptr, const_cast<char**>(argv), env);
  posix_spawn_file_actions_destroy(&quiet);
  int status = 1;
  return error == 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

TEST_F(ZipCheck, AGenuineFileOfTorchSaveIsRecognised) {
  const std::string path = dir_ / "step-7.pt";
  if (!SavedByTorch(path)) GTEST_SKIP() << "no python3-torch here";
  const Result<InputFile> file = InputFile::Open(path);
  ASSERT_TRUE(file);
  EXPECT_EQ(CheckZip(*file, Depth::contents, {}), "zip with 4 records, CRCs match");
  const std::string whole = ReadBack(path);
  for (std::size_t size = 4; size < whole.size(); size += 997)
    ASSERT_EQ(CodeOf(whole.substr(0, size)), ErrorCode::kCorrupt) << "cut at " << size;
}

}  // namespace
}  // namespace everstep
