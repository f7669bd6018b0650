// Addresses as people write them and as the wire carries them: "10.0.0.7:7450", "[fd00::7]:7450", "n7.example:7450".
//
// What agents tell each other is numeric, so that the answer to "does it live?" never depends on a name server.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace everstep {

struct HostPort {
  std::string host{};  // a name or an IP address; IPv6 without brackets
  std::uint16_t port = 0;

  std::string Str() const;  // with brackets where needed
  friend bool operator==(const HostPort&, const HostPort&) = default;
};

// `key` is what the address is called where it comes from, for the error: "listen", "hello.address".
Result<HostPort> ParseHostPort(std::string_view key, std::string_view text);

bool IsNumeric(const HostPort& address);     // an IP address, not a name
bool IsLoopback(const HostPort& address);    // 127.0.0.0/8, ::1 or "localhost"
bool IsAnyAddress(const HostPort& address);  // 0.0.0.0 or ::, where one may listen but not be reached

// The same address, numeric. Blocks for as long as the resolver does.
Result<HostPort> Resolve(const HostPort& address);

// The IP address that this host uses towards `other` (which need not answer): what others can reach this host by, if anything.
Result<std::string> LocalAddressTowards(const HostPort& other);

}  // namespace everstep
