// What this agent answers to anyone: pings, by its loop, logs, from its files, and what its monitor has told of its checks.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>

#include "agent/daemon/inputs.h"
#include "agent/rpc/log_reader.h"
#include "base/host_checks.h"
#include "everstep/v1/peer.grpc.pb.h"
#include "proto/rpc/registry.h"

namespace everstep {

// One call that waits for its answer. Deletes itself when gRPC is done with it.
class PeerCall;

struct PeerShared {
  PeerShared(std::string log_dir, std::function<HostChecks()> checks_now, std::function<void(AgentInput)> to_loop)
      : post(std::move(to_loop)), checks(std::move(checks_now)), logs(std::move(log_dir)) {}

  const std::function<void(AgentInput)> post;
  const std::function<HostChecks()> checks;
  Registry<PeerCall> calls{4096};
  LogReader logs;
};

class PeerLinkService final : public v1::PeerLink::CallbackService {
 public:
  // `checks`: see GrpcLinkOptions; none: this agent does not say.
  PeerLinkService(std::string log_dir, std::function<HostChecks()> checks, std::function<void(AgentInput)> post);

  // The loop's answer to PingReceived; nullopt: it was meant for another host.
  void Answer(std::uint64_t token, const std::optional<Pong>& pong);
  // Ends all calls and lets no more in.
  void Close();

 private:
  grpc::ServerUnaryReactor* Ping(grpc::CallbackServerContext*, const v1::Ping*, v1::Pong*) override;
  grpc::ServerUnaryReactor* ReadLog(grpc::CallbackServerContext*, const v1::ReadLog*, v1::LogRead*) override;
  grpc::ServerUnaryReactor* ReadChecks(grpc::CallbackServerContext*, const v1::ReadChecks*, v1::HostChecks*) override;

  const std::shared_ptr<PeerShared> shared_;
};

}  // namespace everstep
