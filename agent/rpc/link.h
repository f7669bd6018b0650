// The agent's gRPC: the stream to the launcher, questions to peers, and the server where peers, the launcher and readers of
// logs reach this agent. It turns messages into inputs for the loop, after checking them, and decides nothing.
//
// Thread: Start and Shutdown from one thread; the methods of LauncherLink from any, they never block; `post` is called from
// threads of gRPC's and the dialer's and must not block.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "agent/daemon/inputs.h"
#include "base/host_checks.h"
#include "base/result.h"
#include "base/seam/links.h"

namespace everstep {

struct GrpcLinkOptions {
  std::string launcher = "127.0.0.1:7450";
  std::string listen = "127.0.0.1:0";
  std::string advertise{};  // host:port told to the others; a name is resolved once, now; port 0: the one listened on
  std::string log_dir{};    // where keepers put what the ranks write: <log_dir>/<job>/<generation>/<rank>.out, .err
  std::function<HostChecks()> checks{};  // all that is known of this host's checks; from any thread, never blocks
  bool insecure = false;                 // plain text on addresses that are not loopback
};

struct GrpcLinkServing {
  std::string address{};      // for Hello::address: numeric, with the port it got
  std::string job_address{};  // for Hello::job_address: this host's IP address on the route to the launcher
  std::string warning{};      // to show at start; empty: none
};

class GrpcLink final : public LauncherLink {
 public:
  GrpcLink();
  // Shuts down.
  ~GrpcLink() override;

  // kInvalid: an address is malformed, or not loopback without `insecure`. kConflict: the address is in use. kNotFound: a name
  // cannot be resolved. When `listen` is every address (0.0.0.0) and nothing is advertised, the route to the launcher decides.
  Result<GrpcLinkServing> Start(const GrpcLinkOptions& options, std::function<void(AgentInput)> post);
  // Gives everything up and waits until nothing more is posted: below 3 s, whoever hangs on the other ends.
  void Shutdown();

  // LinkOpened once the launcher has taken the stream. LinkClosed is posted exactly once for each Open, also after Close.
  void Open() override;
  // A launcher that does not read is given up when 1,024 messages wait.
  void Send(FromAgent message) override;
  void Close() override;
  void Ask(const NodeId& node, const std::string& address, const Ping& ping, Duration deadline) override;
  void Answer(std::uint64_t token, std::optional<Pong> pong) override;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace everstep
