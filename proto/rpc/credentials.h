// The seam for mutual TLS: every server and every channel of Everstep gets its credentials here, and nowhere else. Today all is
// plain text, which is allowed on loopback, and elsewhere only when someone said so (`insecure`).
#pragma once

#include <grpcpp/security/credentials.h>
#include <grpcpp/security/server_credentials.h>

#include <memory>
#include <string>

#include "base/result.h"
#include "proto/rpc/address.h"

namespace everstep {

// kInvalid when `address` is not loopback and `insecure` is false; otherwise the warning to show, empty on loopback. `doing`:
// "listen on", "talk to".
Result<std::string> CheckPlainText(std::string_view doing, const HostPort& address, bool insecure);

std::shared_ptr<grpc::ServerCredentials> CredentialsToServe();
std::shared_ptr<grpc::ChannelCredentials> CredentialsToCall();

}  // namespace everstep
