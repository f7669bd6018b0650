#include "base/progress/bars.h"

namespace everstep {

std::optional<Bars::Steps> Bars::Drawn(std::uint64_t step, std::uint64_t total, Duration elapsed) {
  last_ours_ = false;
  const bool goes_on = ours_ && total == ours_->total && step >= ours_->step && elapsed >= ours_->elapsed;
  if (!goes_on && ours_) {
    if (!over_ || total < ours_->total) return std::nullopt;
    before_ = total == ours_->total ? before_ + total : 0;
  }
  last_ours_ = true;
  ours_ = Bar{.step = step, .total = total, .elapsed = elapsed};
  over_ = step >= total;
  return Steps{.step = before_ + step, .total = before_ == 0 ? std::optional(total) : std::nullopt};
}

void Bars::Wiped() { over_ = over_ || last_ours_; }

}  // namespace everstep
