#include "collectives/meet/meeting.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "base/real/clock.h"
#include "base/text.h"
#include "collectives/meet/sockets.h"
#include "free_port.h"

namespace everstep {
namespace {

MeetingPlace Place(std::uint32_t rank, std::uint32_t ranks, std::uint16_t port, Duration timeout = 20s) {
  return {.rank = rank,
          .ranks = ranks,
          .host = "127.0.0.1",
          .port = port,
          .name = Cat("n", rank + 1),
          .timeout = timeout,
          .patience = 15s};
}

// Each rank on a thread of its own; what each says at the end.
std::vector<std::string> All(std::uint32_t ranks, const std::function<std::string(std::unique_ptr<Meeting>)>& play,
                             Duration timeout = 20s, const decltype(MeetingPlace::waits)& waits = {}) {
  const std::uint16_t port = FreePort();
  std::vector<std::string> said(ranks);
  std::vector<std::thread> threads;
  for (std::uint32_t rank = 0; rank < ranks; ++rank) {
    threads.emplace_back([&, rank] {
      RealClock clock;
      MeetingPlace place = Place(rank, ranks, port, timeout);
      place.waits = waits;
      Result<std::unique_ptr<Meeting>> meeting = Meeting::Gather(place, clock);
      said[rank] = meeting ? play(*std::move(meeting)) : meeting.error().Str();
    });
  }
  for (std::thread& thread : threads) thread.join();
  return said;
}

std::string Joined(const Result<std::vector<std::string>>& texts) { return texts ? Join(*texts, "|") : texts.error().Str(); }

StuckWait Waits(std::uint32_t round, const std::string& how) {
  return {.rank = 0, .round = round, .peer = {}, .sends = false, .nic_here = {}, .nic_there = {}, .down = {}, .how = how};
}

TEST(Meeting, EverybodyGetsEverybodysTextInOrderOfRankHoweverLong) {
  const std::string longest(1 << 20, 'x');
  const std::vector<std::string> said = All(4, [&](std::unique_ptr<Meeting> meeting) {
    for (int i = 0; i < 3; ++i)
      if (Joined(meeting->Exchange(Cat(meeting->rank(), longest))) !=
          Cat("0", longest, "|1", longest, "|2", longest, "|3", longest))
        return std::string("lost something");
    return Joined(meeting->Exchange(meeting->rank() == 2 ? "" : Cat("r", meeting->rank())));
  });
  EXPECT_EQ(said, (std::vector<std::string>(4, "r0|r1||r3")));
}

// Much is still on its way to who gives up: its connections must not be reset before the others have read why.
TEST(Meeting, TheReasonArrivesAlsoWhereTheOneWhoGivesItWasStillBeingWrittenTo) {
  const std::string longest(12 << 20, 'x'), reason(2 << 20, 'y');
  const std::vector<std::string> said = All(4, [&](std::unique_ptr<Meeting> meeting) {
    if (meeting->rank() != 0) return Joined(meeting->Exchange(longest));
    meeting->GiveUp(reason);
    return std::string();
  });
  for (std::uint32_t rank = 1; rank < 4; ++rank) EXPECT_TRUE(said[rank] == reason) << said[rank].substr(0, 100);
}

// Whoever did not listen when it was said, in a test of a pair, hears it at the next thing that it asks.
TEST(Meeting, TheReasonIsSaidAgainToWhoeverGoesOn) {
  const std::vector<std::string> said = All(2, [&](std::unique_ptr<Meeting> meeting) {
    (void)meeting->Exchange("");
    if (meeting->rank() == 0) {
      meeting->GiveUp("rank 9 (n10) is gone");
      return std::string();
    }
    (void)meeting->Exchange("");
    return Cat(Joined(meeting->Exchange("")), "|", meeting->Look().error().message, "|",
               meeting->Stuck(Waits(1, "")).error().message);
  });
  EXPECT_EQ(said[1], "rank 9 (n10) is gone|rank 9 (n10) is gone|rank 9 (n10) is gone");
}

TEST(Meeting, ARankAloneMeetsItself) {
  EXPECT_EQ(All(1, [](std::unique_ptr<Meeting> meeting) { return Joined(meeting->Exchange("me")) + meeting->Who(0); }),
            std::vector<std::string>{"merank 0 (n1)"});
}

TEST(Meeting, WhoDoesNotComeIsNamedToThoseWhoCame) {
  const std::uint16_t port = FreePort();
  RealClock clock;
  std::string first;
  std::thread one([&] {
    RealClock own;
    first = Meeting::Gather(Place(1, 4, port, 10s), own).error().Str();
  });
  const auto none = Meeting::Gather(Place(0, 4, port, 3s), clock);
  one.join();
  ASSERT_FALSE(none.has_value());
  EXPECT_EQ(none.error().code, ErrorCode::kTimeout);
  EXPECT_EQ(none.error().Str(),
            Cat("after 3 s of 4 ranks have not come: 2, 3; do they run, and do they reach port ", port, " of this host?"));
  EXPECT_EQ(first, "after 3 s of 4 ranks have not come: 2, 3");
}

TEST(Meeting, ARankThatEndsWithoutAWordIsNamedToAll) {
  const std::vector<std::string> said = All(3, [](std::unique_ptr<Meeting> meeting) {
    if (meeting->rank() == 2) return std::string("gone");
    return Joined(meeting->Exchange("here"));
  });
  const std::string why = "rank 2 (n3) is gone: it has closed its connection without a word";
  EXPECT_EQ(said, (std::vector<std::string>{why, why, "gone"}));
}

TEST(Meeting, ForWhomAllWaitIsToldOnceOfEachWaitAndOfAQuickExchangeNothing) {
  std::mutex mutex;
  std::condition_variable told;
  std::vector<std::vector<std::uint32_t>> waits;
  const auto heard = [&](const std::vector<std::uint32_t>& ranks) {
    const std::lock_guard lock(mutex);
    waits.push_back(ranks);
    told.notify_all();
  };
  const auto until = [&](std::size_t times) {
    std::unique_lock lock(mutex);
    return told.wait_for(lock, 15s, [&] { return waits.size() >= times; });
  };
  All(
      4,
      [&](std::unique_ptr<Meeting> meeting) {
        for (int i = 0; i < 50; ++i) (void)meeting->Exchange("");
        if (meeting->rank() == 2) until(1);
        if (meeting->rank() == 3) until(2);
        return Joined(meeting->Exchange(""));
      },
      20s, heard);
  EXPECT_EQ(waits, (std::vector<std::vector<std::uint32_t>>{{2, 3}, {3}}));
}

TEST(Meeting, WhoHasNotComeIsAwaitedToo) {
  const std::uint16_t port = FreePort();
  std::vector<std::vector<std::uint32_t>> waits;
  RealClock clock;
  MeetingPlace place = Place(0, 3, port, 2500ms);
  place.waits = [&](const std::vector<std::uint32_t>& ranks) { waits.push_back(ranks); };
  EXPECT_FALSE(Meeting::Gather(place, clock).has_value());
  EXPECT_EQ(waits, (std::vector<std::vector<std::uint32_t>>{{1, 2}}));
}

TEST(Meeting, ARankThatIsItselfInATestIsAmongThoseForWhomAllWait) {
  std::vector<std::vector<std::uint32_t>> waits;  // rank 0's only
  All(
      2,
      [&](std::unique_ptr<Meeting> meeting) {
        if (meeting->rank() == 0)
          while (waits.empty() && meeting->Look()) continue;
        return Joined(meeting->Exchange(""));
      },
      20s, [&](const std::vector<std::uint32_t>& ranks) { waits.push_back(ranks); });
  EXPECT_EQ(waits, (std::vector<std::vector<std::uint32_t>>{{0}}));
}

TEST(Meeting, WhoeverGivesUpTellsTheOthersWhy) {
  const std::vector<std::string> said = All(3, [](std::unique_ptr<Meeting> meeting) {
    if (meeting->rank() == 1) {
      meeting->GiveUp("rank 1 (n2): provider efa was asked for");
      return Joined(meeting->Exchange("still here"));
    }
    return Joined(meeting->Exchange("here"));
  });
  EXPECT_EQ(said[0], "rank 1 (n2): provider efa was asked for");
  EXPECT_EQ(said[2], "rank 1 (n2): provider efa was asked for");
}

TEST(Meeting, OfRanksThatAreStuckTheOneThatDoesNotAnswerIsToBlame) {
  std::mutex mutex;
  std::condition_variable freed;
  int stuck = 0;
  const std::vector<std::string> said = All(4, [&](std::unique_ptr<Meeting> meeting) {
    if (meeting->rank() == 2) {  // as if it were stopped: it keeps its connection and says nothing
      std::unique_lock lock(mutex);
      freed.wait(lock, [&] { return stuck == 3; });
      return std::string("thawed");
    }
    const std::string why = meeting->Stuck(Waits(5 + meeting->rank(), Cat("rank ", meeting->rank(), " waits"))).error().message;
    const std::lock_guard lock(mutex);
    ++stuck;
    freed.notify_all();
    return why;
  });
  const std::string why = "rank 2 (n3) does not answer; rank 0 waits";
  EXPECT_EQ(said, (std::vector<std::string>{why, why, "thawed", why}));
}

TEST(Meeting, WhenAllAnswerTheOneThatStuckFirstIsQuoted) {
  const std::vector<std::string> said = All(3, [&](std::unique_ptr<Meeting> meeting) {
    return meeting->Stuck(Waits(meeting->rank() == 1 ? 2 : 3, Cat("rank ", meeting->rank(), " waits"))).error().message;
  });
  EXPECT_EQ(said, (std::vector<std::string>(3, "rank 1 waits")));
}

TEST(Meeting, ARankThatIsStuckWhileRankZeroIsNotIsHeard) {
  const std::vector<std::string> said = All(2, [&](std::unique_ptr<Meeting> meeting) {
    if (meeting->rank() == 1) return meeting->Stuck(Waits(1, "rank 1 waits")).error().message;
    return Joined(meeting->Exchange("done"));
  });
  EXPECT_EQ(said, (std::vector<std::string>(2, "rank 1 waits")));
}

// A clock that can be put forward: what a process sees that was stopped.
class ClockAhead final : public Clock {
 public:
  Time Now() override { return real_.Now() + ahead; }
  WallTime Wall() override { return real_.Wall(); }
  Duration ahead{0};

