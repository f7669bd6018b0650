// Durations and sizes as people type them, in files and on command lines.
//
//   90s  10min  6h  3d  500ms  1.5s         one number, one unit: ms, s, min, h, d
//   512B  64MiB  1GiB  500MB                one number, one unit: B, KiB, MiB, GiB, TiB (1024), kB, MB, GB, TB (1000)
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"

namespace everstep {

// The error's message is what was found wrong, its hint the nearest right spelling ("write 90s").
Result<Duration> ParseDuration(std::string_view text);
Result<std::uint64_t> ParseSize(std::string_view text);

// The shortest spelling that parses back to exactly the same.
std::string WriteDuration(Duration d);
std::string WriteSize(std::uint64_t bytes);

}  // namespace everstep
