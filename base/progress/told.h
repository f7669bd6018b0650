// What one line, or one look at a progress file, tells.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "base/time.h"

namespace everstep {

struct Told {
  std::size_t source = 0;  // which pattern; a lower one is believed more
  std::optional<std::uint64_t> step{};
  std::optional<std::uint64_t> total{};
  std::optional<std::uint64_t> epoch{};   // counted from 0; step and total are then those of this epoch
  std::optional<std::uint64_t> epochs{};  // in all
  std::optional<Duration> elapsed{};      // set: a progress bar, running for so long
  std::optional<std::string> loss{};      // as printed
  friend bool operator==(const Told&, const Told&) = default;
};

}  // namespace everstep