 private:
  RealClock real_{};
};

// Three ranks; those but rank 0 are stuck. What each says, and whom rank 0 blames.
struct Woken {
  std::vector<std::string> said{3};
  std::vector<std::uint32_t> blamed{};
};
Woken WhenRankZeroWakes(
    Duration answer, const std::function<std::string(Meeting&, ClockAhead&)>& wakes,
    const std::function<void()>& told = [] {}) {
  const std::uint16_t port = FreePort();
  Woken woken;
  std::vector<std::thread> threads;
  for (std::uint32_t rank = 0; rank < 3; ++rank)
    threads.emplace_back([&, rank] {
      ClockAhead clock;
      MeetingPlace place = Place(rank, 3, port);
      place.answer = answer;
      place.blames = [&](const std::vector<std::uint32_t>& ranks, bool, const std::string&) { woken.blamed = ranks; };
      const auto meeting = *Meeting::Gather(place, clock);
      if (rank == 0) {
        woken.said[0] = wakes(*meeting, clock);
        return;
      }
      woken.said[rank] = meeting->Stuck(Waits(rank, Cat("rank ", rank, " waits"))).error().message;
      told();
    });
  for (std::thread& thread : threads) thread.join();
  return woken;
}

// Rank 0 looks at the others when they have given it up, and by its clock that much later.
Woken WhenAllGaveRankZeroUp(Duration later) {
  std::mutex mutex;
  std::condition_variable changed;
  int given_up = 0;
  return WhenRankZeroWakes(
      200ms,
      [&](Meeting& meeting, ClockAhead& clock) {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return given_up == 2; });
        clock.ahead = later;
        return meeting.Look().error().message;
      },
      [&] {
        const std::lock_guard lock(mutex);
        ++given_up;
        changed.notify_all();
      });
}

