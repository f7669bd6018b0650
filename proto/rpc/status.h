// Errors on the wire: the code as the nearest status code, the message as the status message, the hint in trailing metadata.
// The metadata is always there, and so tells the other side's own words from those of the transport.
#pragma once

#include <grpcpp/client_context.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/status.h>

#include <optional>

#include "base/result.h"

namespace everstep {

// Call before the reactor's Finish, with its context.
grpc::Status ToStatus(const Error& error, grpc::CallbackServerContext& context);

// What the other side said itself; nullopt: the transport failed and `status` is gRPC's own.
std::optional<Error> SaidByServer(const grpc::Status& status, const grpc::ClientContext& context);

// A status in words, for a `why`: "the launcher closed the stream", "deadline exceeded: …".
std::string Words(const grpc::Status& status);

}  // namespace everstep
