#include "proto/rpc/channel.h"

#include <absl/synchronization/mutex.h>
#include <grpcpp/create_channel.h>

#include <cerrno>

#include "base/real/fd.h"
#include "base/text.h"
#include "proto/rpc/credentials.h"
#include "proto/rpc/socket_address.h"

namespace everstep {

namespace {

constexpr int kKeepaliveTimeMs = 10'000;
constexpr int kKeepaliveTimeoutMs = 5'000;
constexpr int kPingEveryMsMin = 5'000;  // what a server puts up with; below kKeepaliveTimeMs

int Milliseconds(Duration d) { return static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(d).count()); }

// What the kernel says to `listen`: gRPC would only say that it failed, and print its own story to stderr.
Status CheckFree(const HostPort& listen) {
  EVERSTEP_ASSIGN(const SocketAddress address, LookUp(listen, LookUpKind::any));
  const Fd fd(::socket(address.Family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(fd.get(), address.Get(), address.length) == 0) return {};
  const int why = errno;
  Error error = FailErrno(why, "listen on", listen.Str()).value();
  if (why == EADDRINUSE) {
    error.code = ErrorCode::kConflict;
    error.hint = "another program listens there: stop it or choose another port";
  }
  return Fail(std::move(error));
}

}  // namespace

std::shared_ptr<grpc::Channel> FreshChannel(const HostPort& to, Duration connect_within, std::size_t message_bytes) {
  grpc::ChannelArguments args;
  args.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  args.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);  // else the environment's http_proxy would be used
  args.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  args.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  args.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, Milliseconds(connect_within));  // how long one attempt may take
  args.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 200);
  args.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1'000);
  args.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveTimeMs);
  args.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  args.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  args.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  args.SetMaxReceiveMessageSize(static_cast<int>(message_bytes));
  args.SetMaxSendMessageSize(static_cast<int>(message_bytes));
  return grpc::CreateCustomChannel(to.Str(), CredentialsToCall(), args);
}

Result<Served> Serve(const HostPort& listen, const std::vector<grpc::Service*>& services) {
  // A gRPC that was built without NDEBUG, as Debian's is, draws a graph of all mutexes and who held what before what, under one
  // lock of the whole process: its cost grows with the number of connections.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  EVERSTEP_TRY(CheckFree(listen));
  Served served{.bound = listen};
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort(listen.Str(), CredentialsToServe(), &port);
  for (grpc::Service* service : services) builder.RegisterService(service);
  builder.SetMaxReceiveMessageSize(static_cast<int>(limit::kMessageBytes));
  builder.SetMaxSendMessageSize(-1);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);  // else a second launcher would get half of the connections
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveTimeMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, kPingEveryMsMin);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  served.server = builder.BuildAndStart();
  if (served.server == nullptr || port == 0) return Fail(ErrorCode::kIo, Cat("cannot listen on ", listen), "try again");
  served.bound.port = static_cast<std::uint16_t>(port);
  return served;
}

std::chrono::system_clock::time_point Within(Duration d) {
  return std::chrono::system_clock::now() + std::chrono::duration_cast<std::chrono::system_clock::duration>(d);
}

}  // namespace everstep
