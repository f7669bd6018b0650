// everstep-mpi as agents start it, while others of its gang are missing; MPI itself is not needed.
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>

#include "../../collectives/meet/free_port.h"
#include "../../collectives/probe/ranks.h"
#include "base/text.h"

namespace everstep {
namespace {

std::vector<std::string> PlaceOf(int node, int nodes, std::uint16_t port) {
  return {"PATH=/usr/bin:/bin", Cat("GROUP_RANK=", node), Cat("GROUP_WORLD_SIZE=", nodes), "MASTER_ADDR=127.0.0.1",
          Cat("MASTER_PORT=", port)};
}

std::vector<std::string> Argv() { return {EVERSTEP_MPI, "--slots", "1", "--", "true"}; }

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

// Without hearing it, it would wait for a minute and keep its host from being empty.
TEST(MpiHub, ToldToEndWhileHostsAreMissingItEndsAndSaysSo) {
  const std::uint16_t port = FreePort();
  ProbeRanks hub(Argv(), PlaceOf(0, 2, port));
  ASSERT_TRUE(Listens(port));
  const auto begin = std::chrono::steady_clock::now();
  hub.Signal(0, SIGTERM);
  const RankEnd end = hub.End(0);
  EXPECT_EQ(end.code, 1);
  EXPECT_NE(end.err.find("told to end before all hosts have come"), std::string::npos) << end.err;
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(30)) << "not only after its minute";
}

}  // namespace
}  // namespace everstep
