// into[i] += from[i], as fast as memory gives the operands: the arithmetic of every reduction over host memory. And the same
// with a product, the larger or the smaller one in place of the sum.
//
// One kernel a type, operation and instruction set, chosen once at run time by what the CPU has; all give the same bits as the
// scalar ones (NaNs stay NaNs in sums and products; of the larger or the smaller one a NaN may be lost). f16 and bf16 are added
// as f32 and rounded to nearest, ties to even, after every addition. Integers wrap around. Any alignment; the ranges are the
// same or do not overlap. Any thread. Scalar bf16 is eight to ten times slower than memory (docs/performance.md), which is why
// sums are written by hand; the rest is what the compiler makes of the scalar ones for each instruction set.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/fields.h"

namespace everstep {

EVERSTEP_ENUM(DataType, f32, f64, f16, bf16, i32, i64, i8, u8, u32, u64)
// avg: summed up, and divided by the number of ranks at the end.
EVERSTEP_ENUM(ReduceOperation, sum, prod, max, min, avg)
EVERSTEP_ENUM(InstructionSet, scalar, avx2, avx512)

std::size_t SizeOf(DataType type);

// nccl-tests' names: "float", "double", "half", "bfloat16", "int32", "uint8" and so on.
std::string_view NcclName(DataType type);
std::optional<DataType> DataTypeNamed(std::string_view name);

// The best that this CPU and operating system run.
InstructionSet BestInstructionSet();

using ReduceKernel = void (*)(void* into, const void* from, std::size_t count);

// avg: that of sum. REQUIRES: `set` is not above BestInstructionSet().
ReduceKernel ReduceKernelFor(DataType type, ReduceOperation operation, InstructionSet set);

// values[i] /= by, what is left of integers cut off. Not vectorised by hand. REQUIRES: by > 0.
void Divide(DataType type, void* values, std::size_t count, std::uint32_t by);

}  // namespace everstep
