#include "collectives/backends.h"
#include "collectives/nccl/nccl_backend.h"

namespace everstep {

BackendMaker NcclMaker() {
  return [](const ProbeOptions&, const Company& company, Clock& clock) { return OpenNccl(company, clock); };
}

}  // namespace everstep
