// "Does it live?", asked over real sockets of a host that answers, one that refuses and one that says nothing.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "agent/rpc/link.h"
#include "base/real/fd.h"
#include "base/text.h"
#include "launcher/rpc/server.h"
#include "tests/rpc/inbox.h"

namespace everstep {
namespace {

// A socket on loopback that is bound but does nothing for whoever connects.
struct Silent {
  Fd fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  std::string address{};

  explicit Silent(bool listening) {
    sockaddr_in to{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
    socklen_t size = sizeof to;
    EXPECT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&to), size), 0);
    EXPECT_TRUE(!listening || ::listen(fd.get(), 8) == 0);
    EXPECT_EQ(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&to), &size), 0);
    address = Cat("127.0.0.1:", ntohs(to.sin_port));
  }
};

class DialTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(server_.Start({.listen = "127.0.0.1:0"}, launcher_.Poster()));
    const auto serving = link_.Start({.log_dir = "/nonexistent"}, agent_.Poster());
    ASSERT_TRUE(serving) << serving.error().Str();
    agent_address_ = serving->address;
    EXPECT_EQ(serving->job_address, "127.0.0.1");
  }
  DialAnswer Dial(const std::string& address, Duration deadline) {
    server_.Dial(NodeId("n1"), address, ping_, deadline);
    return launcher_.Take<DialAnswer>();
  }

  const Ping ping_{.nonce = 77, .to = NodeId("n1"), .epoch = Epoch(2), .acknowledged = AtNanoseconds(5)};
  Inbox<LauncherInput> launcher_;
  Inbox<AgentInput> agent_;
  LauncherServer server_;
  GrpcLink link_;
  std::string agent_address_;
};

TEST_F(DialTest, AnAgentThatAnswersIsAliveAndItsBeatComesBack) {
  server_.Dial(NodeId("n1"), agent_address_, ping_, kPatience);
  const auto asked = agent_.Take<PingReceived>();
  EXPECT_EQ(asked.ping, ping_);
  const Pong pong{
      .nonce = 77, .node = NodeId("n1"), .boot = BootId("b1"), .beat = {.seq = Sequence(9)}, .launcher_silent = true};
  link_.Answer(asked.token, pong);
  const auto answer = launcher_.Take<DialAnswer>();
  EXPECT_EQ(answer.node, NodeId("n1"));
  EXPECT_EQ(answer.nonce, 77u);
  EXPECT_EQ(answer.finding, PeerFinding::alive);
  EXPECT_EQ(answer.pong, pong);
  EXPECT_EQ(answer.evidence, Cat("n1 answered at ", agent_address_));
}

TEST_F(DialTest, AHostWhoseKernelRefusesHasNoAgent) {
  const Silent down(false);
  const auto answer = Dial(down.address, kPatience);
  EXPECT_EQ(answer.finding, PeerFinding::agent_down);
  EXPECT_EQ(answer.evidence, Cat("connection refused by ", down.address));
}

TEST_F(DialTest, AHostThatTakesTheConnectionAndSaysNothingIsNothing) {
  const Silent frozen(true);
  const auto answer = Dial(frozen.address, 2s);
  EXPECT_EQ(answer.finding, PeerFinding::nothing);
  EXPECT_EQ(answer.evidence, Cat("the connection was taken, but no answer came from ", frozen.address, " within 2 s"));
}

TEST_F(DialTest, AnAgentWhoseLoopDoesNotAnswerIsNothing) {
  const auto answer = Dial(agent_address_, 2s);
  EXPECT_EQ(answer.finding, PeerFinding::nothing);
}

TEST_F(DialTest, AnotherHostAtThatAddressIsNothing) {
  server_.Dial(NodeId("n1"), agent_address_, ping_, kPatience);
  link_.Answer(agent_.Take<PingReceived>().token, std::nullopt);
  const auto answer = launcher_.Take<DialAnswer>();
  EXPECT_EQ(answer.finding, PeerFinding::nothing);
  EXPECT_NE(answer.evidence.find("another host answers at this address"), std::string::npos) << answer.evidence;
}

TEST_F(DialTest, AnAnswerToAnotherQuestionCountsForNothing) {
  server_.Dial(NodeId("n1"), agent_address_, ping_, kPatience);
  link_.Answer(agent_.Take<PingReceived>().token, Pong{.nonce = 76, .node = NodeId("n1")});
  EXPECT_EQ(launcher_.Take<DialAnswer>().finding, PeerFinding::nothing);
}

TEST_F(DialTest, ANameIsNotAskedBecauseANameServerIsNoWitness) {
  const auto answer = Dial("localhost:7000", kPatience);
  EXPECT_EQ(answer.finding, PeerFinding::nothing);
  EXPECT_EQ(answer.evidence, "localhost:7000 is not an IP address: agents are only asked by number");
}

TEST_F(DialTest, ManySilentHostsDoNotDelayTheQuestionToALivingOne) {
  const Silent frozen(true);
  for (int i = 0; i < 100; ++i) server_.Dial(NodeId("n2"), frozen.address, ping_, kPatience);
  server_.Dial(NodeId("n1"), agent_address_, ping_, kPatience);
  link_.Answer(agent_.Take<PingReceived>().token, Pong{.nonce = 77, .node = NodeId("n1")});
  EXPECT_EQ(launcher_.Take<DialAnswer>().node, NodeId("n1"));
}

TEST_F(DialTest, AnAgentAsksItsPeersTheSameWay) {
  const Silent down(false);
  link_.Ask(NodeId("n2"), down.address, Ping{.nonce = 5, .to = NodeId("n2")}, kPatience);
  const auto answer = agent_.Take<PingAnswer>();
  EXPECT_EQ(answer.node, NodeId("n2"));
  EXPECT_EQ(answer.nonce, 5u);
  EXPECT_EQ(answer.finding, PeerFinding::agent_down);
}

TEST_F(DialTest, NothingIsPostedAfterShutdownAlthoughQuestionsWereOpen) {
  const Silent frozen(true);
  server_.Dial(NodeId("n1"), frozen.address, ping_, kPatience);
  server_.Dial(NodeId("n1"), agent_address_, ping_, kPatience);
  agent_.Take<PingReceived>();
  link_.Shutdown();
  server_.Shutdown();
  EXPECT_LE(launcher_.Count<DialAnswer>(), 2u);
}

}  // namespace
}  // namespace everstep
