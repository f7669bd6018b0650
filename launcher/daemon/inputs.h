// All that can happen to a launcher, as values. RPC handlers, the store thread and timers only make these and post them; the
// one loop thread handles them in order (loop.h).
#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/seam/links.h"
#include "base/seam/store.h"
#include "launcher/core/api.h"

namespace everstep {

// A person asks. The token is the rim's; every call gets replies with it until one is the last.
struct ApiCall {
  std::uint64_t token = 0;
  ApiRequest request{};
};
// Who asked has gone: no more replies.
struct ApiGone {
  std::uint64_t token = 0;
};
// The store thread has made everything up to `index` durable.
struct Durable {
  LogIndex index{};
  bool nearly_full = false;  // the store's disk: new jobs are to be refused
};
// The store thread could not: what is decided from now on would not be remembered. The process ends.
struct StoreFailed {
  Error error{};
};
// A hook for this boot of the host has ended, or was given up at its deadline.
struct HookDone {
  NodeId node{};
  BootId boot{};
  std::optional<HealthAction> remedy{};  // nullopt: the fence hook
  bool off = false;                      // exit code 0: it is off, or has had its remedy
  std::string why{};
};
// Rows for a ListEvents call that the store thread read.
struct HistoryRead {
  std::uint64_t token = 0;
  Result<std::vector<HistoryRow>> rows{};
};

using LauncherInput = std::variant<SessionOpened, SessionMessage, SessionClosed, DialAnswer, ApiCall, ApiGone, Durable,
                                   StoreFailed, HistoryRead, HookDone>;

// The way back to the people. Never blocks; a reply to a token that has gone is dropped.
class ApiReplies {
 public:
  virtual ~ApiReplies() = default;
  virtual void Reply(std::uint64_t token, Result<ApiReply> reply, bool last) = 0;
};

}  // namespace everstep
