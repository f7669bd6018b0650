// The launcher's gRPC server: agents' sessions, people's calls, and the relay of logs. It turns messages into inputs for the
// loop, after checking them, and carries the loop's answers back; it decides nothing.
//
// Thread: Start and Shutdown from one thread; Send, Close, Dial and Reply from any, they never block; `post` is called from
// threads of gRPC's and the dialer's and must not block.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/seam/links.h"
#include "launcher/core/world.h"
#include "launcher/daemon/inputs.h"

namespace everstep {

struct LauncherServerOptions {
  std::string listen = "127.0.0.1:7450";
  bool insecure = false;       // plain text on an address that is not loopback
  std::string address_file{};  // where the address is written once it serves; empty: nowhere
  std::size_t sessions_max = 20'000;
  Duration hello_within = 10s;               // of a stream's start: beyond, it is closed
  std::size_t calls_max = 4'096;             // of people, streams too
  std::size_t unread_messages_max = 1'024;   // of one session or stream: beyond, it is closed
  std::size_t unread_bytes_max = 64u << 20;  // of the same
};

struct LauncherServing {
  std::string address{};  // with the port it got
  std::string warning{};  // to show at start; empty: none
};

class LauncherServer final : public AgentLinks, public ApiReplies {
 public:
  LauncherServer();
  // Shuts down.
  ~LauncherServer() override;

  // kInvalid: `listen` is malformed, or not loopback without `insecure`. kConflict: the address is in use.
  Result<LauncherServing> Start(const LauncherServerOptions& options, std::function<void(LauncherInput)> post);
  // Ends all streams and calls ("the launcher is going down"), waits until nothing more is posted: below 3 s, whoever hangs on
  // the other ends.
  void Shutdown();

  void Send(SessionId session, ToAgent message) override;
  void SendWelcome(SessionId session, const std::shared_ptr<const Welcome>& welcome) override;
  void Close(SessionId session) override;
  void Dial(const NodeId& node, const std::string& address, const Ping& ping, Duration deadline) override;
  void Reply(std::uint64_t token, Result<ApiReply> reply, bool last) override;

  // The ends of stderr that were read from a host while it could be (log_tails.h). Any thread; empty before Start.
  std::vector<RankWords> LastWords(const NodeId& node, const GangKey& gang) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace everstep
