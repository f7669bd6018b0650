#include <string_view>

#include "base/text.h"
#include "collectives/backends.h"
#include "collectives/meet/sockets.h"
#include "collectives/meet/whereabouts.h"
#include "collectives/mpi/mpi_backend.h"

namespace everstep {

Result<ProbeIdentity> IdentityByMpi(const std::string& host, char**, char** variables, bool goes_on) {
  std::uint16_t free = 0;
  {
    EVERSTEP_ASSIGN(const Fd listener, ListenOn(0));
    free = PortOf(listener.get());
  }
  constexpr std::string_view kMaster = "MASTER_ADDR=";
  const std::vector<std::string> own = OwnAddresses();
  std::string here = host;
  for (const std::string& address : own)
    if (here.size() + 1 + address.size() <= kHostMost) here += Cat(' ', address);
  for (char** variable = variables; *variable != nullptr; ++variable)
    if (const std::string_view text(*variable); text.starts_with(kMaster) && text.size() > kMaster.size())
      here = text.substr(kMaster.size());
  EVERSTEP_ASSIGN(const MpiPlace place, StartMpi(here, free));
  if (!goes_on) EndMpi();
  return ProbeIdentity{
      .rank = place.rank, .ranks = place.ranks, .master_host = WayTo(Split(place.host, ' '), own), .master_port = place.port};
}

BackendMaker MpiMaker() {
  return
      [](const ProbeOptions& options, const Company& company, Clock& clock) { return OpenMpi(company, options.types, clock); };
}

}  // namespace everstep
