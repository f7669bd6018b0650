// The stream to the launcher, on the agent's side: from Open to LinkClosed.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "agent/daemon/inputs.h"
#include "everstep/v1/agent.grpc.pb.h"
#include "proto/rpc/address.h"
#include "proto/rpc/outbox.h"

namespace everstep {

// Keeps itself until gRPC is done with it. Posts LinkOpened when the launcher has taken it, LinkMessage for each message and
// LinkClosed as the last, then calls `gone`.
class LauncherStream final : public grpc::ClientBidiReactor<v1::FromAgent, v1::ToAgent> {
 public:
  // `channel`: of the caller's; none: one with a connection of its own.
  static std::shared_ptr<LauncherStream> Open(const HostPort& launcher, std::function<void(AgentInput)> post,
                                              std::function<void()> gone, std::shared_ptr<grpc::Channel> channel = {});
  LauncherStream(const HostPort& launcher, std::function<void(AgentInput)> post, std::function<void()> gone,
                 std::shared_ptr<grpc::Channel> channel);

  // Both: any thread, without effect once it is over.
  void Send(v1::FromAgent message);
  void Close();

 private:
  void OnReadInitialMetadataDone(bool ok) override;
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

  void GiveUp(std::string why);  // REQUIRES: mutex_ held

  const HostPort launcher_;
  const std::function<void(AgentInput)> post_;
  const std::function<void()> gone_;
  std::shared_ptr<LauncherStream> self_;  // until OnDone
  const std::shared_ptr<grpc::Channel> channel_;
  const std::unique_ptr<v1::AgentLink::Stub> stub_;
  grpc::ClientContext context_;
  v1::ToAgent in_;

  std::mutex mutex_;  // of all below
  Outbox<v1::FromAgent> out_;
  bool open_ = false;  // messages can be sent: opened, and not over
  std::string why_;    // we gave it up; empty: the other side did
};

}  // namespace everstep
