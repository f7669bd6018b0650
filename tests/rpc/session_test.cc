// Launcher and agent over a real connection, and what becomes of those who do not keep to the protocol.
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <fstream>

#include "agent/rpc/link.h"
#include "base/text.h"
#include "everstep/v1/agent.grpc.pb.h"
#include "launcher/rpc/server.h"
#include "proto/convert.h"
#include "tests/rpc/inbox.h"

namespace everstep {
namespace {

Hello HelloOf(const std::string& node) {
  return {.protocol = limit::kProtocol,
          .node = NodeId(node),
          .boot = BootId("b1"),
          .incarnation = Incarnation(1),
          .address = "127.0.0.1:7000"};
}

class SessionTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto serving =
        server_.Start({.listen = "127.0.0.1:0", .unread_messages_max = 8, .unread_bytes_max = 8u << 20}, launcher_.Poster());
    ASSERT_TRUE(serving) << serving.error().Str();
    address_ = serving->address;
  }

  // A connected agent whose Hello has arrived.
  SessionId Connect(GrpcLink& link, Inbox<AgentInput>& agent) {
    EXPECT_TRUE(link.Start({.launcher = address_}, agent.Poster()));
    link.Open();
    agent.Take<LinkOpened>();
    link.Send(HelloOf("n1"));
    return launcher_.Take<SessionOpened>().session;
  }

  Inbox<LauncherInput> launcher_;
  LauncherServer server_;
  std::string address_;
};

TEST_F(SessionTest, WhatIsSaidArrivesInOrderOnBothSidesAndClosingIsToldToBoth) {
  Inbox<AgentInput> agent;
  GrpcLink link;
  const SessionId session = Connect(link, agent);

  for (std::uint64_t i = 1; i <= 100; ++i) link.Send(Beat{.seq = Sequence(i)});
  for (std::uint64_t i = 1; i <= 100; ++i) {
    const auto message = launcher_.Take<SessionMessage>();
    EXPECT_EQ(message.session, session);
    ASSERT_EQ(message.message, FromAgent(Beat{.seq = Sequence(i)}));
  }
  server_.Send(session, BeatAck{.epoch = Epoch(3), .seq = Sequence(100)});
  server_.Send(session, Rejected{.why = "enough"});
  server_.Close(session);
  EXPECT_EQ(agent.Take<LinkMessage>().message, ToAgent(BeatAck{.epoch = Epoch(3), .seq = Sequence(100)}));
  EXPECT_EQ(agent.Take<LinkMessage>().message, ToAgent(Rejected{.why = "enough"})) << "what was sent before Close arrives";
  EXPECT_EQ(agent.Take<LinkClosed>().why, Cat("closed by the launcher at ", address_));
  EXPECT_EQ(launcher_.Take<SessionClosed>().why, "closed by the launcher");
}

TEST_F(SessionTest, AnAgentThatGivesUpItsStreamCanOpenAnother) {
  Inbox<AgentInput> agent;
  GrpcLink link;
  const SessionId first = Connect(link, agent);
  link.Close();
  EXPECT_EQ(agent.Take<LinkClosed>().why, "closed by this agent");
  EXPECT_EQ(launcher_.Take<SessionClosed>().session, first);
  link.Open();
  agent.Take<LinkOpened>();
  link.Send(HelloOf("n1"));
  EXPECT_GT(launcher_.Take<SessionOpened>().session, first);
}

TEST_F(SessionTest, NoLauncherThereClosesTheLinkWithTheReason) {
  server_.Shutdown();
  Inbox<AgentInput> agent;
  GrpcLink link;
  ASSERT_TRUE(link.Start({.launcher = address_}, agent.Poster()));
  link.Open();
  EXPECT_EQ(agent.Take<LinkClosed>().why,
            Cat("no stream to the launcher at ", address_, ": cannot connect: Connection refused"));
  EXPECT_EQ(agent.Count<LinkOpened>(), 0u);
}

TEST_F(SessionTest, ALauncherThatGoesDownTellsItsAgents) {
  Inbox<AgentInput> agent;
  GrpcLink link;
  Connect(link, agent);
  server_.Shutdown();
  EXPECT_EQ(agent.Take<LinkClosed>().why, "the launcher is going down; try again when it is back");
  EXPECT_EQ(launcher_.Count<SessionClosed>(), 1u) << "all is posted when Shutdown returns";
}

