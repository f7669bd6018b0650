// Which of the ways that libfabric offers are taken, one a rail. The provider asked for, or an error that names what there is:
// never another one in silence (the classic failure of collective libraries is to fall back to sockets and be slow). Works with
// libfabric 1.17 to 2.x.
//
// RDMA devices (efa, verbs) are rails, all of a host, in the order of their names with numbers as numbers: rail i of a host
// talks to rail i of the others. Several ranks of a host share them out where there are enough, and each use all where not.
//
// Of other providers one interface is taken, for libfabric's list begins with whatever it found first (a bridge's link-local
// address, on a test host): the one by which the ranks have met. Interfaces that are named are taken as named.
#pragma once

#include <rdma/fabric.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace everstep {

struct FreeInfo {
  void operator()(fi_info* info) const { fi_freeinfo(info); }
};
using FabricInfo = std::unique_ptr<fi_info, FreeInfo>;

struct ProviderWish {
  std::string provider{};  // "efa", "verbs", "tcp", "shm", or a whole name, "tcp;ofi_rxm"; empty: the best there is
  std::vector<std::string> interfaces{};  // "eth0", or domains, "rdmap16s27-rdm"; empty: as above
  std::string address{};                  // numeric, by which the others are reached; empty: not known
  std::uint32_t rails_max = 0;            // 0: as many as there are
  std::uint32_t place = 0;                // of this rank among those of its host
  std::uint32_t ranks_here = 1;           // on its host
  // For collectives. Tests of pairs keep to the rendezvous: its small messages are what a link that loses packets stalls on.
  bool sends_at_once = false;
};

struct ProviderRow {
  std::string provider{};  // whole name
  std::string domain{};
  std::string address{};  // numeric; empty where addresses are not IP's
};

// The choice as a plain function of what libfabric lists: an index into `rows` for each rail; not empty.
Result<std::vector<std::size_t>> PickRails(const std::vector<ProviderRow>& rows, const ProviderWish& wish);

// Asks libfabric and picks. The endpoints that come of it are reliable, unconnected and have tagged messages.
Result<std::vector<FabricInfo>> FindRails(const ProviderWish& wish);

// By which an endpoint of it is reached; empty where addresses are not IP's.
std::string NumericAddress(const fi_info& info);

// The kernel's name of the RDMA device behind a domain: "rdmap16s27" of "rdmap16s27-rdm"; nullopt where there is none.
std::optional<std::string> RdmaDeviceOf(const std::string& provider, const std::string& domain);

// "libfabric 1.17"
std::string FabricVersion();

}  // namespace everstep
