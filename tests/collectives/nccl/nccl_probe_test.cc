// everstep-probe --backend nccl as a user runs it, with look-alikes of libnccl.so.2 and libcudart.so that can fail in each way.
#include <gtest/gtest.h>

#include "../probe/ranks.h"
#include "base/text.h"
#include "collectives/nccl/libraries.h"

namespace everstep {
namespace {

std::vector<RankEnd> OverNccl(std::uint32_t ranks, const std::string& line, std::vector<std::string> environment = {}) {
  environment.push_back("LD_LIBRARY_PATH=" FAKE_NCCL_FOLDER);
  return RunProbe(ranks, Split(line, ' '), environment);
}

TEST(Nccl, EveryCollectiveIsExactOutOfPlaceAndInPlace) {
  for (const std::string test : {"allreduce", "reducescatter", "allgather", "alltoall"}) {
    const std::vector<RankEnd> ends = OverNccl(3, test + " --backend nccl -b 3K -e 96K -f 4 -c 2 -n 3 -w 1 -d double");
    for (const RankEnd& end : ends) EXPECT_EQ(end.code, 0) << test << ": " << end.err;
    EXPECT_NE(ends[0].out.find("NCCL 2.28.9, CUDA runtime 13.0"), std::string::npos) << ends[0].out;
    EXPECT_NE(ends[0].out.find("GPU 2 0000:03:00.0"), std::string::npos) << "a rank has a device of its own: " << ends[0].out;
    EXPECT_NE(ends[0].out.find("# Out of bounds values : 0 OK\n"), std::string::npos) << ends[0].out;
  }
}

// The look-alike has neither half nor bfloat16.
TEST(Nccl, EveryTypeAndOperationIsExact) {
  for (const std::string type : {"int8", "uint8", "int32", "uint32", "int64", "uint64", "float", "double"}) {
    const std::vector<RankEnd> ends = OverNccl(3, Cat("allreduce --backend nccl -b 3K -e 3K -n 1 -w 0 -o all -d ", type));
    for (const RankEnd& end : ends) EXPECT_EQ(end.code, 0) << type << ": " << end.err;
    EXPECT_NE(ends[0].out.find("# Out of bounds values : 0 OK\n"), std::string::npos) << ends[0].out;
    for (const std::string operation : {"sum", "prod", "max", "min", "avg"})
      EXPECT_NE(ends[0].out.find(Cat("  ", operation, "      -1")), std::string::npos) << ends[0].out;
  }
}

TEST(Nccl, AWrongBitIsReportedWithRankOffsetExpectedAndGot) {
  const std::vector<RankEnd> ends =
      OverNccl(3, "allreduce --backend nccl -b 4K -e 4K -n 1 -d int32", {"FAKE_NCCL=wrong_data:1"});
  for (const RankEnd& end : ends) EXPECT_EQ(end.code, 1) << "all ranks know: " << end.err;
  EXPECT_NE(ends[0].out.find("# wrong: rank 1 ("), std::string::npos) << ends[0].out;
  EXPECT_NE(ends[0].out.find("result at byte 0 of 4096 is "), std::string::npos) << ends[0].out;
}

TEST(Nccl, WhoNeverConnectsEndsAllAtTheDeadline) {
  for (const RankEnd& end : OverNccl(3, "allreduce --backend nccl -b 4K -e 4K -T 1", {"FAKE_NCCL=init_hang:2"})) {
    EXPECT_TRUE(CouldNotStart(end)) << end.code;
    EXPECT_NE(end.err.find("does not come to the end of connecting the ranks in 1 s"), std::string::npos) << end.err;
  }
}

TEST(Nccl, ACollectiveThatNeverEndsIsAbortedAtTheDeadline) {
  for (const RankEnd& end : OverNccl(3, "allreduce --backend nccl -b 4K -e 4K -T 1", {"FAKE_NCCL=stuck:2"})) {
    EXPECT_EQ(end.code, 1);
    EXPECT_NE(end.err.find("does not come to the end of all_reduce of 4096 bytes in 1 s"), std::string::npos) << end.err;
  }
}

TEST(Nccl, AnErrorThatComesLaterIsReportedOnAllRanksLongBeforeTheDeadline) {
  for (const RankEnd& end : OverNccl(3, "allreduce --backend nccl -b 4K -e 4K -T 30", {"FAKE_NCCL=async_error:1"})) {
    EXPECT_EQ(end.code, 1);
    EXPECT_NE(end.err.find("reports: remote process exited or there was a network error"), std::string::npos) << end.err;
  }
  for (const RankEnd& end : OverNccl(2, "allreduce --backend nccl -b 4K -e 4K -T 30", {"FAKE_NCCL=init_error:1"})) {
    EXPECT_TRUE(CouldNotStart(end)) << end.code;
    EXPECT_NE(end.err.find("unhandled system error"), std::string::npos) << end.err;
  }
}

TEST(Nccl, AHostWithoutADeviceOrWithTooFewIsNamed) {
  for (const RankEnd& end : OverNccl(2, "allreduce --backend nccl -b 4K -e 4K", {"FAKE_CUDA_DEVICES=0"})) {
    EXPECT_TRUE(CouldNotStart(end)) << end.code;
    EXPECT_NE(end.err.find("no CUDA device on host "), std::string::npos) << end.err;
    EXPECT_NE(end.err.find(": no CUDA-capable device is detected; does nvidia-smi show one there?"), std::string::npos)
        << end.err;
  }
  for (const RankEnd& end : OverNccl(3, "allreduce --backend nccl -b 4K -e 4K", {"FAKE_CUDA_DEVICES=2"})) {
    EXPECT_TRUE(CouldNotStart(end)) << end.code;
    EXPECT_NE(end.err.find("3 ranks were started on host "), std::string::npos) << end.err;
    EXPECT_NE(end.err.find(", which has 2 CUDA devices; a rank has a device of its own"), std::string::npos) << end.err;
  }
}

TEST(Nccl, ALibraryThatIsNotThereIsNamedWithItsHostAndWhatToDo) {
  const Result<NcclLibraries> none = LoadNccl("n1", {.nccl = {"libnccl.so.99"}, .cuda = {"libcudart.so"}});
  ASSERT_FALSE(none.has_value());
  EXPECT_EQ(none.error().Str(),
            "libnccl.so.99 not found on host n1; install NCCL there, or name its folder in LD_LIBRARY_PATH; by --backend ofi "
            "neither is needed");
  const std::string fake = FAKE_NCCL_FOLDER "/libnccl.so.2";
  const Result<NcclLibraries> half = LoadNccl("n1", {.nccl = {fake}, .cuda = {"libcudart.so.99"}});
  ASSERT_FALSE(half.has_value());
  EXPECT_TRUE(half.error().message.starts_with("libcudart.so.99 not found on host n1")) << half.error().Str();
  const Result<NcclLibraries> other = LoadNccl("n1", {.nccl = {FAKE_NCCL_FOLDER "/libcudart.so"}, .cuda = {}});
  ASSERT_FALSE(other.has_value());
  EXPECT_EQ(other.error().message, "the library on host n1 has no ncclGetVersion");
}

}  // namespace
}  // namespace everstep
