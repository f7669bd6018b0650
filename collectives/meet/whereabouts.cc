#include "collectives/meet/whereabouts.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>

#include "base/text.h"

namespace everstep {
namespace {

struct FreeInterfaces {
  void operator()(ifaddrs* list) const { ::freeifaddrs(list); }
};

struct Address {
  std::string text{};
  std::array<unsigned char, 16> bytes{};
  std::size_t size = 4;
  std::size_t bits = 0;  // of its network
};

std::optional<Address> Parsed(const std::string& text) {
  const std::size_t slash = text.find('/');
  const auto bits = slash == std::string::npos ? std::nullopt : ParseUnsigned(std::string_view(text).substr(slash + 1));
  Address address{.text = text.substr(0, slash)};
  const bool six = address.text.find(':') != std::string::npos;
  if (six) address.size = 16;
  if (::inet_pton(six ? AF_INET6 : AF_INET, address.text.c_str(), address.bytes.data()) != 1) return std::nullopt;
  if (!bits || *bits > 8 * address.size) return std::nullopt;
  address.bits = *bits;
  return address;
}

bool SameNetwork(const Address& a, const Address& b) {
  if (a.size != b.size || a.bits != b.bits) return false;
  const auto bit = [](const Address& address, std::size_t at) { return address.bytes[at / 8] >> (7 - at % 8) & 1; };
  for (std::size_t at = 0; at < a.bits; ++at)
    if (bit(a, at) != bit(b, at)) return false;
  return true;
}

// "10.0.0.7/24"; empty: no address that others could reach.
std::string TextOf(const ifaddrs& one) {
  if (one.ifa_addr == nullptr || one.ifa_netmask == nullptr || !(one.ifa_flags & IFF_UP) || (one.ifa_flags & IFF_LOOPBACK))
    return "";
  const bool six = one.ifa_addr->sa_family == AF_INET6;
  if (!six && one.ifa_addr->sa_family != AF_INET) return "";
  const auto bytes_of = [six](const sockaddr* address) {
    return six ? reinterpret_cast<const unsigned char*>(&reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr)
               : reinterpret_cast<const unsigned char*>(&reinterpret_cast<const sockaddr_in*>(address)->sin_addr);
  };
  if (six && IN6_IS_ADDR_LINKLOCAL(reinterpret_cast<const in6_addr*>(bytes_of(one.ifa_addr)))) return "";
  int bits = 0;
  for (std::size_t i = 0; i < (six ? 16u : 4u); ++i) bits += __builtin_popcount(bytes_of(one.ifa_netmask)[i]);
  char text[INET6_ADDRSTRLEN] = {};
  ::inet_ntop(one.ifa_addr->sa_family, bytes_of(one.ifa_addr), text, sizeof text);
  return Cat(text, '/', bits);
}

}  // namespace

std::vector<std::string> OwnAddresses() {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return {};
  const std::unique_ptr<ifaddrs, FreeInterfaces> owned(list);
  std::vector<std::string> addresses;
  for (const ifaddrs* one = list; one != nullptr; one = one->ifa_next)
    if (const std::string text = TextOf(*one); !text.empty()) addresses.push_back(text);
  return addresses;
}

std::string WayTo(const std::vector<std::string>& theirs, const std::vector<std::string>& own) {
  bool differs = false;  // they have an address that this host has not
  for (std::size_t i = 1; i < theirs.size(); ++i) {
    if (std::find(own.begin(), own.end(), theirs[i]) != own.end()) continue;
    differs = true;
    const auto there = Parsed(theirs[i]);
    for (const std::string& text : own)
      if (const auto here = Parsed(text); there && here && SameNetwork(*there, *here)) return there->text;
  }
  return theirs.size() > 1 && !differs ? "127.0.0.1" : theirs[0];
}

}  // namespace everstep
