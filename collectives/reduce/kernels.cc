#include "collectives/reduce/kernels.h"

#include "base/check.h"
#include "collectives/reduce/scalar.h"
#include "collectives/reduce/vector_sets.h"

namespace everstep {

namespace {

struct ScalarKernels {
  template <class T, class One>
  static ReduceKernel Of() {
    return [](void* into, const void* from, std::size_t count) { ReduceScalar<T, One>(into, from, count); };
  }
};

template <class T>
T Divided(T value, std::uint32_t by) {
  if constexpr (std::is_integral_v<T>) {
    // In 64 bits: a divisor that a small type does not hold stays what it is.
    using Long = std::conditional_t<std::is_signed_v<T>, std::int64_t, std::uint64_t>;
    return static_cast<T>(static_cast<Long>(value) / static_cast<Long>(by));
  } else {
    return Narrow<T>(Wide(value) / static_cast<decltype(Wide(value))>(by));
  }
}

struct Divisions {
  template <class T, class>
  static auto Of() {
    return +[](void* values, std::size_t count, std::uint32_t by) {
      auto* bytes = static_cast<std::byte*>(values);
      for (std::size_t i = 0; i < count; ++i) {
        T value;
        std::memcpy(&value, bytes + i * sizeof(T), sizeof(T));
        value = Divided(value, by);
        std::memcpy(bytes + i * sizeof(T), &value, sizeof(T));
      }
    };
  }
};

}  // namespace

std::size_t SizeOf(DataType type) {
  switch (type) {
    case DataType::i8:
    case DataType::u8: return 1;
    case DataType::f16:
    case DataType::bf16: return 2;
    case DataType::f32:
    case DataType::i32:
    case DataType::u32: return 4;
    case DataType::f64:
    case DataType::i64:
    case DataType::u64: return 8;
  }
  return 0;
}

std::string_view NcclName(DataType type) {
  switch (type) {
    case DataType::f32: return "float";
    case DataType::f64: return "double";
    case DataType::f16: return "half";
    case DataType::bf16: return "bfloat16";
    case DataType::i32: return "int32";
    case DataType::i64: return "int64";
    case DataType::i8: return "int8";
    case DataType::u8: return "uint8";
    case DataType::u32: return "uint32";
    case DataType::u64: return "uint64";
  }
  return "";
}

std::optional<DataType> DataTypeNamed(std::string_view name) {
  for (std::size_t i = 0; i < NamesOf(DataType{}).size(); ++i)
    if (NcclName(static_cast<DataType>(i)) == name) return static_cast<DataType>(i);
  return std::nullopt;
}

InstructionSet BestInstructionSet() { return BestVectorSet(); }

ReduceKernel ReduceKernelFor(DataType type, ReduceOperation operation, InstructionSet set) {
  Check(set <= BestInstructionSet(), "this CPU has the instructions asked for");
  return set == InstructionSet::scalar ? KernelOf<ScalarKernels>(type, operation) : VectorKernel(type, operation, set);
}

void Divide(DataType type, void* values, std::size_t count, std::uint32_t by) {
  Check(by > 0, "somebody has given what is divided");
  KernelOf<Divisions, AddOne>(type)(values, count, by);
}

}  // namespace everstep
