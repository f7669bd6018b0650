// All checks of a host, from its agent through the launcher to the client, over real sockets. The loop is this test.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>

#include "agent/rpc/link.h"
#include "base/text.h"
#include "launcher/rpc/client.h"
#include "launcher/rpc/server.h"
#include "tests/rpc/inbox.h"
#include "tests/rpc/temporary_directory.h"

namespace everstep {
namespace {

HostChecks Sick() {
  return {.node = NodeId("n1"),
          .age = 3s,
          .watched_for = 1h,
          .checks = {{.check = "gpu.temperature",
                      .scope = "GPU 3",
                      .state = CheckState::fail,
                      .value = "97 °C",
                      .limit = "> 90 °C",
                      .age = 4s,
                      .in_state = 14s,
                      .changes = 1,
                      .states = {{CheckState::ok, 1h}, {CheckState::fail, 14s}},
                      .values = {{"70 °C", 1h}, {"97 °C", 4s}}},
                     {.check = "gpu.xid", .in_state = 1h}}};
}

class ChecksTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto serving = server_.Start({.listen = "127.0.0.1:0"}, launcher_.Poster());
    ASSERT_TRUE(serving) << serving.error().Str();
    client_ = *ControlClient::Connect({.address = serving->address});
  }
  // What a client is told who asks for n1, while the loop takes `node` for it.
  Result<HostChecks> Asked(NodeView node) {
    auto asked = std::async(std::launch::async, [this] { return client_->Checks(NodeId("n1")); });
    const auto call = launcher_.Take<ApiCall>();
    EXPECT_EQ(std::get<GetNode>(call.request).node, NodeId("n1"));
    server_.Reply(call.token, ApiReply(NodesReply{{std::move(node)}, {}}), true);
    return asked.get();
  }
  std::string AgentWith(HostChecks checks) {
    const auto serving = agent_.Start({.log_dir = logs_.path(), .checks = [checks] { return checks; }}, agent_inbox_.Poster());
    EXPECT_TRUE(serving) << serving.error().Str();
    return serving->address;
  }

  TemporaryDirectory logs_;
  Inbox<AgentInput> agent_inbox_;
  GrpcLink agent_;
  Inbox<LauncherInput> launcher_;
  LauncherServer server_;
  std::unique_ptr<ControlClient> client_;
};

TEST_F(ChecksTest, WhatTheAgentHasArrivesAsItWas) {
  const auto told = Asked({.node = NodeId("n1"), .address = AgentWith(Sick())});
  ASSERT_TRUE(told) << told.error().Str();
  EXPECT_EQ(*told, Sick());
}

TEST_F(ChecksTest, WhatTheLauncherKnowsOfAHostStandsBesideWhatTheHostSays) {
  auto asked = std::async(std::launch::async, [this] { return client_->Checks(NodeId("n1")); });
  const auto call = launcher_.Take<ApiCall>();
  const HostCheck network{.check = "fabric.connect", .state = CheckState::fail, .value = "no", .in_state = 1s};
  const HostCheck open{.check = "fabric.provider", .state = CheckState::unknown};
  server_.Reply(call.token, ApiReply(NodesReply{{{.node = NodeId("n1"), .address = AgentWith(Sick())}}, {network, open}}),
                true);
  const auto told = asked.get();
  ASSERT_TRUE(told) << told.error().Str();
  std::vector<std::string> names;
  for (const HostCheck& check : told->checks) names.push_back(check.check);
  EXPECT_EQ(names, (std::vector<std::string>{"fabric.connect", "gpu.temperature", "fabric.provider", "gpu.xid"}));
}

TEST_F(ChecksTest, WhatTheLauncherKnowsIsToldOfAHostThatIsLostToo) {
  auto asked = std::async(std::launch::async, [this] { return client_->Checks(NodeId("n1")); });
  const auto call = launcher_.Take<ApiCall>();
  server_.Reply(call.token,
                ApiReply(NodesReply{{{.node = NodeId("n1"), .phase = NodePhase::lost}},
                                    {{.check = "fabric.connect", .state = CheckState::fail},
                                     {.check = "fabric.provider", .state = CheckState::unknown}}}),
                true);
  const auto told = asked.get();
  ASSERT_TRUE(told) << told.error().Str();
  EXPECT_EQ(told->untold, "nobody can be asked: n1 is lost");
  ASSERT_EQ(told->checks.size(), 1u) << "what nobody knows need not be said of it";
  EXPECT_EQ(told->checks[0].check, "fabric.connect");
}

TEST_F(ChecksTest, WhoeverAnswersAtTheAddressOfAnotherHostIsNotBelieved) {
  const auto told = Asked({.node = NodeId("n1"), .address = AgentWith({.node = NodeId("n2"), .checks = Sick().checks})});
  ASSERT_TRUE(told);
  EXPECT_TRUE(told->checks.empty());
  EXPECT_NE(told->untold.find("another host answers: n2"), std::string::npos) << told->untold;
}

TEST_F(ChecksTest, WhereNothingListensItIsToldAtOnceAndInOneSentence) {
  const auto told = Asked({.node = NodeId("n1"), .address = "127.0.0.1:1"});
  ASSERT_TRUE(told);
  EXPECT_EQ(told->node, NodeId("n1"));
  EXPECT_TRUE(told->untold.starts_with("n1 did not answer: ")) << told->untold;
}

// It accepts, and then says nothing: as an agent that is stopped.
TEST_F(ChecksTest, AnAgentThatStandsStillCostsTwoSecondsAndIsNamed) {
  const int silent = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in at{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
  socklen_t size = sizeof at;
  ASSERT_EQ(::bind(silent, reinterpret_cast<sockaddr*>(&at), size), 0);
  ASSERT_EQ(::listen(silent, 1), 0);
  ASSERT_EQ(::getsockname(silent, reinterpret_cast<sockaddr*>(&at), &size), 0);
  const auto told = Asked({.node = NodeId("n1"), .address = Cat("127.0.0.1:", ntohs(at.sin_port))});
  ::close(silent);
  ASSERT_TRUE(told);
  EXPECT_TRUE(told->untold.starts_with("n1 did not answer")) << told->untold;
}

// An old agent has the service without the question; a launcher's server answers UNIMPLEMENTED just the same.
TEST_F(ChecksTest, AnAgentThatDoesNotKnowTheQuestionIsNamedWithItsVersion) {
  Inbox<LauncherInput> inbox;
  LauncherServer other;
  const auto serving = other.Start({.listen = "127.0.0.1:0"}, inbox.Poster());
  ASSERT_TRUE(serving);
  const auto told = Asked({.node = NodeId("n1"), .address = serving->address, .version = "0.9"});
  ASSERT_TRUE(told);
  EXPECT_EQ(told->untold, "its agent, version 0.9, does not know the question");
}

TEST_F(ChecksTest, ALostHostIsNotAskedAtAll) {
  const auto told = Asked({.node = NodeId("n1"), .phase = NodePhase::lost, .address = "127.0.0.1:1"});
  ASSERT_TRUE(told);
  EXPECT_EQ(told->untold, "nobody can be asked: n1 is lost");
}

TEST_F(ChecksTest, AHostThatIsNotKnownIsAnError) {
  auto asked = std::async(std::launch::async, [this] { return client_->Checks(NodeId("n1")); });
  const auto call = launcher_.Take<ApiCall>();
  server_.Reply(call.token, Fail(ErrorCode::kNotFound, "no host n1"), true);
  const auto told = asked.get();
  ASSERT_FALSE(told);
  EXPECT_EQ(told.error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace everstep
