// AVX2 and AVX-512 by function attributes: the rest of the program runs on any x86-64, these only where the CPU says so.
//
// bf16 is rounded by integer arithmetic: the AVX512_BF16 instruction flushes small numbers to zero and would give other bits
// than the scalar kernel.
#include <immintrin.h>

#include "collectives/reduce/scalar.h"
#include "collectives/reduce/vector_sets.h"

#define EVERSTEP_AVX2 [[gnu::target("avx2,f16c"), gnu::always_inline]] static inline
#define EVERSTEP_AVX512 [[gnu::target("avx512f,avx512bw"), gnu::always_inline]] static inline

namespace everstep {
namespace {

struct F32x8 {
  using Value = float;
  static constexpr std::size_t kCount = 8;
  EVERSTEP_AVX2 void Add(Value* a, const Value* b) {
    _mm256_storeu_ps(a, _mm256_add_ps(_mm256_loadu_ps(a), _mm256_loadu_ps(b)));
  }
};

struct F64x4 {
  using Value = double;
  static constexpr std::size_t kCount = 4;
  EVERSTEP_AVX2 void Add(Value* a, const Value* b) {
    _mm256_storeu_pd(a, _mm256_add_pd(_mm256_loadu_pd(a), _mm256_loadu_pd(b)));
  }
};

EVERSTEP_AVX2 __m256i Load256(const void* from) { return _mm256_loadu_si256(static_cast<const __m256i*>(from)); }
EVERSTEP_AVX2 void Store256(void* to, __m256i value) { _mm256_storeu_si256(static_cast<__m256i*>(to), value); }
EVERSTEP_AVX2 __m128i Load128(const void* from) { return _mm_loadu_si128(static_cast<const __m128i*>(from)); }

struct I32x8 {
  using Value = std::int32_t;
  static constexpr std::size_t kCount = 8;
  EVERSTEP_AVX2 void Add(Value* a, const Value* b) { Store256(a, _mm256_add_epi32(Load256(a), Load256(b))); }
};

struct I64x4 {
  using Value = std::int64_t;
  static constexpr std::size_t kCount = 4;
  EVERSTEP_AVX2 void Add(Value* a, const Value* b) { Store256(a, _mm256_add_epi64(Load256(a), Load256(b))); }
};

struct F16x8 {
  using Value = Half;
  static constexpr std::size_t kCount = 8;
  EVERSTEP_AVX2 void Add(Value* a, const Value* b) {
    const __m256 sum = _mm256_add_ps(_mm256_cvtph_ps(Load128(a)), _mm256_cvtph_ps(Load128(b)));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(a), _mm256_cvtps_ph(sum, _MM_FROUND_TO_NEAREST_INT));
  }
};

// The upper halves of eight sums, rounded, each in 32 bits.
EVERSTEP_AVX2 __m256i RoundedToBf16(__m256 sum) {
  const __m256i bits = _mm256_castps_si256(sum);
  const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
  const __m256i rounded = _mm256_srli_epi32(_mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7fff)), odd), 16);
  const __m256i quiet = _mm256_or_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(0x40));
  const __m256 is_nan = _mm256_cmp_ps(sum, sum, _CMP_UNORD_Q);
  return _mm256_blendv_epi8(rounded, quiet, _mm256_castps_si256(is_nan));
}
EVERSTEP_AVX2 __m256 FromBf16(const BFloat16* from) {
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(Load128(from)), 16));
}

struct BF16x16 {
  using Value = BFloat16;
  static constexpr std::size_t kCount = 16;
  EVERSTEP_AVX2 void Add(Value* a, const Value* b) {
    const __m256i low = RoundedToBf16(_mm256_add_ps(FromBf16(a), FromBf16(b)));
    const __m256i high = RoundedToBf16(_mm256_add_ps(FromBf16(a + 8), FromBf16(b + 8)));
    // packus works within halves of the register: its quarters are out of order.
    Store256(a, _mm256_permute4x64_epi64(_mm256_packus_epi32(low, high), _MM_SHUFFLE(3, 1, 2, 0)));
  }
};

struct F32x16 {
  using Value = float;
  static constexpr std::size_t kCount = 16;
  EVERSTEP_AVX512 void Add(Value* a, const Value* b) {
    _mm512_storeu_ps(a, _mm512_add_ps(_mm512_loadu_ps(a), _mm512_loadu_ps(b)));
  }
};

struct F64x8 {
  using Value = double;
  static constexpr std::size_t kCount = 8;
  EVERSTEP_AVX512 void Add(Value* a, const Value* b) {
    _mm512_storeu_pd(a, _mm512_add_pd(_mm512_loadu_pd(a), _mm512_loadu_pd(b)));
  }
};

struct I32x16 {
  using Value = std::int32_t;
  static constexpr std::size_t kCount = 16;
  EVERSTEP_AVX512 void Add(Value* a, const Value* b) {
    _mm512_storeu_si512(a, _mm512_add_epi32(_mm512_loadu_si512(a), _mm512_loadu_si512(b)));
  }
};

struct I64x8 {
  using Value = std::int64_t;
  static constexpr std::size_t kCount = 8;
  EVERSTEP_AVX512 void Add(Value* a, const Value* b) {
    _mm512_storeu_si512(a, _mm512_add_epi64(_mm512_loadu_si512(a), _mm512_loadu_si512(b)));
  }
};

EVERSTEP_AVX512 __m256i Half512(const void* from) { return _mm256_loadu_si256(static_cast<const __m256i*>(from)); }

struct F16x16 {
  using Value = Half;
  static constexpr std::size_t kCount = 16;
  EVERSTEP_AVX512 void Add(Value* a, const Value* b) {
    const __m512 sum = _mm512_add_ps(_mm512_cvtph_ps(Half512(a)), _mm512_cvtph_ps(Half512(b)));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(a), _mm512_cvtps_ph(sum, _MM_FROUND_TO_NEAREST_INT));
  }
};