TEST(Meeting, WhoGivesUpARankZeroThatWasThereAllTheTimeIsToBlameItself) {
  const Woken woken = WhenAllGaveRankZeroUp(0s);
  ASSERT_EQ(woken.blamed.size(), 1u);
  EXPECT_NE(woken.blamed[0], 0u);
}

TEST(Meeting, RankZeroThatWakesUpWhenTheOthersHaveGivenItUpIsToBlameAndNotThey) {
  const Woken woken = WhenAllGaveRankZeroUp(15s);
  EXPECT_EQ(woken.blamed, std::vector<std::uint32_t>{0});
  for (std::uint32_t rank = 1; rank < 3; ++rank)
    EXPECT_EQ(woken.said[rank], Cat("rank 0 (n1) does not answer; rank ", rank, " waits"));
  EXPECT_TRUE(woken.said[0] == woken.said[1] || woken.said[0] == woken.said[2]) << woken.said[0];
}

TEST(Meeting, RankZeroThatWakesUpWhileTheOthersAskForItSaysThatItWasAway) {
  const Woken woken = WhenRankZeroWakes(3s, [](Meeting& meeting, ClockAhead& clock) {
    clock.ahead = 11s;
    for (;;)
      if (const Status looked = meeting.Look(); !looked) return looked.error().message;
  });
  EXPECT_EQ(woken.blamed, std::vector<std::uint32_t>{0});
  for (const std::string& said : woken.said)
    EXPECT_TRUE(said.starts_with("rank 0 (n1) was away for 11") && said.find(" waits") != std::string::npos) << said;
}

