// Word of another launcher: somebody asks after this host on behalf of one whose epoch is later than the one that this host
// obeys.
//
// The launcher that the stream leads to may have been superseded without knowing it: as long as all agents stay with it, it has
// nothing to decide and hears of nobody. So the stream is given up and opened anew, to whoever answers at the launcher's
// address now. If that is the same one, it is the launcher of this host: whoever asked is a stray, an old copy of the log on
// some other machine for instance, and must not keep the host from its work. It is believed again after a pause that doubles.
//
// A rumour never makes an epoch stale: only what a launcher says on its stream does (memory.h).
//
// Pure: time is an argument. Cost: O(1).
#pragma once

#include <optional>

#include "base/ids.h"
#include "base/time.h"

namespace everstep {

class Rumour {
 public:
  static constexpr Duration kFirstPause = 5s;
  static constexpr Duration kLongestPause = 10min;

  // True: leave the launcher of epoch `obeyed` and look who answers now. `asking`: on whose behalf this host is asked after.
  bool Leave(Time now, Epoch obeyed, Epoch asking);

 private:
  Epoch last_{};  // whose word was followed last
  Duration pause_ = kFirstPause;
  std::optional<Time> not_before_{};
};

}  // namespace everstep