struct BF16x16Wide {
  using Value = BFloat16;
  static constexpr std::size_t kCount = 16;
  EVERSTEP_AVX512 __m512 From(const BFloat16* from) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(Half512(from)), 16));
  }
  EVERSTEP_AVX512 void Add(Value* a, const Value* b) {
    const __m512 sum = _mm512_add_ps(From(a), From(b));
    const __m512i bits = _mm512_castps_si512(sum);
    const __m512i upper = _mm512_srli_epi32(bits, 16);
    const __m512i odd = _mm512_and_si512(upper, _mm512_set1_epi32(1));
    const __m512i rounded = _mm512_srli_epi32(_mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff)), odd), 16);
    const __mmask16 is_nan = _mm512_cmp_ps_mask(sum, sum, _CMP_UNORD_Q);
    const __m512i result = _mm512_mask_or_epi32(rounded, is_nan, upper, _mm512_set1_epi32(0x40));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(a), _mm512_cvtepi32_epi16(result));
  }
};

// Four vectors a turn: enough loads in flight to hide the latency of DRAM.
template <class Lanes>
[[gnu::target("avx2,f16c")]] void AddAvx2(void* into, const void* from, std::size_t count) {
  auto* a = static_cast<typename Lanes::Value*>(into);
  const auto* b = static_cast<const typename Lanes::Value*>(from);
  std::size_t i = 0;
  for (; i + 4 * Lanes::kCount <= count; i += 4 * Lanes::kCount) {
    Lanes::Add(a + i, b + i);
    Lanes::Add(a + i + Lanes::kCount, b + i + Lanes::kCount);
    Lanes::Add(a + i + 2 * Lanes::kCount, b + i + 2 * Lanes::kCount);
    Lanes::Add(a + i + 3 * Lanes::kCount, b + i + 3 * Lanes::kCount);
  }
  for (; i + Lanes::kCount <= count; i += Lanes::kCount) Lanes::Add(a + i, b + i);
  ReduceScalar<typename Lanes::Value, AddOne>(a + i, b + i, count - i);
}

template <class Lanes>
[[gnu::target("avx512f,avx512bw")]] void AddAvx512(void* into, const void* from, std::size_t count) {
  auto* a = static_cast<typename Lanes::Value*>(into);
  const auto* b = static_cast<const typename Lanes::Value*>(from);
  std::size_t i = 0;
  for (; i + 4 * Lanes::kCount <= count; i += 4 * Lanes::kCount) {
    Lanes::Add(a + i, b + i);
    Lanes::Add(a + i + Lanes::kCount, b + i + Lanes::kCount);
    Lanes::Add(a + i + 2 * Lanes::kCount, b + i + 2 * Lanes::kCount);
    Lanes::Add(a + i + 3 * Lanes::kCount, b + i + 3 * Lanes::kCount);
  }
  for (; i + Lanes::kCount <= count; i += Lanes::kCount) Lanes::Add(a + i, b + i);
  ReduceScalar<typename Lanes::Value, AddOne>(a + i, b + i, count - i);
}

// Sums by hand; of the rest the compiler makes what it can.
template <class T, class One>
[[gnu::target("avx2,f16c")]] void ReduceAvx2(void* into, const void* from, std::size_t count) {
  ReduceScalar<T, One>(into, from, count);
}
template <class T, class One>
[[gnu::target("avx512f,avx512bw")]] void ReduceAvx512(void* into, const void* from, std::size_t count) {
  ReduceScalar<T, One>(into, from, count);
}

// The bits of a sum of integers are the same with and without a sign.
template <class T, class One>
constexpr bool kByHand = std::is_same_v<One, AddOne> && sizeof(T) > 1;

struct Avx2Kernels {
  template <class T, class One>
  static ReduceKernel Of() {
    if constexpr (!kByHand<T, One>) return ReduceAvx2<T, One>;
    if constexpr (std::is_same_v<T, float>) return AddAvx2<F32x8>;
    if constexpr (std::is_same_v<T, double>) return AddAvx2<F64x4>;
    if constexpr (std::is_same_v<T, Half>) return AddAvx2<F16x8>;
    if constexpr (std::is_same_v<T, BFloat16>) return AddAvx2<BF16x16>;
    return sizeof(T) == 4 ? AddAvx2<I32x8> : AddAvx2<I64x4>;
  }
};

struct Avx512Kernels {
  template <class T, class One>
  static ReduceKernel Of() {
    if constexpr (!kByHand<T, One>) return ReduceAvx512<T, One>;
    if constexpr (std::is_same_v<T, float>) return AddAvx512<F32x16>;
    if constexpr (std::is_same_v<T, double>) return AddAvx512<F64x8>;
    if constexpr (std::is_same_v<T, Half>) return AddAvx512<F16x16>;
    if constexpr (std::is_same_v<T, BFloat16>) return AddAvx512<BF16x16Wide>;
    return sizeof(T) == 4 ? AddAvx512<I32x16> : AddAvx512<I64x8>;
  }
};

}  // namespace

// The builtin also asks whether the operating system saves the wide registers.
InstructionSet BestVectorSet() {
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")) return InstructionSet::avx512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("f16c")) return InstructionSet::avx2;
  return InstructionSet::scalar;
}

ReduceKernel VectorKernel(DataType type, ReduceOperation operation, InstructionSet set) {
  return set == InstructionSet::avx512 ? KernelOf<Avx512Kernels>(type, operation)
         : set == InstructionSet::avx2 ? KernelOf<Avx2Kernels>(type, operation)
                                       : nullptr;
}

}  // namespace everstep
