// The back ends that this program was built with.
#pragma once

#include "collectives/probe/group.h"

namespace everstep {

// One that is not in this program fails when it is opened, and says what to do.
BackendMaker MakerOf(ProbeBackend backend);

// Of mpi_here.cc; of mpi_elsewhere.cc in the program that links no MPI: the other one, which lies beside it, takes over, and
// this returns only if there is none (kNotFound). Rank 0 is met at its MASTER_ADDR, or at an address of its host that it has
// told the others by MPI. `goes_on`: MPI is the back end; else it is ended again.
Result<ProbeIdentity> IdentityByMpi(const std::string& host, char** arguments, char** variables, bool goes_on);
BackendMaker MpiMaker();

// Of nccl_here.cc, or nccl_absent.cc where collectives/nccl was left out.
BackendMaker NcclMaker();

}  // namespace everstep
