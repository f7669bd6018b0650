// everstep-probe --backend mpi under mpirun, on this machine.
#include <gtest/gtest.h>
#include <signal.h>

#include "../meet/free_port.h"
#include "../probe/ranks.h"
#include "base/text.h"

namespace everstep {
namespace {

struct Mpirun {
  std::vector<std::string> argv{};
  std::vector<std::string> environment{};
};

Mpirun Starting(int ranks, const std::string& line) {
  std::vector<std::string> argv{MPIRUN, "-np", std::to_string(ranks), EVERSTEP_PROBE};
  for (const std::string& word : Split(line, ' ')) argv.push_back(word);
  // Ranks outnumber cores here, and tests may run as root in a container.
  return {argv,
          {"PATH=/usr/bin:/bin", "HOME=/", "OMPI_ALLOW_RUN_AS_ROOT=1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1",
           "OMPI_MCA_rmaps_base_oversubscribe=1", "OMPI_MCA_hwloc_base_binding_policy=none", "OMPI_MCA_mpi_yield_when_idle=1",
           "OMPI_MCA_btl_vader_single_copy_mechanism=none",
           "ASAN_OPTIONS=detect_leaks=0"}};  // Open MPI leaves much to the end of the process
}

RankEnd UnderMpirun(int ranks, const std::string& line) {
  const Mpirun mpirun = Starting(ranks, line);
  return ProbeRanks(mpirun.argv, mpirun.environment).End(0);
}

TEST(Mpi, EveryCollectiveIsExactOutOfPlaceAndInPlaceAndNeedsNoMasterAddress) {
  for (const std::string test : {"allreduce", "reducescatter", "allgather", "alltoall"}) {
    const RankEnd end = UnderMpirun(3, test + " --backend mpi -b 3K -e 96K -f 4 -c 2 -n 3 -w 1 -d int64");
    EXPECT_EQ(end.code, 0) << test << ": " << end.err;
    EXPECT_NE(end.out.find("# Out of bounds values : 0 OK\n"), std::string::npos) << end.out << end.err;
    EXPECT_NE(end.out.find("#  Rank  2 "), std::string::npos) << end.out;
  }
}

TEST(Mpi, OnOneHostTheOwnBackEndNeedsNoMasterAddressEither) {
  Mpirun mpirun = Starting(3, "allreduce --provider tcp -b 4K -e 4K -n 2");
  mpirun.environment.push_back("MASTER_PORT=" + std::to_string(FreePort()));
  const RankEnd end = ProbeRanks(mpirun.argv, mpirun.environment).End(0);
  EXPECT_EQ(end.code, 0) << end.err;
  EXPECT_NE(end.out.find("#  Rank  2 "), std::string::npos) << end.out;
}

TEST(Mpi, PairsAndLoopbackGoByItToo) {
  const RankEnd pairs = UnderMpirun(3, "pairs --backend mpi -e 64K -n 2");
  // How many rounds there are depends on what the machine is doing: a pair that looks slow is measured again.
  EXPECT_NE(pairs.out.find(" rounds, "), std::string::npos) << pairs.out << pairs.err;
  EXPECT_EQ(pairs.out.find('x', pairs.out.find("(column)")), pairs.out.find("x no answer")) << pairs.out;
  const RankEnd tampered = UnderMpirun(3, "pairs --backend mpi -e 64K -n 2 --tamper 1:0");
  EXPECT_EQ(tampered.code, 1) << tampered.err;
  EXPECT_NE(tampered.out.find("with wrong data"), std::string::npos) << tampered.out;
  const RankEnd loopback = UnderMpirun(2, "loopback --backend mpi -e 64K -n 4");
  EXPECT_EQ(loopback.code, 0) << loopback.out << loopback.err;
}

// mpirun sees nothing of a rank that is stopped, and MPI's own calls never end.
TEST(Mpi, ACollectiveThatNeverEndsIsEndedAtTheDeadline) {
  const Mpirun mpirun = Starting(3, "allreduce --backend mpi -b 1M -e 1M -n 100000 -c 0 -T 1");
  ProbeRanks run(mpirun.argv, mpirun.environment);
  ASSERT_TRUE(run.Prints(0, "(elements)"));
  const std::string& head = run.Printed(0);
  const std::size_t pid = head.find(" Pid ", head.find("#  Rank  2 ")) + 5;
  ASSERT_EQ(::kill(static_cast<pid_t>(std::stoi(head.substr(pid))), SIGSTOP), 0) << head;
  const RankEnd end = run.End(0);
  EXPECT_NE(end.code, 0);
  // By who waits in MPI, or, if it was stopped before, by who waits for all to come.
  EXPECT_TRUE(end.err.find("does not come to the end of all_reduce of 1048576 bytes in 1 s") != std::string::npos ||
              end.err.find("nothing from rank 2 (") != std::string::npos)
      << end.err;
}

TEST(Mpi, ATypeThatMpiDoesNotHaveIsNamed) {
  const RankEnd end = UnderMpirun(2, "allreduce --backend mpi -b 4K -e 4K -d half");
  EXPECT_NE(end.code, 0);
  EXPECT_NE(end.err.find("half has no type in MPI; all but half and bfloat16 have one"), std::string::npos) << end.err;
}

TEST(Mpi, EveryTypeThatItHasAndEveryOperationIsExact) {
  for (const std::string test : {"allreduce", "reducescatter"}) {
    const RankEnd end = UnderMpirun(3, test + " --backend mpi -b 3K -e 3K -n 1 -w 0 -d all -o all");
    EXPECT_EQ(end.code, 0) << end.err << end.out;
    EXPECT_NE(end.out.find("# Out of bounds values : 0 OK\n"), std::string::npos) << end.out;
    for (const std::string row : {"  int8     sum", " uint8    prod", "uint64     avg", "double     min"})
      EXPECT_NE(end.out.find(row), std::string::npos) << row << end.out;
  }
}

}  // namespace
}  // namespace everstep
