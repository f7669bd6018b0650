// Which progress bar is the training's. Trainers draw several into one stream: an evaluation's inside the training's, one for
// each epoch, one after the other. A bar is known by its total and by how long it has been running.
//
//   - The first bar is the training's until it is full, or was wiped away.
//   - After it, a bar of the same total is the next epoch: its steps are added to those of the full ones. A larger one takes
//   its
//     place.
//   - Any other bar is somebody else's (an evaluation), and tells of no step.
//
// Pure. Cost: O(1).
#pragma once

#include <cstdint>
#include <optional>

#include "base/time.h"

namespace everstep {

class Bars {
 public:
  struct Steps {
    std::uint64_t step = 0;
    std::optional<std::uint64_t> total{};  // nullopt: the bar is one epoch's, and how many there are is not known
  };
  // nullopt: it is not the training's.
  std::optional<Steps> Drawn(std::uint64_t step, std::uint64_t total, Duration elapsed);
  // The line of the bar that was drawn last was overwritten with blanks.
  void Wiped();

 private:
  struct Bar {
    std::uint64_t step = 0;
    std::uint64_t total = 0;
    Duration elapsed{0};
  };
  std::optional<Bar> ours_{};
  std::uint64_t before_ = 0;  // steps of the epochs before ours_
  bool over_ = false;         // ours_ was full, or wiped away
  bool last_ours_ = false;    // of the bar that was drawn last
};

}  // namespace everstep
