#include <string_view>

#include "collectives/backends.h"
#include "collectives/meet/sockets.h"
#include "collectives/mpi/mpi_backend.h"

namespace everstep {

Result<ProbeIdentity> IdentityByMpi(const std::string& host, char**, char** variables) {
  std::uint16_t free = 0;
  {
    EVERSTEP_ASSIGN(const Fd listener, ListenOn(0));
    free = PortOf(listener.get());
  }
  constexpr std::string_view kMaster = "MASTER_ADDR=";
  std::string here = host;
  for (char** variable = variables; *variable != nullptr; ++variable)
    if (std::string_view(*variable).starts_with(kMaster)) here = *variable + kMaster.size();
  EVERSTEP_ASSIGN(const MpiPlace place, StartMpi(here, free));
  return ProbeIdentity{.rank = place.rank, .ranks = place.ranks, .master_host = place.host, .master_port = place.port};
}

BackendMaker MpiMaker() {
  return
      [](const ProbeOptions& options, const Company& company, Clock& clock) { return OpenMpi(company, options.type, clock); };
}

}  // namespace everstep
