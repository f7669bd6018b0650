#include "collectives/backends.h"

#include "collectives/probe/fabric_backend.h"

namespace everstep {

BackendMaker MakerOf(ProbeBackend backend) {
  switch (backend) {
    case ProbeBackend::ofi: return OpenFabric;
    case ProbeBackend::nccl: return NcclMaker();
    case ProbeBackend::mpi: return MpiMaker();
  }
  return OpenFabric;
}

}  // namespace everstep
