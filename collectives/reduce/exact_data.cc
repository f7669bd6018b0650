#include "collectives/reduce/exact_data.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "base/rng.h"
#include "collectives/reduce/scalar.h"

namespace everstep {
namespace {

// Whole numbers up to here, and results up to here, are exact.
std::uint32_t ExactMax(DataType type) {
  switch (type) {
    case DataType::i8: return (1u << 7) - 1;
    case DataType::u8: return (1u << 8) - 1;
    case DataType::bf16: return 1u << 8;
    case DataType::f16: return 1u << 11;
    case DataType::f32: return 1u << 24;
    case DataType::f64:
    case DataType::i32:
    case DataType::i64:
    case DataType::u32:
    case DataType::u64: return 1u << 30;
  }
  return 1;
}

bool HasSign(DataType type) { return type != DataType::u8 && type != DataType::u32 && type != DataType::u64; }

constexpr std::uint32_t kValueMax = 1u << 12;

// In two's complement: a negative number is one with the highest bit set.
void Put(DataType type, std::uint64_t value, std::byte* out) {
  const auto put = [&](auto number) { std::memcpy(out, &number, sizeof number); };
  const auto real = static_cast<double>(static_cast<std::int64_t>(value));
  switch (type) {
    case DataType::f32: return put(static_cast<float>(real));
    case DataType::f64: return put(real);
    case DataType::f16: return put(ToHalf(static_cast<float>(real)));
    case DataType::bf16: return put(ToBFloat16(static_cast<float>(real)));
    case DataType::i8:
    case DataType::u8: return put(static_cast<std::uint8_t>(value));
    case DataType::i32:
    case DataType::u32: return put(static_cast<std::uint32_t>(value));
    case DataType::i64:
    case DataType::u64: return put(value);
  }
}

// Of value * ranks, when it is multiplied by the reciprocal of `ranks`, each rounded to the type.
bool ComesOutWhole(DataType type, std::uint32_t value, std::uint32_t ranks) {
  const double product = static_cast<double>(value) * ranks;
  switch (type) {
    case DataType::f64: return product * (1.0 / ranks) == value;
    case DataType::f32: return static_cast<float>(product) * static_cast<float>(1.0 / ranks) == static_cast<float>(value);
    case DataType::f16:
    case DataType::bf16: {
      const auto rounded = [type](float number) {
        return type == DataType::f16 ? ToFloat(ToHalf(number)) : ToFloat(ToBFloat16(number));
      };
      const float reciprocal = rounded(static_cast<float>(1.0 / ranks));
      return rounded(static_cast<float>(product) * reciprocal) == static_cast<float>(value);
    }
    default: return true;  // integers are divided
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
    case DataType::i8: return Read<std::int8_t>(from);
    case DataType::u8: return Read<std::uint8_t>(from);
    case DataType::u32: return Read<std::uint32_t>(from);
    case DataType::u64: return static_cast<double>(Read<std::uint64_t>(from));
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

std::uint32_t ExactData::RanksMost(DataType type, ReduceOperation operation) {
  return operation == ReduceOperation::avg ? ExactMax(type) : UINT32_MAX;
}

ExactData::ExactData(DataType type, ReduceOperation operation, std::uint32_t ranks, std::uint64_t salt)
    : type_(type), operation_(operation), ranks_(ranks), salt_(salt) {
  Check(ranks > 0 && ranks <= RanksMost(type, operation), "what these ranks give together is exact");
  ChooseValues();
}

void ExactData::ChooseValues() {
  const std::uint32_t exact = ExactMax(type_);
  const auto up_to = [&](std::uint32_t most) {
    for (std::uint32_t value = 0; value <= most; ++value) values_.push_back(value);
  };
  switch (operation_) {
    case ReduceOperation::sum:
    case ReduceOperation::avg: {
      const std::uint32_t sums = operation_ == ReduceOperation::avg ? exact / ranks_ : exact;
      spread_ = (ranks_ + sums - 1) / sums;
      if (spread_ > 1)
        values_ = {1};
      else
        up_to(std::clamp(sums / ranks_, 1u, kValueMax));
      if (operation_ == ReduceOperation::avg)
        std::erase_if(values_, [this](std::uint32_t value) { return !ComesOutWhole(type_, value, ranks_); });
      if (values_.empty()) values_ = {0};
      return;
    }
    case ReduceOperation::prod: {
      std::uint32_t factors = 0;
      for (std::uint32_t product = 3; product <= exact; product *= 3) ++factors;
      values_ = {2, 3};
      others_ = 1;
      spread_ = (ranks_ + factors - 1) / factors;
      return;
    }
    case ReduceOperation::max:
    case ReduceOperation::min: return up_to(std::min(HasSign(type_) ? 2 * exact : exact, kValueMax) - 1);
  }
}

std::uint32_t ExactData::ValueAt(std::uint32_t rank, std::size_t place) const {
  if (spread_ > 1 && (rank + place) % spread_ != 0) return others_;
  Rng rng(salt_ * 0x9e3779b9u + rank * kPeriod + place);
  return values_.size() == 1 ? values_[0] : values_[rng.Below(values_.size())];
}

std::uint32_t ExactData::Reduced(std::uint32_t a, std::uint32_t b) const {
  switch (operation_) {
    case ReduceOperation::sum:
    case ReduceOperation::avg: return a + b;
    case ReduceOperation::prod: return a * b;
    case ReduceOperation::max: return std::max(a, b);
    case ReduceOperation::min: return std::min(a, b);
  }
  return a;
}

// The number that stands for what ValueAt and Reduced have.
std::uint64_t ExactData::Meaning(std::uint32_t reduced, Stage stage) const {
  switch (operation_) {
    case ReduceOperation::sum:
    case ReduceOperation::prod: return reduced;
    case ReduceOperation::avg: return stage == Stage::at_the_end ? reduced : std::uint64_t{reduced} * ranks_;
    case ReduceOperation::max:
    case ReduceOperation::min: break;
  }
  if (HasSign(type_)) return std::uint64_t{reduced} - values_.size() / 2;
  const std::size_t bits = 8 * SizeOf(type_);
  return bits == 8 ? reduced : std::uint64_t{reduced} << (bits - 12);
}

void ExactData::Fill(void* out, std::uint32_t rank, std::uint64_t first, std::size_t count) const {
  const std::size_t size = SizeOf(type_);
  std::vector<std::byte> row(kPeriod * size);
  for (std::size_t place = 0; place < kPeriod; ++place)
    Put(type_, Meaning(ValueAt(rank, place), Stage::on_the_way), row.data() + place * size);
  ForEachPiece(first, count, size, [&](std::size_t offset, std::size_t bytes, std::size_t place) {
    std::memcpy(static_cast<std::byte*>(out) + offset, row.data() + place * size, bytes);
  });
}

std::optional<ExactData::Wrong> ExactData::Compare(const void* data, const std::vector<std::uint32_t>& ranks,
                                                   std::uint64_t first, std::size_t count, Stage stage) const {
  Check(!ranks.empty(), "a result is of something");
  const std::size_t size = SizeOf(type_);
  const auto* bytes = static_cast<const std::byte*>(data);
  std::vector<std::byte> row(kPeriod * size);
  for (std::size_t place = 0; place < kPeriod; ++place) {
    std::uint32_t reduced = ValueAt(ranks[0], place);
    for (std::size_t i = 1; i < ranks.size(); ++i) reduced = Reduced(reduced, ValueAt(ranks[i], place));
    Put(type_, Meaning(reduced, stage), row.data() + place * size);
  }

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
