// Weeks of a long job: what they come to agrees with the formula, and moves where it should.
#include "tests/sim/replay.h"

#include <gtest/gtest.h>

namespace everstep::sim {
namespace {

constexpr double kHour = 3600;

class LongJobs : public testing::Test {
 protected:
  double Ettr(double interval, const Recoveries& recoveries) {
    double sum = 0;
    for (std::uint64_t run = 1; run <= 100; ++run) sum += SimulatedEttr(job, saves, recoveries, interval, Rng(run));
    return sum / 100;
  }
  const LongJob job{.lasts = 54 * 24 * kHour, .mttf = 7.9 * kHour, .host_lost = 0.2};
  const Saves saves{.cost = 5, .latency = 60, .restart = 300};
  const Recoveries fast{{0.1}, {5}};
};

TEST_F(LongJobs, ComeOutAsTheFormulaSays) {
  for (const double interval : {AdvisedInterval(job.mttf, saves), kHour})
    EXPECT_NEAR(Ettr(interval, fast), PredictedEttr(job.mttf, saves, interval), 0.003) << interval;
}

TEST_F(LongJobs, AreBestNearTheAdvisedInterval) {
  const double advised = AdvisedInterval(job.mttf, saves);
  EXPECT_NEAR(advised, 533, 1);
  EXPECT_GT(Ettr(advised, fast), Ettr(4 * advised, fast));
  EXPECT_GT(Ettr(advised, fast), Ettr(advised / 4, fast));
}

TEST_F(LongJobs, LoseWhatDetectionTakesOverTheScriptsRestart) {
  const Recoveries slow{{0.1}, {5 * (300 / 0.2)}};  // so that the mean alone is beyond the restart
  EXPECT_LT(Ettr(533, slow), Ettr(533, fast) - 0.01);
}

TEST_F(LongJobs, AnIntervalIsNeverShorterThanASaveTakesToBecomeDurable) {
  EXPECT_EQ(AdvisedInterval(60, {.cost = 1, .latency = 30}), 30);
}

}  // namespace
}  // namespace everstep::sim
