#include "collectives/reduce/vector_sets.h"

namespace everstep {

InstructionSet BestVectorSet() { return InstructionSet::scalar; }
AddKernel VectorKernel(DataType, InstructionSet) { return nullptr; }

}  // namespace everstep
