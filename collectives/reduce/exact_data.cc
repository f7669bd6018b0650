#include "collectives/reduce/exact_data.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "base/rng.h"
#include "collectives/reduce/scalar.h"

namespace everstep {
namespace {

// Whole numbers up to here, and sums up to here, are exact.
std::uint32_t ExactMax(DataType type) {
  switch (type) {
    case DataType::bf16: return 1u << 8;
    case DataType::f16: return 1u << 11;
    case DataType::f32: return 1u << 24;
    case DataType::f64:
    case DataType::i32:
    case DataType::i64: return 1u << 30;
  }
  return 1;
}

constexpr std::uint32_t kValueMax = 1u << 12;

void Put(DataType type, std::uint32_t value, std::byte* out) {
  const auto put = [&](auto number) { std::memcpy(out, &number, sizeof number); };
  switch (type) {
    case DataType::f32: return put(static_cast<float>(value));
    case DataType::f64: return put(static_cast<double>(value));
    case DataType::f16: return put(ToHalf(static_cast<float>(value)));
    case DataType::bf16: return put(ToBFloat16(static_cast<float>(value)));
    case DataType::i32: return put(static_cast<std::int32_t>(value));
    case DataType::i64: return put(static_cast<std::int64_t>(value));
  }
}

template <class T>
T Read(const std::byte* from) {
  T value{};
  std::memcpy(&value, from, sizeof value);
  return value;
}

double Get(DataType type, const std::byte* from) {
  switch (type) {
    case DataType::f32: return Read<float>(from);
    case DataType::f64: return Read<double>(from);
    case DataType::f16: return ToFloat(Read<Half>(from));
    case DataType::bf16: return ToFloat(Read<BFloat16>(from));
    case DataType::i32: return Read<std::int32_t>(from);
    case DataType::i64: return static_cast<double>(Read<std::int64_t>(from));
  }
  return 0;
}

// Calls f(offset in bytes, bytes, place in the period) for the pieces of a range in which the period does not turn.
template <class F>
void ForEachPiece(std::uint64_t first, std::size_t count, std::size_t size, F f) {
  for (std::size_t done = 0; done < count;) {
    const std::size_t place = (first + done) % ExactData::kPeriod;
    const std::size_t piece = std::min(count - done, ExactData::kPeriod - place);
    f(done * size, piece * size, place);
    done += piece;
  }
}

}  // namespace

ExactData::ExactData(DataType type, std::uint32_t ranks, std::uint64_t salt)
    : type_(type),
      most_(std::clamp(ExactMax(type) / std::max(ranks, 1u), 1u, kValueMax)),
      spread_((ranks + ExactMax(type) - 1) / ExactMax(type)),
      salt_(salt) {
  Check(ranks > 0, "somebody gives data");
}

std::uint32_t ExactData::ValueAt(std::uint32_t rank, std::size_t place) const {
  if (spread_ > 1 && (rank + place) % spread_ != 0) return 0;
  Rng rng(salt_ * 0x9e3779b9u + rank * kPeriod + place);
  return static_cast<std::uint32_t>(spread_ > 1 ? 1 : rng.Below(most_ + 1));
}

void ExactData::Fill(void* out, std::uint32_t rank, std::uint64_t first, std::size_t count) const {
  const std::size_t size = SizeOf(type_);
  std::vector<std::byte> row(kPeriod * size);
  for (std::size_t place = 0; place < kPeriod; ++place) Put(type_, ValueAt(rank, place), row.data() + place * size);
  ForEachPiece(first, count, size, [&](std::size_t offset, std::size_t bytes, std::size_t place) {
    std::memcpy(static_cast<std::byte*>(out) + offset, row.data() + place * size, bytes);
  });
}

std::optional<ExactData::Wrong> ExactData::Compare(const void* data, const std::vector<std::uint32_t>& ranks,
                                                   std::uint64_t first, std::size_t count) const {
  Check(!ranks.empty(), "a sum is of something");
  const std::size_t size = SizeOf(type_);
  const auto* bytes = static_cast<const std::byte*>(data);
  std::vector<std::uint32_t> sums(kPeriod, 0);
  for (std::size_t place = 0; place < kPeriod; ++place)
    for (const std::uint32_t rank : ranks) sums[place] += ValueAt(rank, place);
  std::vector<std::byte> row(kPeriod * size);
  for (std::size_t place = 0; place < kPeriod; ++place) Put(type_, sums[place], row.data() + place * size);

  std::optional<Wrong> wrong;
  ForEachPiece(first, count, size, [&](std::size_t offset, std::size_t length, std::size_t place) {
    const std::byte* want = row.data() + place * size;
    if (std::memcmp(bytes + offset, want, length) == 0) return;
    for (std::size_t at = 0; at < length; at += size) {
      if (std::memcmp(bytes + offset + at, want + at, size) == 0) continue;
      if (!wrong) {
        wrong = Wrong{.at = (offset + at) / size,
                      .expected = Get(type_, want + at),
                      .got = Get(type_, bytes + offset + at),
                      .elements = 0};
      }
      ++wrong->elements;
    }
  });
  return wrong;
}

}  // namespace everstep
