#include "health/probe/deep_work.h"

#include <array>
#include <bit>
#include <cmath>
#include <cstddef>

namespace everstep::health {

namespace {

constexpr std::size_t kLanes = 256;  // of each kind: they stay in the first cache

// splitmix64: each bit of its argument moves half of the bits of what it gives.
std::uint64_t DeepMix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

struct Lanes {
  std::array<double, kLanes> doubles{};
  std::array<float, kLanes> floats{};
  std::array<std::uint64_t, kLanes> integers{};
};

// Between 1 and 2.
Lanes Seeded(std::uint64_t seed) {
  Lanes lanes;
  for (std::size_t i = 0; i < kLanes; ++i) {
    const std::uint64_t word = DeepMix(seed + i);
    lanes.integers[i] = word;
    lanes.doubles[i] = 1 + static_cast<double>(word >> 11) * 0x1p-53;
    lanes.floats[i] = 1 + static_cast<float>(word >> 40) * 0x1p-24F;
  }
  return lanes;
}

// Loops without a branch, for the vector units; each lane takes from its neighbour, so that one wrong bit spreads. Values stay
// between 1 and 2: x → 1 + fraction of sqrt(x·y + 1/x).
void Round(Lanes& lanes) {
  const Lanes before = lanes;
  for (std::size_t i = 0; i < kLanes; ++i) {
    const double x = before.doubles[i], y = before.doubles[(i + 1) % kLanes];
    const double root = std::sqrt(x * y + 1 / x) * 1000;
    lanes.doubles[i] = 1 + (root - std::floor(root)) / 2;
  }
  for (std::size_t i = 0; i < kLanes; ++i) {
    const float x = before.floats[i], y = before.floats[(i + 1) % kLanes];
    const float root = std::sqrt(x * y + 1 / x) * 100;
    lanes.floats[i] = 1 + (root - std::floor(root)) / 2;
  }
  for (std::size_t i = 0; i < kLanes; ++i) {
    const std::uint64_t x = before.integers[i], y = before.integers[(i + 1) % kLanes];
    lanes.integers[i] = (x * 0xff51afd7ed558ccd) ^ std::rotl(y, 23) ^ (x / (y | 1));
  }
}

std::uint64_t Folded(const Lanes& lanes) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < kLanes; ++i) {
    sum = DeepMix(sum ^ std::bit_cast<std::uint64_t>(lanes.doubles[i]));
    sum = DeepMix(sum ^ std::bit_cast<std::uint32_t>(lanes.floats[i]));
    sum = DeepMix(sum ^ lanes.integers[i]);
  }
  return sum;
}

std::uint64_t PatternWord(std::uint64_t pass, std::uint64_t at) {
  constexpr std::uint64_t kAlternating = 0xaaaaaaaaaaaaaaaa;
  const std::uint64_t word = (pass / 2) % 2 == 0 ? kAlternating : DeepMix(at + pass / 4);
  return pass % 2 == 0 ? word : ~word;
}

}  // namespace

std::uint64_t ComputeSum(std::uint64_t seed, std::uint64_t rounds, std::optional<unsigned> flip) {
  Lanes lanes = Seeded(seed);
  for (std::uint64_t round = 0; round < rounds; ++round) {
    if (flip && round == rounds / 2)
      lanes.doubles[0] =
          std::bit_cast<double>(std::bit_cast<std::uint64_t>(lanes.doubles[0]) ^ (std::uint64_t{1} << (*flip % 52)));
    Round(lanes);
  }
  return Folded(lanes);
}

void WritePattern(std::span<std::uint64_t> words, std::uint64_t pass) {
  for (std::size_t i = 0; i < words.size(); ++i) words[i] = PatternWord(pass, i);
}

std::uint64_t WrongWords(std::span<const std::uint64_t> words, std::uint64_t pass) {
  std::uint64_t wrong = 0;
  for (std::size_t i = 0; i < words.size(); ++i) wrong += words[i] != PatternWord(pass, i);
  return wrong;
}

}  // namespace everstep::health
