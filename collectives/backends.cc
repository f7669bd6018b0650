#include "collectives/backends.h"

#include "collectives/probe/fabric_backend.h"

namespace everstep {

BackendMaker MakerOf(ProbeBackend backend) {
  switch (backend) {
    case ProbeBackend::ofi: return OpenFabric;
    case ProbeBackend::nccl: return NcclMaker();
    case ProbeBackend::mpi: break;
  }
  return [](const ProbeOptions&, const Company&, Clock&) -> Result<std::unique_ptr<Backend>> {
    return Fail(ErrorCode::kNotFound, "this everstep-probe was built without MPI", "by --backend ofi it needs none");
  };
}

}  // namespace everstep
