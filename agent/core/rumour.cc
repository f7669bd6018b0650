#include "agent/core/rumour.h"

#include <algorithm>

namespace everstep {

bool Rumour::Leave(Time now, Epoch obeyed, Epoch asking) {
  if (asking <= obeyed) return false;
  if (asking > last_) {
    pause_ = kFirstPause;
    not_before_.reset();
  }
  if (not_before_ && now < *not_before_) return false;
  last_ = asking;
  not_before_ = now + pause_;
  pause_ = std::min(2 * pause_, kLongestPause);
  return true;
}

}  // namespace everstep
