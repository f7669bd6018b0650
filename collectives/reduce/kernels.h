// into[i] += from[i], as fast as memory gives the operands: the arithmetic of every reduction over host memory.
//
// One kernel a type and instruction set, chosen once at run time by what the CPU has; all give the same bits as the scalar ones
// (NaNs stay NaNs). f16 and bf16 are added as f32 and rounded to nearest, ties to even, after every addition. Sums of integers
// wrap around. Any alignment; the ranges are the same or do not overlap. Any thread. Scalar bf16 is eight to ten times slower
// than memory (docs/performance.md), which is why these exist.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/fields.h"

namespace everstep {

EVERSTEP_ENUM(DataType, f32, f64, f16, bf16, i32, i64)
EVERSTEP_ENUM(InstructionSet, scalar, avx2, avx512)

std::size_t SizeOf(DataType type);

// nccl-tests' names: "float", "double", "half", "bfloat16", "int32", "int64".
std::string_view NcclName(DataType type);
std::optional<DataType> DataTypeNamed(std::string_view name);

// The best that this CPU and operating system run.
InstructionSet BestInstructionSet();

using AddKernel = void (*)(void* into, const void* from, std::size_t count);

// REQUIRES: `set` is not above BestInstructionSet().
AddKernel AddKernelFor(DataType type, InstructionSet set);

}  // namespace everstep
