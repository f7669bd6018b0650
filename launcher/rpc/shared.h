// What the server's reactors share. They hold it by shared_ptr, as gRPC decides when the last of them goes.
#pragma once

#include <cstdint>
#include <functional>

#include "base/result.h"
#include "launcher/daemon/inputs.h"
#include "launcher/rpc/log_tails.h"
#include "launcher/rpc/server.h"
#include "proto/rpc/outbox.h"
#include "proto/rpc/registry.h"

namespace everstep {

class AgentSession;

// Someone who waits for replies of the loop. Deliver is called under the registry's lock: it must not block.
class Caller {
 public:
  virtual void Deliver(Result<ApiReply> reply, bool last) = 0;

 protected:
  ~Caller() = default;
};

struct Shared {
  Shared(const LauncherServerOptions& options, std::function<void(LauncherInput)> to_loop)
      : post(std::move(to_loop)),
        insecure(options.insecure),
        hello_within(options.hello_within),
        outbox{options.unread_messages_max, options.unread_bytes_max},
        sessions(options.sessions_max),
        callers(options.calls_max),
        tails(options.insecure) {}

  const std::function<void(LauncherInput)> post;
  const bool insecure;
  const Duration hello_within;
  const OutboxLimits outbox;
  Registry<AgentSession> sessions;
  Registry<Caller> callers;
  LogTails tails;
};

}  // namespace everstep
