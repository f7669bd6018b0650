// everstep-mpi as agents start it, two hosts of two ranks, which are this machine; mpirun is a script (fake/mpirun), so that
// MPI itself is not needed.
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <memory>
#include <thread>

#include "../../collectives/meet/free_port.h"
#include "../../collectives/probe/ranks.h"
#include "base/text.h"

namespace everstep {
namespace {

struct GangSize {
  int nodes = 2;
  int locals = 2;
  int started = nodes * locals;  // the others are missing
};

class MpiGang {
 public:
  explicit MpiGang(const std::vector<std::string>& program, const std::vector<std::string>& more = {},
                   GangSize size = GangSize())
      : port_(FreePort()), locals_(size.locals) {
    std::vector<std::string> argv{EVERSTEP_MPI, "--"};
    argv.insert(argv.end(), program.begin(), program.end());
    for (int rank = 0; rank < size.started; ++rank) {
      std::vector<std::string> environment{"PATH=" FAKE_MPIRUN ":/usr/bin:/bin",
                                           "MASTER_ADDR=127.0.0.1",
                                           Cat("MASTER_PORT=", port_),
                                           Cat("RANK=", rank),
                                           Cat("LOCAL_RANK=", rank % size.locals),
                                           Cat("LOCAL_WORLD_SIZE=", size.locals),
                                           Cat("GROUP_RANK=", rank / size.locals),
                                           Cat("GROUP_WORLD_SIZE=", size.nodes)};
      environment.insert(environment.end(), more.begin(), more.end());
      ranks_.push_back(std::make_unique<ProbeRanks>(argv, environment));
    }
  }
  std::uint16_t port() const { return port_; }
  std::size_t size() const { return ranks_.size(); }
  std::size_t locals() const { return static_cast<std::size_t>(locals_); }
  // As keepers stop a gang.
  void Stop() const {
    for (const auto& rank : ranks_) rank->Signal(0, SIGTERM);
  }
  bool Prints(std::size_t rank, const std::string& text) { return ranks_[rank]->Prints(0, text); }
  RankEnd End(std::size_t rank) { return ranks_[rank]->End(0); }

