// One person's question for all checks of a host: the loop says where the host's agent is, the agent says the rest, on a
// connection of its own, within kChecksWithin. The launcher keeps nothing of it, and its loop sees none of it. Whoever does not
// answer costs the person that time, and is told in one sentence (HostChecks::untold): no error but for hosts that are not
// known.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "everstep/v1/control.grpc.pb.h"
#include "everstep/v1/peer.grpc.pb.h"
#include "launcher/rpc/shared.h"

namespace everstep {

inline constexpr Duration kChecksWithin = 2s;

// Lives until gRPC is done with it and with the question under way.
class ChecksCall final : public grpc::ServerUnaryReactor, public Caller, public std::enable_shared_from_this<ChecksCall> {
 public:
  static ChecksCall* Begin(std::shared_ptr<Shared> shared, grpc::CallbackServerContext* context, const v1::NodeChecks& request,
                           v1::HostChecks* reply);
  ChecksCall(std::shared_ptr<Shared> shared, grpc::CallbackServerContext* context, v1::HostChecks* reply);
  ~ChecksCall() override;

  void Deliver(Result<ApiReply> reply, bool last) override;

 private:
  struct Question;  // the rpc under way

  // All below: REQUIRES mutex_ held.
  Status Ask(const NodeView& node);
  void Take(const grpc::Status& status, const v1::HostChecks& answer);
  void Untold(std::string why);
  void End(const grpc::Status& status);

  void OnCancel() override;
  void OnDone() override;

  const std::shared_ptr<Shared> shared_;
  grpc::CallbackServerContext* const context_;
  v1::HostChecks* const reply_;
  std::shared_ptr<ChecksCall> self_;  // until OnDone
  std::optional<std::uint64_t> token_{};

  std::mutex mutex_;  // of all below
  NodeView node_{};
  std::vector<HostCheck> known_{};  // of the host, to the launcher
  std::shared_ptr<Question> question_{};
  bool ended_ = false;
};

}  // namespace everstep
