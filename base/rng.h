// A small deterministic random generator (SplitMix64, Steele et al. 2014): same seed, same numbers, on every machine. Logic is
// given one; only base/real seeds one from the system. Not for keys.
#pragma once

#include <cstdint>

#include "base/time.h"

namespace everstep {

class Rng {
 public:
  explicit Rng(std::uint64_t seed) : state_(seed) {}

  std::uint64_t Next() {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  // Uniform in [0, n). REQUIRES: n > 0. The bias is below n / 2^64.
  std::uint64_t Below(std::uint64_t n) {
    return static_cast<std::uint64_t>((static_cast<unsigned __int128>(Next()) * n) >> 64);
  }
  // Uniform in [0, 1).
  double Unit() { return static_cast<double>(Next() >> 11) * 0x1.0p-53; }
  // "Full jitter": uniform in [0, d).
  Duration Jitter(Duration d) { return d.count() <= 0 ? Duration(0) : Duration(Below(static_cast<std::uint64_t>(d.count()))); }

 private:
  std::uint64_t state_;
};

}  // namespace everstep
