#include "base/progress/pace.h"

namespace everstep {

namespace {
constexpr Duration kWindow = 30s;
constexpr Duration kBetween = 1s;     // marks stand at least so far apart
constexpr std::size_t kMarksMin = 8;  // kept however old they are
constexpr std::size_t kMarksMax = 64;
}  // namespace

void Pace::Add(Time at, std::uint64_t step) {
  // A run that resumes jumps from 0 to where it goes on: those steps took no time.
  if (step == 0 || (!marks_.empty() && (step < marks_.back().step || at < marks_.back().at))) marks_.clear();
  if (step == 0) return;
  if (!marks_.empty() && step == marks_.back().step) return;
  // The newest mark moves along until it is far enough from the one before.
  if (marks_.size() >= 2 && marks_.back().at - marks_[marks_.size() - 2].at < kBetween) marks_.pop_back();
  marks_.push_back({.at = at, .step = step});
  while (marks_.size() > kMarksMax || (marks_.size() > kMarksMin && at - marks_[1].at >= kWindow)) marks_.pop_front();
}

std::optional<Duration> Pace::step_time() const {
  if (marks_.size() < 2 || marks_.back().at <= marks_.front().at) return std::nullopt;
  const std::uint64_t steps = marks_.back().step - marks_.front().step;
  return Duration((marks_.back().at - marks_.front().at).count() / static_cast<Duration::rep>(steps));
}

}  // namespace everstep
