// A plain TCP connection attempt, made only to learn what the host at the other end does with it. This tells a host whose agent
// is down (its kernel refuses) from one that is cut off or dead (nothing comes back), which an RPC library folds into one
// error.
#pragma once

#include <string>

#include "base/real/fd.h"
#include "base/result.h"
#include "base/time.h"
#include "proto/rpc/address.h"

namespace everstep {

//   accepted  a kernel took the connection (a stopped process may stand behind it)
//   refused   the host's kernel answered that nobody listens there
//   silent    no answer yet, or none is to be expected: no route, unreachable
enum class ConnectOutcome { accepted, refused, silent };

struct ConnectAnswer {
  ConnectOutcome outcome = ConnectOutcome::silent;
  std::string evidence{};  // "connection refused by 10.0.0.7:7470"
};

// One attempt that does not block: poll fd() for POLLOUT, then ask for the Answer.
class ConnectAttempt {
 public:
  // kInvalid: `to` is not numeric; kIo, kExhausted: no socket could be made, which says nothing about the other end.
  static Result<ConnectAttempt> Start(const HostPort& to);

  int fd() const { return fd_.get(); }
  // Before fd() became writable: silent. Ask again only after silent: the kernel tells an error once.
  ConnectAnswer Answer() const;

 private:
  ConnectAttempt(HostPort to, Fd fd, int error) : to_(std::move(to)), fd_(std::move(fd)), error_(error) {}
  HostPort to_;
  Fd fd_;
  int error_;  // EINPROGRESS: ask the socket
};

// The same, blocking for at most `deadline` (and for the resolver, if `to` is a name).
ConnectAnswer TryConnect(const HostPort& to, Duration deadline);

}  // namespace everstep
