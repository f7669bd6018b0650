#include "proto/rpc/address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <sys/socket.h>

#include <cerrno>

#include "base/real/fd.h"
#include "base/text.h"
#include "proto/rpc/socket_address.h"

namespace everstep {

std::string HostPort::Str() const {
  return host.find(':') == std::string::npos ? Cat(host, ':', port) : Cat('[', host, "]:", port);
}

Result<HostPort> ParseHostPort(std::string_view key, std::string_view text) {
  const auto bad = [&] {
    return Fail(ErrorCode::kInvalid, Cat(key, ": found \"", Clip(Printable(text), 120), "\", legal: HOST:PORT, [IPV6]:PORT"));
  };
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || text.size() > 300) return bad();
  std::string_view host = text.substr(0, colon);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  const bool has_colon = host.find(':') != std::string_view::npos;
  const auto port = ParseUnsigned(text.substr(colon + 1));
  if (host.empty() || has_colon != bracketed || !port || *port > 65535) return bad();
  for (const char c : host)
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '-' || c == '_' ||
          c == ':' || c == '%'))
      return bad();
  return HostPort{std::string(host), static_cast<std::uint16_t>(*port)};
}

bool IsNumeric(const HostPort& address) { return NumericAddress(address).has_value(); }

bool IsLoopback(const HostPort& address) {
  if (address.host == "localhost") return true;
  const auto numeric = NumericAddress(address);
  if (!numeric) return false;
  if (const auto* v4 = numeric->Ipv4()) return (ntohl(v4->sin_addr.s_addr) >> 24) == 127;
  const auto* v6 = numeric->Ipv6();
  return v6 != nullptr && IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

bool IsAnyAddress(const HostPort& address) {
  const auto numeric = NumericAddress(address);
  if (!numeric) return false;
  if (const auto* v4 = numeric->Ipv4()) return v4->sin_addr.s_addr == htonl(INADDR_ANY);
  const auto* v6 = numeric->Ipv6();
  return v6 != nullptr && IN6_IS_ADDR_UNSPECIFIED(&v6->sin6_addr);
}

Result<HostPort> Resolve(const HostPort& address) {
  EVERSTEP_ASSIGN(const SocketAddress found, LookUp(address, LookUpKind::any));
  return HostPort{found.Host(), address.port};
}

Result<std::string> LocalAddressTowards(const HostPort& other) {
  EVERSTEP_ASSIGN(const SocketAddress there, LookUp(other, LookUpKind::any));
  // connect() on a datagram socket sends nothing: it asks the routing table.
  const Fd socket(::socket(there.Family(), SOCK_DGRAM | SOCK_CLOEXEC, 0));
  SocketAddress here;
  if (!socket.open() || ::connect(socket.get(), there.Get(), there.length) != 0 ||
      ::getsockname(socket.get(), here.Get(), &here.length) != 0)
    return FailErrno(errno, "find the local address towards", other.Str());
  return here.Host();
}

}  // namespace everstep
