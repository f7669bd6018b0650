// The keeper's socket as a client without manners finds it.
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>

#include "agent/keeper/line_socket.h"
#include "agent/keeper/wire.h"
#include "base/text.h"
#include "tests/agent/keeper/host.h"

namespace everstep {
namespace {

// A client that says what it likes and waits for lines.
class Client {
 public:
  explicit Client(const std::string& spool) : socket_(*ConnectUnix(SocketIn(spool)), kKeeperLineBytes) {}

  void Say(const std::string& line) { EXPECT_TRUE(socket_.Send(line)); }
  // The next line; nullopt: closed.
  std::optional<std::string> Hear() {
    RealClock clock;
    for (const Time deadline = clock.Now() + kPatience; clock.Now() < deadline;) {
      if (auto line = socket_.NextLine()) return line;
      if (closed_) return std::nullopt;
      pollfd polled{.fd = socket_.fd(), .events = socket_.wanted(), .revents = 0};
      ::poll(&polled, 1, 1000);
      const bool sends = socket_.Flush().has_value();
      closed_ = !socket_.Receive() || !sends;
    }
    ADD_FAILURE() << "nothing was said";
    return std::nullopt;
  }
  void Greet() {
    EXPECT_EQ(Hear(), HelloLine());
    Say(HelloLine());
    HearStatus();
  }
  KeeperStatus HearStatus() {
    const auto line = Hear();
    const auto message = ParseFromKeeper(line.value_or(""));
    if (message && std::holds_alternative<KeeperStatus>(*message)) return std::get<KeeperStatus>(*message);
    ADD_FAILURE() << "no status: " << line.value_or("(closed)").substr(0, 200);
    return {};
  }

 private:
  LineSocket socket_;
  bool closed_ = false;
};

class Protocol : public Host {
 protected:
  void SetUp() override {
    Launch();
    AwaitKind(KeeperEventKind::up);
  }
};

TEST_F(Protocol, AnotherVersionIsRefusedByNameAndDisturbsNobody) {
  Client client(spool());
  EXPECT_EQ(client.Hear(), HelloLine());
  client.Say(R"({"protocol":7})");
  EXPECT_EQ(client.Hear(), R"({"refused":{"why":"the agent speaks protocol 7, this keeper speaks 2"}})");
  EXPECT_EQ(client.Hear(), std::nullopt);
  Start({Shell(0, "exit 0")});  // the agent is still connected
  AwaitPhase(KeeperPhase::empty);
}

TEST_F(Protocol, AClientThatSaysNoHelloIsToldWhatIsLegal) {
  Client client(spool());
  client.Hear();
  client.Say("GET / HTTP/1.1");
  EXPECT_EQ(client.Hear(), R"({"refused":{"why":"the agent said 'GET / HTTP/1.1' first, legal: {\"protocol\":2}"}})");
  EXPECT_EQ(client.Hear(), std::nullopt);
}

TEST_F(Protocol, TheNewestAgentWinsAndTheOldOneIsTold) {
  EndAgent();
  Client first(spool());
  first.Greet();
  Client second(spool());
  second.Greet();
  EXPECT_EQ(first.Hear(), R"({"refused":{"why":"another agent has taken over this keeper"}})");
  EXPECT_EQ(first.Hear(), std::nullopt);
  second.Say(LineOf(ToKeeper(KeeperStop{})));
  EXPECT_EQ(second.HearStatus().phase, KeeperPhase::empty);
}

TEST_F(Protocol, ALineThatIsNoMessageEndsTheConnectionWithTheReasonAndTheKeeperLivesOn) {
  EndAgent();
  Client client(spool());
  client.Greet();
  client.Say(R"({"explode":{}})");
  const std::string refused = client.Hear().value_or("");
  EXPECT_TRUE(refused.starts_with(R"({"refused":)")) << refused;
  EXPECT_NE(refused.find("explode"), std::string::npos) << refused;
  EXPECT_EQ(client.Hear(), std::nullopt);
  Client next(spool());
  next.Greet();
}

TEST_F(Protocol, ALineWithoutAnEndIsCutOffAtTheLimit) {
  EndAgent();
  Client client(spool());
  client.Greet();
  client.Say(std::string(kKeeperLineBytes + (1u << 20), 'x'));
  const std::string refused = client.Hear().value_or("");
  EXPECT_NE(refused.find(Cat("more than the legal ", kKeeperLineBytes, " bytes")), std::string::npos) << refused;
}

TEST_F(Protocol, AnAgentThatIsRefusedAfterItWasUpComesBackByItself) {
  Client intruder(spool());
  intruder.Greet();
  Start({Shell(0, "exit 0")});  // is lost or not: the agent was just put out
  // The agent connects again, and is the newest now.
  EXPECT_EQ(intruder.Hear().value_or("").substr(0, 11), R"({"refused":)");
  Send(KeeperStop{});
  AwaitPhase(KeeperPhase::empty);
}

TEST_F(Protocol, OnlyItsUserMayReadTheSpoolAndTheSocket) {
  struct stat found {};
  ASSERT_EQ(::stat(spool().c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777u, 0700u);
  ASSERT_EQ(::stat(SocketIn(spool()).c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777u, 0600u);
}

}  // namespace
}  // namespace everstep
