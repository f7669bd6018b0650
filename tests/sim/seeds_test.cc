// Whole clusters under faults drawn from seeds: every invariant holds in every one. A failing seed is replayed by the command
// that the failure prints.

#include <gtest/gtest.h>

#include "base/text.h"
#include "tests/sim/cluster.h"
#include "tests/sim/shrink.h"

namespace everstep::sim {
namespace {

std::string Describe(const RunOptions& options, const Outcome& outcome) {
  std::string text = Cat("everstep-sim --seeds ", options.seed, options.calm ? " --calm" : "", " --trace\n");
  for (const std::string& violation : outcome.violations) text += Cat("  violated at ", violation, '\n');
  for (const Fault& fault : Shrink(options)) text += Cat("  needed: ", fault.Str(), '\n');
  return text;
}

// A sanitizer build is ten times slower; it looks for other things than rare orders of events.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::uint64_t kSeeds = 40;
#else
constexpr std::uint64_t kSeeds = 400;
#endif

TEST(Seeds, UnderAnyFaultsOneWorldTrainsAndEveryJobEndsOnceTheyAreOver) {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const RunOptions options{.seed = seed};
    const Outcome outcome = Cluster(options).Run();
    ASSERT_TRUE(outcome.violations.empty()) << Describe(options, outcome);
  }
}

TEST(Seeds, WithFaultsBelowTheBoundsNobodyIsEvicted) {
  for (std::uint64_t seed = 1; seed <= kSeeds / 4; ++seed) {
    const RunOptions options{.seed = seed, .calm = true};
    const Outcome outcome = Cluster(options).Run();
    ASSERT_TRUE(outcome.violations.empty()) << Describe(options, outcome);
  }
}

TEST(Seeds, ASeedGivesTheSameEventsEachTime) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    const Outcome first = Cluster({.seed = seed}).Run(), second = Cluster({.seed = seed}).Run();
    EXPECT_EQ(first.hash, second.hash) << seed;
    EXPECT_EQ(first.events, second.events) << seed;
  }
}

TEST(Seeds, TheWallClockDecidesNothing) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    const Outcome now = Cluster({.seed = seed}).Run();
    const Outcome another_year = Cluster({.seed = seed, .wall_shift = 24h * 365}).Run();
    EXPECT_EQ(now.hash, another_year.hash) << seed;
  }
}

TEST(Seeds, EveryPlantedBugIsFound) {
  constexpr std::uint64_t kSeedsMax = 500;
  for (std::size_t i = 1; i < NamesOf(Bug{}).size(); ++i) {
    const Bug bug = static_cast<Bug>(i);
    std::uint64_t seed = 1;
    Outcome outcome;
    for (; seed <= kSeedsMax; ++seed) {
      outcome = Cluster({.seed = seed, .bug = bug}).Run();
      if (!outcome.violations.empty()) break;
    }
    EXPECT_LE(seed, kSeedsMax) << Name(bug) << " is not found";
    if (seed <= kSeedsMax)
      std::printf("%-20s found by seed %llu: %s\n", std::string(Name(bug)).c_str(), static_cast<unsigned long long>(seed),
                  outcome.violations.front().c_str());
  }
}

TEST(Shrink, LeavesOnlyWhatIsNeeded) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    const RunOptions options{.seed = seed, .bug = Bug::no_fence};
    const Outcome outcome = Cluster(options).Run();
    if (outcome.violations.empty() || outcome.faults.size() < 5) continue;
    RunOptions again = options;
    again.faults = Shrink(options);
    EXPECT_LT(again.faults->size(), outcome.faults.size());
    EXPECT_FALSE(Cluster(again).Run().violations.empty()) << "what is left still shows it";
    return;
  }
  FAIL() << "no seed shows the planted bug with five faults or more";
}

}  // namespace
}  // namespace everstep::sim