 private:
  std::uint16_t port_;
  int locals_;
  std::vector<std::unique_ptr<ProbeRanks>> ranks_{};
};

std::vector<std::string> Shell(const std::string& script) { return {"sh", "-c", script}; }

Fd Connected(std::uint16_t port) {
  Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ? std::move(fd) : Fd();
}

bool Listens(std::uint16_t port) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (std::chrono::steady_clock::now() < deadline)
    if (Connected(port).open()) return true;
  return false;
}

TEST(MpiGang, EveryRankHasItsOwnOutputAndEnvironment) {
  MpiGang gang(
      Shell("echo $RANK $LOCAL_RANK $OMPI_COMM_WORLD_RANK $OMPI_COMM_WORLD_SIZE; printf 'no newline of %s' $RANK >&2"));
  for (std::size_t rank = 0; rank < gang.size(); ++rank) {
    const RankEnd end = gang.End(rank);
    EXPECT_EQ(end.code, 0) << rank;
    EXPECT_EQ(end.out, Cat(rank, ' ', rank % gang.locals(), ' ', rank, " 4\n"));
    EXPECT_EQ(end.err, Cat("no newline of ", rank));
  }
}

TEST(MpiGang, AHundredThousandLinesOfEachRankArriveWhole) {
  MpiGang gang(Shell("seq $((RANK * 1000000)) $((RANK * 1000000 + 99999))"));
  std::vector<RankEnd> ends(gang.size());
  std::vector<std::thread> readers;  // none ends before all have written
  for (std::size_t rank = 0; rank < gang.size(); ++rank) readers.emplace_back([&, rank] { ends[rank] = gang.End(rank); });
  for (std::thread& reader : readers) reader.join();
  for (std::size_t rank = 0; rank < gang.size(); ++rank) {
    std::string expected;
    for (std::size_t line = 0; line < 100'000; ++line) expected += Cat(rank * 1'000'000 + line, '\n');
    EXPECT_EQ(ends[rank].code, 0);
    EXPECT_TRUE(ends[rank].out == expected)
        << "rank " << rank << ": " << ends[rank].out.size() << " bytes of " << expected.size();
  }
}

// Whichever it is: the hub's own rank, its neighbour, another host's first, another host's second.
TEST(MpiGang, ARankThatFailsEndsWithItsCodeAndTheOthersWaitToBeStopped) {
  for (std::size_t bad = 0; bad < 4; ++bad) {
    MpiGang gang(Shell(Cat("[ $RANK != ", bad, " ] && exec sleep 1000; echo last words >&2; exit 3")));
    const RankEnd cause = gang.End(bad);
    EXPECT_EQ(cause.code, 3);
    EXPECT_NE(cause.err.find("last words\n"), std::string::npos) << cause.err;
    gang.Stop();
    for (std::size_t rank = 0; rank < gang.size(); ++rank) {
      EXPECT_EQ(gang.End(rank).code, rank == bad ? 3 : 128 + SIGTERM) << "rank " << rank << " beside " << bad;
    }
  }
}

TEST(MpiGang, ARankThatIsKilledEndsByTheSameSignal) {
  MpiGang gang(Shell("[ $RANK != 2 ] && exec sleep 1000; kill -SEGV $$"));
  EXPECT_EQ(gang.End(2).code, 128 + SIGSEGV);
  gang.Stop();
}

TEST(MpiGang, AProgramThatCannotBeStartedIsNamed) {
  const GangSize alone{.nodes = 1, .locals = 1};
  const RankEnd none = MpiGang({"./there-is-none"}, {}, alone).End(0);
  EXPECT_EQ(none.code, 127);
  EXPECT_EQ(none.err, "everstep-mpi: cannot run ./there-is-none: No such file or directory\n");
  EXPECT_EQ(MpiGang({"/etc/passwd"}, {}, alone).End(0).code, 126);
}

// mpirun would kill the others a second after the first has ended.
TEST(MpiGang, ProgramsThatAreStoppedGetOneSigtermAndMayTakeTheirTime) {
  MpiGang gang(
      Shell("trap 'told=1; echo told' TERM; echo ready; while [ -z $told ]; do sleep 0.05; done; sleep 0.$RANK; exit 5"));
  for (std::size_t rank = 0; rank < gang.size(); ++rank) ASSERT_TRUE(gang.Prints(rank, "ready\n"));
  gang.Stop();
  for (std::size_t rank = 0; rank < gang.size(); ++rank) {
    const RankEnd end = gang.End(rank);
    EXPECT_EQ(end.code, 5) << "rank " << rank << ": " << end.err;
    EXPECT_EQ(end.out, "ready\ntold\n");
  }
}

TEST(MpiGang, WhereNoRankHasFailedMpirunsCodeIsTheHubs) {
  MpiGang gang({"true"}, {"FAKE_MPIRUN_CODE=9"});
  const RankEnd hub = gang.End(0);
  EXPECT_EQ(hub.code, 9);
  EXPECT_EQ(hub.err, "mpirun itself has failed\n");
  gang.Stop();
  for (std::size_t rank = 1; rank < gang.size(); ++rank) EXPECT_EQ(gang.End(rank).code, 128 + SIGTERM);
}

// Without hearing it, it would wait for a minute and keep its host from being empty.
TEST(MpiHub, ToldToEndWhileHostsAreMissingItEndsAndSaysSo) {
  MpiGang hub({"true"}, {}, {.started = 1});
  ASSERT_TRUE(Listens(hub.port()));
  const auto begin = std::chrono::steady_clock::now();
  hub.Stop();
  const RankEnd end = hub.End(0);
  EXPECT_EQ(end.code, 1);
  EXPECT_NE(end.err.find("told to end before all hosts have come"), std::string::npos) << end.err;
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(30)) << "not only after its minute";
}

}  // namespace
}  // namespace everstep
