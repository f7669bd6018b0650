#include "agent/core/fence.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/text.h"

namespace everstep {
namespace {

constexpr Duration kF = 4s;
Time At(Duration d) { return AtNanoseconds(0) + 1h + d; }

std::vector<Peer> Members(int n) {
  std::vector<Peer> peers;
  for (int i = 1; i <= n; ++i) peers.push_back({.node = NodeId(Cat("n", i)), .address = Cat("10.0.0.", i, ":7451")});
  return peers;
}

// The fence of n1 in a cluster of n, which heard the launcher last at 0 s.
struct Host {
  explicit Host(int n) {
    fence.Told(kF, Members(n));
    fence.Acknowledged(At(0s), At(0s));
  }
  Fence fence{NodeId("n1"), At(-1min)};
  Rng rng{7};

  static PingAnswer Answer(const Fence::Question& question, PeerFinding finding, bool launcher_silent) {
    PingAnswer answer{.node = question.peer.node, .nonce = question.nonce, .finding = finding};
    if (finding == PeerFinding::alive)
      answer.pong = Pong{.nonce = question.nonce, .node = question.peer.node, .launcher_silent = launcher_silent};
    return answer;
  }
  // A round that begins at `t`; the first `alive` of the others answer that they have no launcher either, the rest are dead.
  Fence::Step Round(Time t, int alive) {
    Fence::Step last = fence.Tick(t, rng);
    std::vector<Fence::Question> open = last.ask;
    while (!open.empty() && last.why.empty()) {
      const Fence::Question question = open.back();
      open.pop_back();
      const bool counts = std::stoi(question.peer.node.value.substr(1)) <= alive + 1;
      last = fence.Answered(t + 10ms, Answer(question, counts ? PeerFinding::alive : PeerFinding::nothing, true));
      open.insert(open.end(), last.ask.begin(), last.ask.end());
    }
    return last;
  }
};

TEST(Fence, AnAcknowledgedBeatGivesFFromTheTimeItWasSent) {
  Host host(3);
  EXPECT_EQ(host.fence.Lease(), At(4s));
  EXPECT_TRUE(host.fence.Acknowledged(At(900ms), At(500ms)));
  EXPECT_EQ(host.fence.Lease(), At(4500ms)) << "not from the time its acknowledgement came";
  EXPECT_TRUE(host.fence.Holds(At(4499ms)));
  EXPECT_FALSE(host.fence.Holds(At(4500ms)));
}

TEST(Fence, OldRepeatedAndFutureAcknowledgementsChangeNothing) {
  Host host(3);
  host.fence.Acknowledged(At(1s), At(1s));
  for (const Duration sent : {Duration(0s), Duration(1s), Duration(100s)})
    EXPECT_FALSE(host.fence.Acknowledged(At(2s), At(sent))) << Show(sent);
  EXPECT_EQ(host.fence.Lease(), At(5s));
}

TEST(Fence, NothingIsAskedWhileTheLauncherIsHeard) {
  Host host(3);
  EXPECT_EQ(host.fence.Deadline(), At(2s));
  EXPECT_TRUE(host.fence.Tick(At(1999ms), host.rng).ask.empty());
  EXPECT_FALSE(host.fence.LauncherSilent(At(1999ms)));
  EXPECT_TRUE(host.fence.LauncherSilent(At(2s)));
  EXPECT_EQ(host.fence.Tick(At(2s), host.rng).ask.size(), 2u);
}

struct MajorityRow {
  int members;
  int alive;  // of the others
  bool extends;
};
TEST(Fence, MoreThanHalfExtendsHalfDoesNot) {
  for (const MajorityRow& row : std::vector<MajorityRow>{{.members = 1, .alive = 0, .extends = true},
                                                         {.members = 2, .alive = 0, .extends = false},
                                                         {.members = 2, .alive = 1, .extends = true},
                                                         {.members = 3, .alive = 0, .extends = false},
                                                         {.members = 3, .alive = 1, .extends = true},
                                                         {.members = 4, .alive = 1, .extends = false},
                                                         {.members = 4, .alive = 2, .extends = true},
                                                         {.members = 100, .alive = 49, .extends = false},
                                                         {.members = 100, .alive = 50, .extends = true}}) {
    Host host(row.members);
    const Fence::Step end = host.Round(At(2500ms), row.alive);
    EXPECT_EQ(end.grew, row.extends) << row.alive << " others of " << row.members;
    EXPECT_EQ(host.fence.Lease(), row.extends ? At(6500ms) : At(4s)) << "from the start of the round";
    EXPECT_FALSE(end.why.empty());
  }
}

TEST(Fence, AMemberThatHearsTheLauncherDoesNotCountButIsASignOfHope) {
  Host host(3);
  Fence::Step step = host.fence.Tick(At(2s), host.rng);
  ASSERT_EQ(step.ask.size(), 2u);
  const std::vector<Fence::Question> ask = step.ask;
  step = host.fence.Answered(At(2s), Host::Answer(ask[0], PeerFinding::alive, false));
  EXPECT_TRUE(step.launcher_heard);
  EXPECT_FALSE(step.grew);
  step = host.fence.Answered(At(2s), Host::Answer(ask[1], PeerFinding::alive, false));
  EXPECT_FALSE(step.grew);
  EXPECT_EQ(host.fence.Lease(), At(4s));
  EXPECT_EQ(step.why,
            "no majority: at most 1 of 3 hosts, this one counted, are without a launcher and reachable, 2 are needed");
}

TEST(Fence, AgentDownSaysNothingAboutWhomItsHostHears) {
  Host host(3);
  Fence::Step step = host.fence.Tick(At(2s), host.rng);
  for (const Fence::Question& question : std::vector(step.ask))
    EXPECT_FALSE(host.fence.Answered(At(2s), Host::Answer(question, PeerFinding::agent_down, true)).grew);
}

TEST(Fence, AnswersOfAnotherRoundOrAnotherHostDoNotCount) {
  Host host(3);
  const Fence::Step step = host.fence.Tick(At(2s), host.rng);
  PingAnswer answer = Host::Answer(step.ask[0], PeerFinding::alive, true);
  answer.nonce += 1;
  EXPECT_FALSE(host.fence.Answered(At(2s), answer).grew);
  answer = Host::Answer(step.ask[0], PeerFinding::alive, true);
  answer.pong->node = NodeId("n9");
  EXPECT_FALSE(host.fence.Answered(At(2s), answer).grew) << "another host answered at that address";
  EXPECT_FALSE(host.fence.Answered(At(2s), Host::Answer(step.ask[0], PeerFinding::alive, true)).grew)
      << "a host has one answer";
  EXPECT_TRUE(host.fence.Answered(At(2s), Host::Answer(step.ask[1], PeerFinding::alive, true)).grew);
}

TEST(Fence, AtMostSixteenQuestionsAreOpenAndAllAreAskedInTheEnd) {
  Host host(100);
  Fence::Step step = host.fence.Tick(At(2s), host.rng);
  EXPECT_EQ(step.ask.size(), 16u);
  std::vector<NodeId> asked;
  std::vector<Fence::Question> open = step.ask;
  bool in_order = true;
  while (!open.empty()) {
    asked.push_back(open.back().peer.node);
    if (asked.size() > 1 && asked.back() < asked[asked.size() - 2]) in_order = false;
    step = host.fence.Answered(At(2s), Host::Answer(open.back(), PeerFinding::nothing, true));
    open.pop_back();
    open.insert(open.end(), step.ask.begin(), step.ask.end());
    ASSERT_LE(open.size(), 16u);
    if (!step.why.empty()) break;
  }
  EXPECT_EQ(asked.size(), 50u) << "with 50 dead of 100 the round is lost";
  EXPECT_FALSE(in_order) << "not everybody should ask the same host first";
}

TEST(Fence, RoundsFollowEachOtherWhileTheLauncherIsSilent) {
  Host host(3);
  EXPECT_TRUE(host.Round(At(2s), 2).grew);
  EXPECT_EQ(host.fence.Deadline(), At(3s)) << "F/4 after the start of a good round";
  EXPECT_TRUE(host.Round(At(3s), 2).grew);
  EXPECT_FALSE(host.Round(At(4s), 0).grew);
  EXPECT_EQ(host.fence.Deadline(), At(4500ms)) << "F/8 after the start of a lost one";
  EXPECT_EQ(host.fence.Lease(), At(7s));
}

TEST(Fence, AChangeOfTheMembershipEndsTheRound) {
  Host host(9);
  const Fence::Step step = host.fence.Tick(At(2s), host.rng);
  host.fence.Told(kF, Members(3));
  for (const Fence::Question& question : step.ask)
    EXPECT_FALSE(host.fence.Answered(At(2s), Host::Answer(question, PeerFinding::alive, true)).grew)
        << question.peer.node.value << " was asked as one of nine";
}

TEST(Fence, AHostThatIsNoMemberAnyMoreDoesNotCountItself) {
  Host host(3);
  std::vector<Peer> others = Members(3);
  others.erase(others.begin());
  others.push_back({.node = NodeId("n4"), .address = ""});
  host.fence.Told(kF, others);
  Fence::Step step = host.fence.Tick(At(2s), host.rng);
  ASSERT_EQ(step.ask.size(), 3u);
  const std::vector<Fence::Question> ask = step.ask;
  EXPECT_FALSE(host.fence.Answered(At(2s), Host::Answer(ask[0], PeerFinding::alive, true)).grew);
  EXPECT_TRUE(host.fence.Answered(At(2s), Host::Answer(ask[1], PeerFinding::alive, true)).grew);
}

TEST(Fence, UnansweredQuestionsDoNotHoldTheNextRoundForEver) {
  Host host(3);
  ASSERT_EQ(host.fence.Tick(At(2s), host.rng).ask.size(), 2u);
  EXPECT_EQ(host.fence.Deadline(), At(6s));
  EXPECT_EQ(host.fence.Tick(At(6s), host.rng).ask.size(), 2u);
}

TEST(Fence, AnAgentThatJustStartedDoesNotClaimThatItsHostHearsNoLauncher) {
  Fence fence(NodeId("n1"), At(0s));
  fence.Told(kF, Members(3));
  EXPECT_FALSE(fence.LauncherSilent(At(1s))) << "the agent before it may have heard one a moment ago";
  EXPECT_TRUE(fence.LauncherSilent(At(2s)));
}

TEST(Fence, WithoutEverHavingHeardOfAMembershipNothingIsAskedAndNothingHolds) {
  Fence fence(NodeId("n1"), At(0s));
  Rng rng(1);
  EXPECT_EQ(fence.Deadline(), std::nullopt);
  EXPECT_TRUE(fence.Tick(At(1h), rng).ask.empty());
  EXPECT_FALSE(fence.Holds(At(0s)));
}

}  // namespace
}  // namespace everstep
