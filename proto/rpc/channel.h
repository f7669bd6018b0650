// How connections are made and kept, the same on both ends. Keepalive settings have to fit each other: gRPC's own defaults
// never notice a dead client, and answer a client's pings with GOAWAY. They only tell that a connection is dead; whether a host
// lives is judged by beats.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <memory>

#include "base/messages.h"
#include "base/result.h"
#include "base/time.h"
#include "proto/rpc/address.h"

namespace everstep {

inline constexpr std::size_t kReplyBytes = 64u << 20;  // what a client takes from its launcher: lists grow with the cluster

// A channel with a connection of its own (equal channels would share one), no proxy, no retries below the call. The connection
// is made by the first call and given up after `connect_within`. Drop the last one outside of gRPC's callbacks, or while a
// server stands (grpc#37198).
std::shared_ptr<grpc::Channel> FreshChannel(const HostPort& to, Duration connect_within,
                                            std::size_t message_bytes = limit::kMessageBytes);

// Builds and starts a server with `services` on `listen` alone. `bound`: with the port it got. kConflict: the address is in
// use.
struct Served {
  std::unique_ptr<grpc::Server> server{};
  HostPort bound{};
};
Result<Served> Serve(const HostPort& listen, const std::vector<grpc::Service*>& services);

// Now + d, as gRPC's deadlines are.
std::chrono::system_clock::time_point Within(Duration d);

}  // namespace everstep
