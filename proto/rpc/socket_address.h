// The kernel's form of an address.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <optional>
#include <string>

#include "base/result.h"
#include "proto/rpc/address.h"

namespace everstep {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = sizeof(sockaddr_storage);

  int Family() const { return storage.ss_family; }
  sockaddr* Get() { return reinterpret_cast<sockaddr*>(&storage); }
  const sockaddr* Get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  const sockaddr_in* Ipv4() const { return Family() == AF_INET ? reinterpret_cast<const sockaddr_in*>(&storage) : nullptr; }
  const sockaddr_in6* Ipv6() const { return Family() == AF_INET6 ? reinterpret_cast<const sockaddr_in6*>(&storage) : nullptr; }
  std::string Host() const;  // the IP address, as text
};

enum class LookUpKind { numeric, any };
// The first address of a host. `any` blocks for as long as the resolver does.
Result<SocketAddress> LookUp(const HostPort& address, LookUpKind kind);

inline std::optional<SocketAddress> NumericAddress(const HostPort& address) {
  Result<SocketAddress> found = LookUp(address, LookUpKind::numeric);
  return found ? std::optional(*std::move(found)) : std::nullopt;
}

}  // namespace everstep