TEST_F(SessionTest, AnAgentThatGoesDownEndsItsSession) {
  Inbox<AgentInput> agent;
  {
    GrpcLink link;
    Connect(link, agent);
  }
  launcher_.Take<SessionClosed>();
  EXPECT_EQ(agent.Count<LinkClosed>(), 1u) << "all is posted when the link is gone";
}

// An agent that speaks gRPC but not our protocol.
class Stranger {
 public:
  explicit Stranger(const std::string& address)
      : stub_(v1::AgentLink::NewStub(grpc::CreateChannel(address, grpc::InsecureChannelCredentials()))),
        stream_(stub_->Session(&context_)) {}
  ~Stranger() { context_.TryCancel(); }

  void Say(const FromAgent& message) {
    v1::FromAgent out;
    ASSERT_TRUE(ToProto(message, out));
    Say(out);
  }
  void Say(const v1::FromAgent& message) { stream_->Write(message); }
  // Reads to the end: "code: message".
  std::string HowItEnds() {
    v1::ToAgent message;
    while (stream_->Read(&message)) continue;
    const grpc::Status status = stream_->Finish();
    return Cat(static_cast<int>(status.error_code()), ": ", status.error_message());
  }

 private:
  std::unique_ptr<v1::AgentLink::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::FromAgent, v1::ToAgent>> stream_;
};
const std::string kInvalidArgument = Cat(static_cast<int>(grpc::INVALID_ARGUMENT), ": ");

TEST_F(SessionTest, ASecondHelloEndsTheSession) {
  Stranger stranger(address_);
  stranger.Say(HelloOf("n1"));
  stranger.Say(HelloOf("n1"));
  EXPECT_EQ(stranger.HowItEnds(), kInvalidArgument + "found a second hello in one session, legal: one, as the first");
  launcher_.Take<SessionOpened>();
  EXPECT_EQ(launcher_.Take<SessionClosed>().why, "found a second hello in one session, legal: one, as the first");
}

TEST_F(SessionTest, WhoDoesNotSayHelloFirstIsNeverASession) {
  Stranger stranger(address_);
  stranger.Say(Beat{});
  EXPECT_EQ(stranger.HowItEnds(), kInvalidArgument + "the first message of a session: found another, legal: hello");
  server_.Shutdown();
  EXPECT_EQ(launcher_.Count<SessionOpened>() + launcher_.Count<SessionClosed>(), 0u);
}

TEST(SessionHello, AStreamThatStaysSilentIsClosed) {
  Inbox<LauncherInput> launcher;
  LauncherServer server;
  const auto serving = server.Start({.listen = "127.0.0.1:0", .hello_within = 50ms}, launcher.Poster());
  ASSERT_TRUE(serving);
  Stranger stranger(serving->address);
  EXPECT_EQ(stranger.HowItEnds(), Cat(static_cast<int>(grpc::DEADLINE_EXCEEDED), ": no hello within 50 ms"));
}

TEST_F(SessionTest, AMessageOverALimitEndsTheSessionWithTheFieldAndTheLimit) {
  Stranger stranger(address_);
  stranger.Say(HelloOf("n1"));
  stranger.Say(Report{.gangs = {{.job = JobId("Not A Name"), .generation = Generation(1)}}});
  EXPECT_EQ(stranger.HowItEnds(),
            kInvalidArgument + "gang.job: found \"Not A Name\", legal: 1 to 63 of a-z, 0-9 and '-', not at either end");
}

TEST_F(SessionTest, AnEmptyMessageEndsTheSession) {
  Stranger stranger(address_);
  stranger.Say(v1::FromAgent());
  EXPECT_EQ(stranger.HowItEnds(), kInvalidArgument + "message: none of its members is set");
}

