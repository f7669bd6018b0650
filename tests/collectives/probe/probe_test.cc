// everstep-probe as a user runs it: real processes, libfabric's tcp provider over loopback.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/json/value.h"
#include "base/text.h"
#include "ranks.h"

namespace everstep {
namespace {

std::vector<std::string> Words(const std::string& line) { return Split(line, ' '); }

// Rows of the table: lines that begin with a blank.
std::vector<std::string> Rows(const std::string& out) {
  std::vector<std::string> rows;
  for (const std::string& line : Split(out, '\n'))
    if (line.starts_with(' ')) rows.push_back(line);
  return rows;
}

TEST(Probe, FourRanksReduceEverySizeWithoutAWrongBit) {
  const std::vector<RankEnd> ends = RunProbe(4, Words("allreduce -b 1K -e 1M -f 4 -c 1 -n 2 -w 1 --provider tcp"));
  for (const RankEnd& end : ends) EXPECT_EQ(end.code, 0) << end.err;
  EXPECT_EQ(Rows(ends[0].out).size(), 6u) << ends[0].out;
  EXPECT_NE(ends[0].out.find("# Out of bounds values : 0 OK\n"), std::string::npos) << ends[0].out;
  EXPECT_EQ(ends[1].out + ends[2].out + ends[3].out, "") << "rank 0 alone speaks";
}

TEST(Probe, TheOtherCollectivesOnThreeRanks) {
  for (const std::string test : {"reducescatter", "allgather", "alltoall"}) {
    const std::vector<RankEnd> ends = RunProbe(3, Words(test + " -b 10K -e 1000K -f 10 -c 2 -n 2 -w 1 -d half"));
    for (const RankEnd& end : ends) EXPECT_EQ(end.code, 0) << test << ": " << end.err;
    EXPECT_EQ(Rows(ends[0].out).size(), 3u) << ends[0].out;
  }
}

TEST(Probe, EveryTypeAndOperationIsExactAndHasItsRow) {
  for (const std::string test : {"allreduce", "reducescatter"}) {
    const std::vector<RankEnd> ends =
        RunProbe(3, Words(test + " -b 3K -e 3K -n 1 -w 0 -d all -o all --provider tcp --algorithm ring"));
    for (const RankEnd& end : ends) EXPECT_EQ(end.code, 0) << test << ": " << end.err << end.out;
    EXPECT_EQ(Rows(ends[0].out).size(), 50u) << ends[0].out;
    for (const std::string row : {"  int8     sum", " uint8    prod", "uint64     avg", "  half     max", "bfloat16     min"})
      EXPECT_NE(ends[0].out.find(row), std::string::npos) << row << ends[0].out;
  }
}

TEST(Probe, ARankAloneHasATableToo) {
  const std::vector<RankEnd> ends = RunProbe(1, Words("allreduce -b 1K -e 1K"));
  EXPECT_EQ(ends[0].code, 0) << ends[0].err;
  EXPECT_EQ(Rows(ends[0].out).size(), 1u);
}

TEST(Probe, AWrongBitIsReportedWithRankHopOffsetExpectedAndGot) {
  const std::vector<RankEnd> ends =
      RunProbe(4, Words("allreduce -b 64K -e 64K -n 1 -w 0 -d int32 --algorithm ring --tamper 2:1"));
  for (const RankEnd& end : ends) EXPECT_EQ(end.code, 1) << "all ranks know";
  const std::size_t first = ends[0].out.find("# wrong: ");
  ASSERT_NE(first, std::string::npos) << ends[0].out;
  const std::string line = ends[0].out.substr(first, ends[0].out.find('\n', first) - first);
  EXPECT_TRUE(line.starts_with("# wrong: rank 2 (")) << line;
  EXPECT_NE(line.find("what came from rank 1 ("), std::string::npos) << line;
  EXPECT_NE(line.find(" in round 1 at byte 0 of 65536 is "), std::string::npos) << line;
  EXPECT_NE(line.find(" instead of "), std::string::npos) << line;
  EXPECT_NE(ends[0].out.find(" FAILED\n"), std::string::npos);
}

// The bit is lost in the rounding of the sum: the result is right, what came over the link was not.
TEST(Probe, AWrongBitThatRoundingHidesIsReportedAllTheSame) {
  const std::vector<RankEnd> ends =
      RunProbe(4, Words("allreduce -b 64K -e 64K -n 1 -w 0 -d float --algorithm ring --tamper 2:1"));
  EXPECT_EQ(ends[0].code, 1) << ends[0].out;
  EXPECT_NE(ends[0].out.find("in round 1 at byte 0"), std::string::npos) << ends[0].out;
}

TEST(Probe, ARankThatIsKilledIsNamedByAllOthers) {
  ProbeRanks ranks(3, Words("allreduce -b 1M -e 1M -n 100000 -w 0 -c 0 --algorithm ring"));
  ASSERT_TRUE(ranks.Prints(0, "(elements)"));
  ranks.Signal(2, SIGKILL);
  for (const std::uint32_t rank : {0u, 1u}) {
    const RankEnd end = ranks.End(rank);
    EXPECT_EQ(end.code, 1);
    EXPECT_NE(end.err.find("rank 2 ("), std::string::npos) << end.err;
    EXPECT_NE(end.err.find("is gone"), std::string::npos) << end.err;
  }
}

// Wherever the others are when it stops: in a collective, which then asks who is there, or waiting for all to come.
TEST(Probe, ARankThatIsStoppedIsNamedByAllOthersAfterTheTimeout) {
  for (const auto& [frozen, once] : {std::pair(0u, "maxBytes"), std::pair(1u, "        4096          1024 ")}) {
    ProbeRanks ranks(4, Words("allreduce -b 4K -e 4M -f 1024 -n 300 -w 0 -c 0 -T 1 --algorithm ring"));
    ASSERT_TRUE(ranks.Prints(0, once));
    ranks.Signal(frozen, SIGSTOP);
    for (std::uint32_t rank = 0; rank < 4; ++rank) {
      if (rank == frozen) continue;
      const RankEnd end = ranks.End(rank);
      EXPECT_EQ(end.code, 1);
      const std::size_t named = end.err.find("rank ");
      ASSERT_NE(named, std::string::npos) << end.err;
      EXPECT_TRUE(end.err.substr(named).starts_with(Cat("rank ", frozen, " ("))) << end.err;
      EXPECT_TRUE(end.err.find("does not answer; ") != std::string::npos ||
                  end.err.find("nothing from rank") != std::string::npos)
          << end.err;
    }
  }
}

TEST(Probe, AProviderThatIsNotThereIsAnErrorOnAllRanksNeverAnother) {
  const std::vector<RankEnd> ends = RunProbe(3, Words("allreduce -b 1K -e 1K --provider efa"));
  for (const RankEnd& end : ends) {
    EXPECT_TRUE(CouldNotStart(end)) << end.code;
    EXPECT_NE(end.err.find("provider efa was asked for and libfabric has none here"), std::string::npos) << end.err;
  }
}

TEST(Probe, PairsMeasuresEveryPairBothWaysAndPrintsTheMatrix) {
  const std::string file = testing::TempDir() + "everstep-pairs-" + std::to_string(::getpid()) + ".json";
  const std::vector<RankEnd> ends = RunProbe(5, {"pairs", "-e", "64K", "-n", "2", "--seed", "3", "-J", file});
  std::stringstream text;
  text << std::ifstream(file).rdbuf();
  std::filesystem::remove(file);
  EXPECT_TRUE(ParseJson(text.str()).has_value()) << text.str();
  const std::vector<std::string> rows = Rows(ends[0].out);
  ASSERT_EQ(rows.size(), 5u) << ends[0].out << ends[0].err;
  EXPECT_NE(ends[0].out.find("# note: 5 ranks are on 1 host: "), std::string::npos) << ends[0].out;
  for (const std::string& row : rows) {
    EXPECT_EQ(row.find('x'), std::string::npos) << row;
    EXPECT_EQ(row.find('!'), std::string::npos) << row;
    EXPECT_EQ(row.find('?'), std::string::npos) << row;
  }
}

TEST(Probe, PairsNamesARankThatGetsWrongData) {
  const std::vector<RankEnd> ends = RunProbe(4, Words("pairs -e 64K -n 16 --tamper 1:0"));
  for (const RankEnd& end : ends) EXPECT_EQ(end.code, 1) << end.err;
  // On a busy machine others may be slow as well; wrong data comes from nowhere else.
  int wrong = 0;
  for (const std::string& line : Split(ends[0].out, '\n')) {
    if (line.find("with wrong data") == std::string::npos) continue;
    ++wrong;
    EXPECT_NE(line.find("rank 1 ("), std::string::npos) << line;
  }
  EXPECT_GT(wrong, 0) << ends[0].out;
}

// Not the first message, not the last: each is compared.
TEST(Probe, AWrongBitInAnyMessageOfAPairIsReportedWithItsPlace) {
  for (const std::string message : {"5", "16"}) {
    const std::vector<RankEnd> ends = RunProbe(2, Words("pairs -e 64K -n 16 --tamper 1:" + message));
    for (const RankEnd& end : ends) EXPECT_EQ(end.code, 1) << end.err;
    const std::string& out = ends[0].out;
    const std::size_t at = out.find("# wrong: rank 1 (");
    ASSERT_NE(at, std::string::npos) << out;
    const std::string line = out.substr(at, out.find('\n', at) - at);
    EXPECT_NE(line.find("): what came from rank 0 ("), std::string::npos) << line;
    EXPECT_NE(line.find(", message " + message + " one way, at byte 32768 of 65536 is "), std::string::npos) << line;
    EXPECT_NE(line.find(" instead of "), std::string::npos) << line;
  }
}

TEST(Probe, OfTwoHostsTheirOwnTestsSayWhichItIs) {
  const std::vector<RankEnd> ends = RunProbe(2, Words("pairs -e 64K -n 4 --tamper 1:0"));
  EXPECT_EQ(ends[0].code, 1);
  EXPECT_NE(ends[0].out.find("# HOST: rank 1 ("), std::string::npos) << ends[0].out;
  EXPECT_NE(ends[0].out.find("failed its own test, without any other host: it does not get from itself what it sends"),
            std::string::npos)
      << ends[0].out;
  EXPECT_EQ(ends[0].out.find("CANNOT SAY WHICH"), std::string::npos) << ends[0].out;
}

TEST(Probe, LoopbackNeedsNoOtherHost) {
  const std::vector<RankEnd> ends = RunProbe(2, Words("loopback -e 64K -n 4"));
  for (const RankEnd& end : ends) EXPECT_EQ(end.code, 0) << end.err;
  EXPECT_EQ(Rows(ends[0].out).size(), 2u) << ends[0].out;
  const std::vector<RankEnd> turned = RunProbe(2, Words("loopback -e 64K -n 4 --tamper 1:0"));
  EXPECT_EQ(turned[0].code, 1);
  EXPECT_NE(turned[0].out.find("# HOST: rank 1 ("), std::string::npos) << turned[0].out;
  EXPECT_NE(turned[0].out.find("message 0 of both ways at once, at byte 32768 of 65536 is "), std::string::npos)
      << turned[0].out;
}

TEST(Probe, OfOneHostAloneNothingIsKnownWhichIsNoPass) {
  const std::vector<RankEnd> ends = RunProbe(1, Words("pairs -e 64K"));
  EXPECT_EQ(ends[0].code, 1) << ends[0].out;
  EXPECT_NE(ends[0].out.find("# UNKNOWN: nothing was tested\n"), std::string::npos) << ends[0].out;
}

TEST(Probe, LoopbackHasJsonToo) {
  const std::vector<RankEnd> ends = RunProbe(2, Words("loopback -e 64K -n 4 --register 1M -J -"));
  EXPECT_EQ(ends[0].code, 0) << ends[0].err;
  const Result<JsonValue> json = ParseJson(Trim(ends[0].out));
  ASSERT_TRUE(json.has_value()) << ends[0].out;
  EXPECT_NE(ends[0].out.find(R"("loopbacks":[{"rank":0,)"), std::string::npos) << ends[0].out;
  EXPECT_NE(ends[0].out.find(R"("bytes":1048576,"register_seconds":)"), std::string::npos) << ends[0].out;
}

TEST(Probe, LoopbackRegistersAQuarterOfTheMostAndTheMost) {
  const std::vector<RankEnd> ends = RunProbe(1, Words("loopback -e 64K -n 4 --register 4M"));
  EXPECT_EQ(ends[0].code, 0) << ends[0].err;
  EXPECT_NE(ends[0].out.find("# registers 1 MiB in "), std::string::npos) << ends[0].out;
  EXPECT_NE(ends[0].out.find("# registers 4 MiB in "), std::string::npos) << ends[0].out;
  const std::vector<RankEnd> too_much = RunProbe(1, Words("loopback -e 64K -n 4 --register 10000000G"));
  EXPECT_EQ(too_much[0].code, 1);
  EXPECT_NE(too_much[0].out.find("# HOST: rank 0 ("), std::string::npos) << too_much[0].out;
}

// Here the bytes go by tcp, and the recorded device does not move.
TEST(Probe, BytesThatTheDeviceDidNotCountAreNotProvenAndNoPass) {
  for (const std::string test : {"allreduce -b 4K -e 4K -n 2", "pairs -e 64K -n 2", "loopback -e 64K -n 2 --register 0"}) {
    const std::vector<RankEnd> ends = RunProbe(2, Words(test + " --device rdmap16s27 --root " TESTDATA "/infiniband/before"));
    EXPECT_EQ(ends[0].code, 1) << test << ends[0].err;
    EXPECT_NE(ends[0].out.find("# NOT PROVEN: rank 1 ("), std::string::npos) << test << ends[0].out;
    EXPECT_NE(ends[0].out.find("by rdmap16s27, whose counters grew by 0 and 0 only"), std::string::npos) << ends[0].out;
  }
  const std::vector<RankEnd> without = RunProbe(2, Words("allreduce -b 4K -e 4K -n 2 --device nosuch0"));
  EXPECT_NE(without[0].out.find("by nosuch0, which has no counters here"), std::string::npos) << without[0].out;
}

TEST(Probe, AHostOfRank0ThatNobodyKnowsIsNamedAtOnce) {
  const std::vector<RankEnd> ends =
      RunProbe(1, Words("allreduce -b 1K -e 1K -T 3600"), {"RANK=1", "WORLD_SIZE=2", "MASTER_ADDR=no such host"});
  EXPECT_EQ(ends[0].code, 2);
  EXPECT_NE(ends[0].err.find("cannot reach rank 0: host no such host is not known here"), std::string::npos) << ends[0].err;
}

TEST(Probe, WrongArgumentsEndItBeforeAnythingIsOpened) {
  const std::vector<RankEnd> ends = RunProbe(1, Words("allreduce -b 2 -e 1K"));
  EXPECT_EQ(ends[0].code, 2);
  EXPECT_EQ(ends[0].err, "everstep-probe: -b 2 is below one element of float; at least 4 bytes\n");
  const std::vector<RankEnd> help = RunProbe(1, Words("--help"));
  EXPECT_EQ(help[0].code, 0);
  EXPECT_TRUE(help[0].out.starts_with("everstep-probe TEST [FLAGS]: "));
}

// Its program does not find its library, and there is no mpirun where no PATH leads.
TEST(Probe, APeerThatCannotRunHereHasItsReasonInPlaceOfFiguresAndNothingElseFails) {
  const std::vector<RankEnd> ends = RunProbe(2, Words("allreduce -b 4K -e 4K -n 2 --compare nccl,mpi"), {"PATH="});
  for (const RankEnd& end : ends) EXPECT_EQ(end.code, 0) << end.err;
  EXPECT_NE(ends[0].out.find("\n#         size   everstep       nccl   ratio        mpi   ratio\n"), std::string::npos)
      << ends[0].out;
  for (const std::string peer : {"nccl", "mpi"})
    EXPECT_NE(ends[0].out.find("\n# " + peer + " did not run: rank "), std::string::npos) << ends[0].out;
  EXPECT_EQ(ends[1].out, "");
}

TEST(Probe, JsonOfARunIsValid) {
  const std::string file = testing::TempDir() + "everstep-probe-" + std::to_string(::getpid()) + ".json";
  const std::vector<RankEnd> ends = RunProbe(2, {"allgather", "-b", "1K", "-e", "4K", "-f", "4", "-n", "1", "-J", file});
  EXPECT_EQ(ends[0].code, 0) << ends[0].err;
  std::stringstream text;
  text << std::ifstream(file).rdbuf();
  std::filesystem::remove(file);
  const Result<JsonValue> json = ParseJson(text.str());
  ASSERT_TRUE(json.has_value()) << json.error().Str();
}

}  // namespace
}  // namespace everstep
