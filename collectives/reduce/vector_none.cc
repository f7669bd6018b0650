#include "collectives/reduce/vector_sets.h"

namespace everstep {

InstructionSet BestVectorSet() { return InstructionSet::scalar; }
ReduceKernel VectorKernel(DataType, ReduceOperation, InstructionSet) { return nullptr; }

}  // namespace everstep
