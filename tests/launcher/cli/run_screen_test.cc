#include "launcher/cli/run_screen.h"

#include <gtest/gtest.h>

#include <functional>

#include "base/text.h"

namespace everstep {
namespace {

std::string Shown(const std::function<void(RunScreen&)>& show) {
  RunScreen screen(Console{});
  testing::internal::CaptureStderr();
  show(screen);
  return testing::internal::GetCapturedStderr();
}

JobView Ended(JobPhase phase, std::int64_t ms) {
  return {.id = JobId("a-1"),
          .phase = phase,
          .submitted_at = {1'000'000},
          .started_at = WallTime{1'000'000},
          .ended_at = WallTime{1'000'000 * (1 + ms)},
          .next = "everstep logs a-1 --rank 2"};
}

TEST(RunScreen, TheEndSaysHowLongItTookAlsoWhenThatWasShort) {
  EXPECT_EQ(Shown([](RunScreen& s) { s.End(Ended(JobPhase::done, 0)); }), "==> a-1 is done after 0 s\n");
  EXPECT_EQ(Shown([](RunScreen& s) { s.End(Ended(JobPhase::done, 350)); }), "==> a-1 is done after 350 ms\n");
  EXPECT_EQ(Shown([](RunScreen& s) { s.End(Ended(JobPhase::failed, 4200)); }),
            "==> a-1 failed after 4.2 s\n    Next: everstep logs a-1 --rank 2\n");
  EXPECT_EQ(Shown([](RunScreen& s) { s.End(Ended(JobPhase::cancelled, 65'000)); }),
            "==> a-1 was cancelled after 1 min 5 s\n    Next: everstep logs a-1 --rank 2\n");
}

TEST(RunScreen, ALongWordIsShownWholeOnlyOnce) {
  const std::string path = "PATH=/first/of/many/directories:" + std::string(200, 'x');
  const std::string shown = Shown([&](RunScreen& s) {
    s.Event({.why = Cat("n1 refused: foo: not found in ", path, "; generation 1 is stopped")}, {});
    s.Event({.why = Cat("n1 refused: foo: not found in ", path)}, {});
    s.Event({.why = Cat("restart 1 of 10: n1 refused: foo: not found in ", path, "; n2 takes rank 0")}, {});
  });
  const std::vector<std::string> lines = Split(shown, '\n');
  ASSERT_EQ(lines.size(), 4u) << shown;
  EXPECT_TRUE(lines[0].ends_with(Cat("n1 refused: foo: not found in ", path, "; generation 1 is stopped"))) << shown;
  EXPECT_TRUE(lines[1].ends_with("n1 refused: foo: not found in PATH=/first/of/many/d…")) << shown;
  EXPECT_TRUE(lines[2].ends_with("n1 refused: foo: not found in PATH=/first/of/many/d…; n2 takes rank 0")) << shown;
}

}  // namespace
}  // namespace everstep
