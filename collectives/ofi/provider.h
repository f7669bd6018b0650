// Which of the ways that libfabric offers is taken. The provider asked for, or an error that names what there is: never another
// one in silence (the classic failure of collective libraries is to fall back to sockets and be slow). Works with
// libfabric 1.17 to 2.x.
//
// libfabric's list begins with whatever interface it found first (a bridge's link-local address, on a test host): what counts
// is the interface by which the ranks have met, or the one that was named. With a list of equals the first is taken.
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
  std::string provider{};    // "efa", "verbs", "tcp", "shm", or a whole name, "tcp;ofi_rxm"; empty: the best there is
  std::string interface {};  // "eth0", or a domain, "rdmap16s27-rdm"; empty: the one that has `address`
  std::string address{};     // numeric, by which the others are reached; empty: not known
};

struct ProviderRow {
  std::string provider{};  // whole name
  std::string domain{};
  std::string address{};  // numeric; empty where addresses are not IP's
};

// The choice as a plain function of what libfabric lists: an index into `rows`.
Result<std::size_t> PickProvider(const std::vector<ProviderRow>& rows, const ProviderWish& wish);

// Asks libfabric and picks. The endpoint that comes of it is reliable, unconnected and has tagged messages.
Result<FabricInfo> FindProvider(const ProviderWish& wish);

// The kernel's name of the RDMA device behind a domain: "rdmap16s27" of "rdmap16s27-rdm"; nullopt where there is none.
std::optional<std::string> RdmaDeviceOf(const std::string& provider, const std::string& domain);

// "libfabric 1.17"
std::string FabricVersion();

}  // namespace everstep
