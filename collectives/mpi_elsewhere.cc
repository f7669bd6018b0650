#include <unistd.h>

#include <filesystem>

#include "base/text.h"
#include "collectives/backends.h"

namespace everstep {

Result<ProbeIdentity> IdentityByMpi(const std::string&, char** arguments, char** variables, bool) {
  std::error_code error;
  const std::filesystem::path here = std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
  const std::string other = here / "everstep-probe-mpi";
  ::execve(other.c_str(), arguments, variables);
  return Fail(ErrorCode::kNotFound, Cat("everstep-probe-mpi, which has MPI, is not in ", here.string()),
              "install libopenmpi-dev or another MPI, configure and build again; by --backend ofi none is needed");
}

BackendMaker MpiMaker() {
  return [](const ProbeOptions&, const Company&, Clock&) -> Result<std::unique_ptr<Backend>> {
    return Fail(ErrorCode::kNotFound, "this program has no MPI");
  };
}

}  // namespace everstep
