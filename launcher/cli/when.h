// A point in time as a person types it: how long ago (90s, 10min, 2h), or when: 2026-11-26T10:00:00Z as json output has it, or
// 2026-11-26 10:00, 10:00:30 and the like, which are local time, as the tables have it; without a day, today.
#pragma once

#include <optional>
#include <string_view>

#include "base/result.h"
#include "base/time.h"

namespace everstep {

struct When {  // exactly one
  std::optional<Duration> ago{};
  std::optional<WallTime> at{};
};

// `now`: for what is said without a day.
Result<When> ParseWhen(std::string_view text, WallTime now);

}  // namespace everstep
