// What EC2's instance metadata service calls this instance: "p5.48xlarge". Version 2 of it: a token by PUT, then the type by
// GET, over HTTP/1.1 to a link-local address. A profile is chosen by it first, then by DMI.
//
// Blocks for `patience` at most, whatever the other end does; any thread. Each failure says who was asked and what came.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "health/probe/root.h"

namespace everstep::health {

inline constexpr std::string_view kMetadataAddress = "169.254.169.254:80";

// "169.254.169.254:80": IPv4 and port, as no name is looked up.
Status CheckMetadataAddress(const std::string& address);

// kInvalid: the address, or an answer that is none; kUnavailable: a refusal, or another status than 200; kTimeout: no whole
// answer within `patience`, tokens and all.
Result<std::string> InstanceType(const std::string& address, Duration patience = 1s);

// Whether DMI says that this host is EC2's: on others nobody is asked unless a flag wants it.
bool IsEc2(const Root& root);

// The body of an answer with status 200, or what came instead. nullopt: there is more to come. `ended`: there is not.
Result<std::optional<std::string>> HttpBody(std::string_view answer, bool ended);

}  // namespace everstep::health
