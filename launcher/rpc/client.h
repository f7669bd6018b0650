// The CLI's way to a launcher: blocking calls that return what the launcher answered, or an error that a person can act on.
//
// Thread: one call at a time; Cancel() may come from any other thread (not from a signal handler: it takes a lock).
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/host_checks.h"
#include "base/result.h"
#include "base/time.h"
#include "launcher/core/api.h"
#include "launcher/rpc/logs.h"

namespace everstep {

struct ClientOptions {
  std::string address = "127.0.0.1:7450";  // host:port of the launcher
  bool insecure = false;                   // plain text to an address that is not loopback
  Duration deadline = 10s;                 // of Call; Stream and Logs have none
};

class ControlClient {
 public:
  // Checks the options only: the connection is made by the first call. kInvalid: the address is malformed, or not loopback
  // without `insecure`.
  static Result<std::unique_ptr<ControlClient>> Connect(const ClientOptions& options);
  ~ControlClient();
  ControlClient(const ControlClient&) = delete;
  ControlClient& operator=(const ControlClient&) = delete;

  // One request, one reply. GetJob::watch and ListEvents::follow are not looked at: see Stream. A ListEvents that needs several
  // replies is returned as one.
  //   kUnavailable  nobody serves there; the hint says what to do. SubmitJob may be repeated with the same request_id
  //   kTimeout      no answer within the deadline: whether the launcher acted is not known
  //   others        the launcher's own error, as it was made there
  Result<ApiReply> Call(const ApiRequest& request);

  // What the host's agent says of its checks now. Who is silent is no error: `untold` says so.
  Result<HostChecks> Checks(const NodeId& node);

  // GetJob and ListEvents as streams: `each` gets every reply until the launcher ended the stream (good), `each` returned false
  // (good), Cancel() (kConflict) or an error. A watcher that is slower than the changes is not told of states in between.
  Status Stream(const ApiRequest& request, const std::function<bool(ApiReply)>& each);

  // Ends as Stream does.
  Status Logs(const LogsRequest& request, const std::function<bool(LogChunk)>& each);

  // Ends the call that runs now, and all later ones at once.
  void Cancel();

 private:
  class Impl;
  explicit ControlClient(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace everstep
