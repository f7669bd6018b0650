// One element of each type: the meaning that the vector kernels must meet, and what they leave over at the end of a range.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "collectives/reduce/kernels.h"

namespace everstep {

struct Half {
  std::uint16_t bits = 0;
};
struct BFloat16 {
  std::uint16_t bits = 0;
};

inline float ToFloat(BFloat16 value) { return std::bit_cast<float>(std::uint32_t{value.bits} << 16); }

inline BFloat16 ToBFloat16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return {static_cast<std::uint16_t>((bits >> 16) | 0x40u)};  // a NaN stays one
  return {static_cast<std::uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16)};
}

inline float ToFloat(Half value) {
  const std::uint32_t sign = std::uint32_t{value.bits & 0x8000u} << 16;
  const std::uint32_t exponent = (value.bits >> 10) & 0x1fu;
  const std::uint32_t fraction = value.bits & 0x3ffu;
  if (exponent == 0x1f) return std::bit_cast<float>(sign | 0x7f800000u | fraction << 13 | (fraction != 0 ? 0x400000u : 0u));
  if (exponent != 0) return std::bit_cast<float>(sign | (exponent + 112) << 23 | fraction << 13);
  const float small = static_cast<float>(fraction) * 0x1p-24f;  // below the normal numbers, exact in a float
  return std::bit_cast<float>(sign | std::bit_cast<std::uint32_t>(small));
}

inline Half ToHalf(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = (bits >> 16) & 0x8000u;
  const std::uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return {static_cast<std::uint16_t>(sign | 0x7e00u | ((magnitude >> 13) & 0x3ffu))};
  if (magnitude >= 0x477ff000u) return {static_cast<std::uint16_t>(sign | 0x7c00u)};  // 65520 and above round to infinity
  if (magnitude < 0x38800000u) {
    // Below 2^-14: adding 0.5 leaves what a Half can hold, rounded by the addition, in the last bits of the sum.
    const float shifted = std::bit_cast<float>(magnitude) + 0.5f;
    return {static_cast<std::uint16_t>(sign | (std::bit_cast<std::uint32_t>(shifted) - 0x3f000000u))};
  }
  return {static_cast<std::uint16_t>(sign | ((magnitude - 0x38000000u + 0xfffu + ((magnitude >> 13) & 1u)) >> 13))};
}

// In which a type is computed: what is stored as 16 bits as a float, integers without a sign, so that they wrap as the vector
// units do.
template <class T>
auto Wide(T value) {
  if constexpr (std::is_integral_v<T>)
    return static_cast<std::make_unsigned_t<T>>(value);
  else if constexpr (sizeof(T) == 2)
    return ToFloat(value);
  else
    return value;
}
template <class T, class W>
T Narrow(W value) {
  if constexpr (std::is_same_v<T, Half>)
    return ToHalf(value);
  else if constexpr (std::is_same_v<T, BFloat16>)
    return ToBFloat16(value);
  else
    return static_cast<T>(value);
}
template <class T>
bool Less(T a, T b) {
  if constexpr (std::is_integral_v<T>)
    return a < b;
  else
    return Wide(a) < Wide(b);
}

struct AddOne {
  template <class T>
  static T Of(T a, T b) {
    return Narrow<T>(Wide(a) + Wide(b));
  }
};
struct MultiplyOne {
  template <class T>
  static T Of(T a, T b) {
    return Narrow<T>(Wide(a) * Wide(b));
  }
};
struct LargerOne {
  template <class T>
  static T Of(T a, T b) {
    return Less(a, b) ? b : a;
  }
};
struct SmallerOne {
  template <class T>
  static T Of(T a, T b) {
    return Less(b, a) ? b : a;
  }
};

// memcpy: the ranges come out of message buffers and may begin anywhere. Inline, so that it becomes what its caller may use of
// the CPU.
template <class T, class One>
[[gnu::always_inline]] inline void ReduceScalar(void* into, const void* from, std::size_t count) {
  auto* a = static_cast<std::byte*>(into);
  const auto* b = static_cast<const std::byte*>(from);
  for (std::size_t i = 0; i < count; ++i) {
    T x, y;
    std::memcpy(&x, a + i * sizeof(T), sizeof(T));
    std::memcpy(&y, b + i * sizeof(T), sizeof(T));
    x = One::Of(x, y);
    std::memcpy(a + i * sizeof(T), &x, sizeof(T));
  }
}

// Kernels of one operation and instruction set, by type: Kernels::Of<T, One>() is each.
template <class Kernels, class One>
auto KernelOf(DataType type) {
  switch (type) {
    case DataType::f32: return Kernels::template Of<float, One>();
    case DataType::f64: return Kernels::template Of<double, One>();
    case DataType::f16: return Kernels::template Of<Half, One>();
    case DataType::bf16: return Kernels::template Of<BFloat16, One>();
    case DataType::i32: return Kernels::template Of<std::int32_t, One>();
    case DataType::i64: return Kernels::template Of<std::int64_t, One>();
    case DataType::i8: return Kernels::template Of<std::int8_t, One>();
    case DataType::u8: return Kernels::template Of<std::uint8_t, One>();
    case DataType::u32: return Kernels::template Of<std::uint32_t, One>();
    case DataType::u64: return Kernels::template Of<std::uint64_t, One>();
  }
  return decltype(Kernels::template Of<float, One>()){};
}
template <class Kernels>
ReduceKernel KernelOf(DataType type, ReduceOperation operation) {
  switch (operation) {
    case ReduceOperation::avg:
    case ReduceOperation::sum: return KernelOf<Kernels, AddOne>(type);
    case ReduceOperation::prod: return KernelOf<Kernels, MultiplyOne>(type);
    case ReduceOperation::max: return KernelOf<Kernels, LargerOne>(type);
    case ReduceOperation::min: return KernelOf<Kernels, SmallerOne>(type);
  }
  return nullptr;
}

}  // namespace everstep
