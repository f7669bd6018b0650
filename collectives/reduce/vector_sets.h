// The vector kernels of this architecture: vector_x86.cc, or vector_none.cc where there are none.
#pragma once

#include "collectives/reduce/kernels.h"

namespace everstep {

InstructionSet BestVectorSet();
// nullptr: none for this set.
ReduceKernel VectorKernel(DataType type, ReduceOperation operation, InstructionSet set);

}  // namespace everstep