TEST_F(SessionTest, AnAddressThatOthersCannotReachIsRefused) {
  Stranger stranger(address_);
  Hello hello = HelloOf("n1");
  hello.address = "0.0.0.0:7000";
  stranger.Say(hello);
  EXPECT_EQ(stranger.HowItEnds(), kInvalidArgument +
                                      "hello.address: found 0.0.0.0:7000, legal: an IP address that others can "
                                      "reach, and a port");
}

TEST_F(SessionTest, AMessageOf5MiBEndsTheSessionWithAReason) {
  Stranger stranger(address_);
  stranger.Say(HelloOf("n1"));
  v1::FromAgent large;
  large.mutable_peer_answer()->set_evidence(std::string(5u << 20, 'x'));
  stranger.Say(large);
  EXPECT_TRUE(stranger.HowItEnds().starts_with(Cat(static_cast<int>(grpc::RESOURCE_EXHAUSTED), ": Received message larger")));
  EXPECT_EQ(launcher_.Take<SessionClosed>().why, "connection lost");
}

TEST_F(SessionTest, AnAgentThatDoesNotReadIsClosedAndTheLauncherKeepsAKnownAmountForIt) {
  Stranger stranger(address_);
  stranger.Say(HelloOf("n1"));
  const SessionId session = launcher_.Take<SessionOpened>().session;
  // More than the sockets of both ends take: then the queue of 8 messages fills.
  for (int i = 0; i < 60; ++i) server_.Send(session, Rejected{.why = std::string(1u << 20, 'x')});
  EXPECT_EQ(launcher_.Take<SessionClosed>().why, "the agent does not read what the launcher sends it");
}

TEST(ServerStart, PlainTextIsForLoopbackUnlessSomeoneInsists) {
  Inbox<LauncherInput> inbox;
  LauncherServer refused;
  const auto serving = refused.Start({.listen = "0.0.0.0:0"}, inbox.Poster());
  ASSERT_FALSE(serving);
  EXPECT_EQ(serving.error().Str(),
            "will not listen on 0.0.0.0:0: this version has no encryption or authentication yet, and that is not a loopback "
            "address; use 127.0.0.1, or --insecure on a network where everybody is trusted");
  LauncherServer warned;
  const auto insecure = warned.Start({.listen = "0.0.0.0:0", .insecure = true}, inbox.Poster());
  ASSERT_TRUE(insecure) << insecure.error().Str();
  EXPECT_TRUE(insecure->warning.starts_with("insecure: plain text without authentication")) << insecure->warning;
}

TEST(ServerStart, AnAddressInUseIsNamed) {
  Inbox<LauncherInput> inbox;
  LauncherServer first, second;
  const auto serving = first.Start({.listen = "127.0.0.1:0"}, inbox.Poster());
  ASSERT_TRUE(serving);
  EXPECT_EQ(serving->warning, "");
  const auto again = second.Start({.listen = serving->address}, inbox.Poster());
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::kConflict);
  EXPECT_EQ(again.error().Str(), Cat("cannot listen on ", serving->address, ": Address already in use; ",
                                     "another program listens there: stop it or choose another port"));
}

TEST(ServerStart, TheAddressFileSaysWhereItServes) {
  Inbox<LauncherInput> inbox;
  const std::string path = Cat(testing::TempDir(), "everstep-address-", ::getpid());
  LauncherServer server;
  const auto serving = server.Start({.listen = "127.0.0.1:0", .address_file = path}, inbox.Poster());
  ASSERT_TRUE(serving) << serving.error().Str();
  std::string line;
  std::getline(std::ifstream(path), line);
  EXPECT_EQ(line, serving->address);
  ::unlink(path.c_str());
}

TEST(Link, AnAgentThatOnlyItsOwnHostCouldReachIsRefusedBeforeItJoins) {
  GrpcLink link;
  Inbox<AgentInput> agent;
  const auto started = link.Start({.launcher = "192.0.2.1:7450", .listen = "127.0.0.1:0", .insecure = true}, agent.Poster());
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().message.find("listen: found 127.0.0.1:"), 0u) << started.error().message;
  EXPECT_NE(started.error().message.find("which the launcher 192.0.2.1:7450 and other hosts cannot reach"), std::string::npos);
  EXPECT_NE(started.error().hint.find("--advertise"), std::string::npos);
}

}  // namespace
}  // namespace everstep
