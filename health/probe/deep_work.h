// Work whose result is known beforehand: arithmetic that must give the same on every core and in every run, and patterns that
// must come back from memory as they were written. Pure; any thread.
//
// Additions, multiplications, divisions and square roots are rounded as IEEE 754 says, and each core does them in the same
// order: there is no noise in a checksum, any other bit is a fault.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace everstep::health {

inline constexpr std::uint64_t kDeepSeed = 0x9e3779b97f4a7c15;
inline constexpr std::uint64_t kDeepRounds = 2000;  // about 20 ms of a core

// Floating-point numbers of both sizes and integers, seeded, folded into one word. Cost: O(rounds), 10 µs each. `flip`: the bit
// that a test turns halfway.
std::uint64_t ComputeSum(std::uint64_t seed, std::uint64_t rounds, std::optional<unsigned> flip = std::nullopt);

// Four patterns by turns: alternating bits, their complement, bits as if by chance, their complement. Each bit is written both
// ways.
void WritePattern(std::span<std::uint64_t> words, std::uint64_t pass);
// How many words are not as WritePattern left them.
std::uint64_t WrongWords(std::span<const std::uint64_t> words, std::uint64_t pass);

}  // namespace everstep::health