TEST(Meeting, RankZeroThatWaitedForALongTimeWasNotAway) {
  const Woken woken = WhenRankZeroWakes(3s, [](Meeting& meeting, ClockAhead& clock) {
    for (int seconds = 1; seconds <= 20; ++seconds) {
      clock.ahead = std::chrono::seconds(seconds);
      if (const Status looked = meeting.Look(); !looked) return looked.error().message;
    }
    return Joined(meeting.Exchange("done"));
  });
  EXPECT_TRUE(woken.blamed.empty());
  for (const std::string& said : woken.said) EXPECT_EQ(said, "rank 1 waits");
}

TEST(Meeting, TwoOfTheSameRankAndAnotherNumberOfRanksAreRefused) {
  for (const auto& [rank, ranks, why] :
       {std::tuple(0u, 2u, "although this is rank 0"), std::tuple(1u, 3u, "expects 3 ranks, rank 0 expects 2")}) {
    const std::uint16_t port = FreePort();
    RealClock clock;
    std::string said;
    std::thread other([&, rank = rank, ranks = ranks] {
      RealClock own;
      // Rank 0 would listen: this one calls as it should not.
      const Result<Fd> fd = ConnectTo("127.0.0.1", port, own, own.Now() + 10s);
      if (fd)
        (void)WriteAll(fd->get(), Cat("everstep-probe 1\n000000000", rank, "000000000", ranks, "0000000001x"), own,
                       own.Now() + 1s);
    });
    const auto meeting = Meeting::Gather(Place(0, 2, port, 10s), clock);
    other.join();
    ASSERT_FALSE(meeting.has_value());
    EXPECT_NE(meeting.error().message.find(why), std::string::npos) << meeting.error().message;
  }
}

// One that would be rank 1, but greets as another version does.
TEST(Meeting, AStrangerIsShownOutAndTheRanksMeetAllTheSame) {
  const std::uint16_t port = FreePort();
  std::string said;
  std::thread zero([&] {
    RealClock own;
    auto meeting = Meeting::Gather(Place(0, 2, port), own);
    said = meeting ? Joined((*meeting)->Exchange("zero")) : meeting.error().Str();
  });
  RealClock clock;
  const Result<Fd> stranger = ConnectTo("127.0.0.1", port, clock, clock.Now() + 10s);
  ASSERT_TRUE(stranger.has_value());
  ASSERT_TRUE(WriteAll(stranger->get(), "everstep-probe 9\n000000000100000000020000000001x", clock, clock.Now() + 1s));
  auto meeting = Meeting::Gather(Place(1, 2, port), clock);
  ASSERT_TRUE(meeting.has_value()) << meeting.error().Str();
  EXPECT_EQ(Joined((*meeting)->Exchange("one")), "zero|one");
  zero.join();
  EXPECT_EQ(said, "zero|one");
}

TEST(Meeting, APortInUseAndAPlaceWhereNobodyListensAreNamed) {
  const std::uint16_t port = FreePort();
  RealClock clock;
  const Result<Fd> taken = ListenOn(port);
  ASSERT_TRUE(taken.has_value());
  EXPECT_EQ(Meeting::Gather(Place(0, 2, port), clock).error().Str(),
            Cat("MASTER_PORT ", port, " is in use on this host; choose a free port, the same on all ranks"));
  const std::uint16_t nobody = FreePort();
  const std::string why = Meeting::Gather(Place(1, 2, nobody, 300ms), clock).error().message;
  EXPECT_TRUE(why.starts_with(Cat("cannot reach rank 0 at 127.0.0.1 port ", nobody, " (MASTER_ADDR, MASTER_PORT): "))) << why;
}

}  // namespace
}  // namespace everstep
