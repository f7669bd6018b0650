// How far one rank is, from the bytes that it prints and from its progress file. Bytes come as they are read, cut anywhere;
// lines end in '\n' or '\r' (bars redraw themselves).
//
// Bounded whatever a rank prints: a line is looked at up to 4 KiB, the rest of a longer one is passed over; and of each stream
// at most 256 KiB a second, so that a rank that floods is sampled and holds nobody up.
//
// Thread: its owner's. Memory: about 10 KiB.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/messages.h"
#include "base/progress/bars.h"
#include "base/progress/line_patterns.h"
#include "base/progress/pace.h"
#include "base/time.h"

namespace everstep {

class RankProgress {
 public:
  static constexpr std::size_t kLineBytesMax = 4096;
  static constexpr std::size_t kBytesPerSecond = 256u << 10;
  enum class Stream { out, err };

  explicit RankProgress(LinePatterns patterns) : patterns_(std::move(patterns)) {}

  void Printed(Time now, Stream stream, std::string_view bytes);
  void FileTold(Time now, const Told& told) { Take(now, told, nullptr); }
  // Something changed since the last call.
  bool TakeNews() { return std::exchange(news_, false); }
  // nullopt: no step was told of. A bar that is still on its line counts.
  std::optional<Progress> Now(Time now);
  const std::optional<std::string>& loss() const { return loss_; }

 private:
  struct Tap {
    std::string line{};     // without its end
    bool passing = false;   // over the rest of a line
    Time second{};          // when the budget began
    std::size_t bytes = 0;  // of that second
    Bars bars{};
  };
  void Part(Time now, Tap& tap, std::string_view part);
  void LineEnds(Time now, Tap& tap, char end);
  void Take(Time now, const Told& told, Bars* bars);

  LinePatterns patterns_;
  std::array<Tap, 2> taps_{};
  Progress progress_{};
  std::optional<std::size_t> step_source_{};
  std::optional<std::size_t> loss_source_{};
  std::optional<std::string> loss_{};
  Pace pace_{};
  bool news_ = false;
};

}  // namespace everstep
