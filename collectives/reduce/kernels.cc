#include "collectives/reduce/kernels.h"

#include "base/check.h"
#include "collectives/reduce/scalar.h"
#include "collectives/reduce/vector_sets.h"

namespace everstep {

std::size_t SizeOf(DataType type) {
  switch (type) {
    case DataType::f16:
    case DataType::bf16: return 2;
    case DataType::f32:
    case DataType::i32: return 4;
    case DataType::f64:
    case DataType::i64: return 8;
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
  }
  return "";
}

std::optional<DataType> DataTypeNamed(std::string_view name) {
  for (std::size_t i = 0; i < NamesOf(DataType{}).size(); ++i)
    if (NcclName(static_cast<DataType>(i)) == name) return static_cast<DataType>(i);
  return std::nullopt;
}

InstructionSet BestInstructionSet() { return BestVectorSet(); }

AddKernel AddKernelFor(DataType type, InstructionSet set) {
  Check(set <= BestInstructionSet(), "this CPU has the instructions asked for");
  if (set != InstructionSet::scalar) return VectorKernel(type, set);
  switch (type) {
    case DataType::f32: return AddScalar<float>;
    case DataType::f64: return AddScalar<double>;
    case DataType::f16: return AddScalar<Half>;
    case DataType::bf16: return AddScalar<BFloat16>;
    case DataType::i32: return AddScalar<std::int32_t>;
    case DataType::i64: return AddScalar<std::int64_t>;
  }
  return nullptr;
}

}  // namespace everstep
