#include "collectives/backends.h"

namespace everstep {

BackendMaker NcclMaker() {
  return [](const ProbeOptions&, const Company&, Clock&) -> Result<std::unique_ptr<Backend>> {
    return Fail(ErrorCode::kNotFound, "this everstep-probe was built without NCCL", "by --backend ofi it needs none");
  };
}

}  // namespace everstep
