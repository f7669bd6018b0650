// Pair tests between ranks that are threads, over a network in which any one message can be spoilt.
#include "collectives/probe/pair_tester.h"

#include <gtest/gtest.h>

#include "collectives/probe/pair_bench.h"
#include "fake_network.h"

namespace everstep {
namespace {

// A millisecond from one look to the next: all pairs are equally fast.
class SteadyClock : public Clock {
 public:
  Time Now() override { return now_ = now_ + 1ms; }
  WallTime Wall() override { return {}; }

 private:
  Time now_{};
};

struct Sides {
  PairSide of[2]{};
  std::size_t messages = 0;  // from rank 0 to rank 1
};

Sides TestTwo(FakeNetwork& network, std::size_t bytes, std::uint32_t messages) {
  Sides sides;
  network.Run([&](ProbeGroup& group) {
    SteadyClock clock;
    PairTester tester(group, *group.backend->Pairs(), bytes, 7, {}, clock);
    const auto side = tester.Test(1 - group.rank(), group.rank() == 0, 3, 0, messages);
    ASSERT_TRUE(side.has_value()) << side.error().Str();
    sides.of[group.rank()] = *side;
  });
  sides.messages = network.Sent(0, 1);
  return sides;
}

TEST(PairTester, WhatComesAsItWasSentIsNotWrong) {
  FakeNetwork network(2);
  const Sides sides = TestTwo(network, 64u << 10, 8);
  for (const PairSide& side : sides.of) {
    EXPECT_EQ(side.wrong, "");
    EXPECT_EQ(side.error, "");
    EXPECT_TRUE(side.one_way[0] && side.one_way[1] && side.both_ways);
  }
}

TEST(PairTester, ABitTurnedInAnyMessageIsFound) {
  FakeNetwork counted(2);
  const std::size_t messages = TestTwo(counted, 4096, 8).messages;
  ASSERT_GT(messages, 17u) << "pings and acknowledgements, too";
  for (std::size_t spoilt = 0; spoilt < messages; ++spoilt) {
    FakeNetwork network(2);
    network.fate = [&](std::uint32_t from, std::uint32_t, std::size_t number, FakeNetwork::Bytes& data) {
      if (from == 0 && number == spoilt) data.back() ^= std::byte{0x40};
    };
    const Sides sides = TestTwo(network, 4096, 8);
    EXPECT_EQ(sides.of[0].wrong, "") << spoilt;
    EXPECT_NE(sides.of[1].wrong, "") << "message " << spoilt << " of " << messages;
  }
}

TEST(PairTester, WrongDataHaveRankSenderMessageByteExpectedAndGot) {
  FakeNetwork network(2);
  std::size_t large = 0;
  network.fate = [&](std::uint32_t from, std::uint32_t, std::size_t, FakeNetwork::Bytes& data) {
    if (from == 0 && data.size() == 4096 && ++large == 6) {  // the first is number 0
      data[400] ^= std::byte{1};
      data[804] ^= std::byte{1};
    }
  };
  const std::string wrong = TestTwo(network, 4096, 8).of[1].wrong;
  EXPECT_TRUE(
      wrong.starts_with("rank 1 (n2): what came from rank 0 (n1) in test 3, message 5 one way, at byte 400 of 4096 is "))
      << wrong;
  EXPECT_NE(wrong.find(" instead of "), std::string::npos) << wrong;
  EXPECT_TRUE(wrong.ends_with(" (2 elements)")) << wrong;
}

// Its content is right, for another message: the one before, or the one that lay there in the window before.
TEST(PairTester, AMessageThatCameTwiceOrNotAtAllIsWrong) {
  constexpr std::size_t kLarge = 4u << 20;  // four in a window
  for (const bool twice : {true, false})
    for (std::size_t spoilt = 0; spoilt < 12; ++spoilt) {
      FakeNetwork network(2);
      std::size_t large = 0;
      FakeNetwork::Bytes last(kLarge);
      network.fate = [&](std::uint32_t from, std::uint32_t, std::size_t, FakeNetwork::Bytes& data) {
        if (from != 0 || data.size() != kLarge) return;
        const bool now = large++ == spoilt;
        if (!now) last = data;
        if (now && twice) data = last;
        if (now && !twice) data.clear();
      };
      const Sides sides = TestTwo(network, kLarge, 6);
      EXPECT_NE(sides.of[1].wrong, "") << (twice ? "twice " : "not at all ") << spoilt;
      EXPECT_EQ(sides.of[0].wrong, "");
    }
}

using Steps = std::vector<std::string>;

PairFindings Found(FakeNetwork& network, std::vector<PairFindings>* of_all = nullptr, Steps* steps = nullptr) {
  ProbeOptions options;
  options.test = ProbeTest::pairs;
  options.bytes_max = 4096;
  std::vector<PairFindings> all(3);
  network.Run([&](ProbeGroup& group) {
    SteadyClock clock;
    const auto begins = [&](const PairStep& step) {
      if (steps != nullptr && group.rank() == 0) steps->push_back(Cat(step.round, " of ", step.of, ": ", step.stage));
    };
    Result<PairFindings> findings = RunPairs(group, options, clock, begins);
    ASSERT_TRUE(findings.has_value()) << findings.error().Str();
    all[group.rank()] = std::move(*findings);
  });
  if (of_all != nullptr) *of_all = all;
  return all[0];
}

TEST(PairTests, OfThreeHealthyHostsNothingIsSaid) {
  FakeNetwork network(3);
  const PairFindings findings = Found(network);
  EXPECT_TRUE(findings.verdicts.empty()) << findings.verdicts[0].why;
  EXPECT_TRUE(findings.wrong.empty());
}

TEST(PairTests, EachRoundIsToldBeforeItBegins) {
  FakeNetwork network(3);
  Steps steps;
  Found(network, nullptr, &steps);
  EXPECT_EQ(steps, (Steps{"1 of 3: pairs", "2 of 3: pairs", "3 of 3: pairs"}));
  network.stalls = [](std::uint32_t a, std::uint32_t b) { return a + b == 3; };
  Steps more;
  Found(network, nullptr, &more);
  ASSERT_GT(more.size(), 4u);
  EXPECT_EQ(more[3], "1 of 3: a second, longer look") << Join(more, "\n");
  EXPECT_EQ(more.back(), "1 of 1: why pairs do not answer") << Join(more, "\n");
}

// Each way by itself it is as fast as the others.
TEST(PairTests, APairThatStallsWhenBothEndsSendIsABadLink) {
  FakeNetwork network(3);
  network.stalls = [](std::uint32_t a, std::uint32_t b) { return a + b == 3; };
  std::vector<PairFindings> all;
  const PairFindings findings = Found(network, &all);
  ASSERT_EQ(findings.verdicts.size(), 1u) << PairText(findings);
  EXPECT_EQ(findings.verdicts[0].kind, VerdictKind::link) << findings.verdicts[0].why;
  EXPECT_EQ(findings.verdicts[0].hosts, (std::vector<std::uint32_t>{1, 2}));
  EXPECT_EQ(all[1].verdicts.size(), 1u);
}

TEST(PairTests, WrongDataAreSaidByAllRanksBelowTheVerdict) {
  FakeNetwork network(3);
  network.fate = [](std::uint32_t, std::uint32_t to, std::size_t number, FakeNetwork::Bytes& data) {
    if (to == 1 && number == 55) data[data.size() / 2] ^= std::byte{1};
  };
  std::vector<PairFindings> all;
  const PairFindings findings = Found(network, &all);
  ASSERT_FALSE(findings.wrong.empty());
  for (const std::string& line : findings.wrong) EXPECT_TRUE(line.starts_with("rank 1 (n2): what came from rank ")) << line;
  EXPECT_EQ(all[2].wrong, findings.wrong);
  EXPECT_NE(PairText(findings).find("# wrong: rank 1 (n2): what came from rank "), std::string::npos);
  EXPECT_NE(PairJson(findings).find(R"("wrong_data":["rank 1 (n2): what came from rank )"), std::string::npos);
}

}  // namespace
}  // namespace everstep
