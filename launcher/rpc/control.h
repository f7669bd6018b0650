// People's calls, on the launcher's side: one rpc per verb, all of the same kind. A call becomes an ApiCall with a token; what
// the loop replies to that token goes back. Logs are the exception: logs_call.h.
#pragma once

#include <memory>

#include "everstep/v1/control.grpc.pb.h"
#include "launcher/rpc/shared.h"

namespace everstep {

class ControlService final : public v1::Control::CallbackService {
 public:
  explicit ControlService(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}

  using Context = grpc::CallbackServerContext*;
  using Unary = grpc::ServerUnaryReactor*;
  Unary Submit(Context, const v1::SubmitJob*, v1::Submitted*) override;
  Unary Cancel(Context, const v1::CancelJob*, v1::Accepted*) override;
  Unary GetJob(Context, const v1::GetJob*, v1::JobReply*) override;
  grpc::ServerWriteReactor<v1::JobReply>* WatchJob(Context, const v1::GetJob*) override;
  Unary ListJobs(Context, const v1::ListJobs*, v1::JobsReply*) override;
  Unary Explain(Context, const v1::ExplainJob*, v1::Explanation*) override;
  Unary ListNodes(Context, const v1::ListNodes*, v1::NodesReply*) override;
  Unary GetNode(Context, const v1::GetNode*, v1::NodesReply*) override;
  Unary ConfirmDead(Context, const v1::ConfirmDead*, v1::Accepted*) override;
  Unary Drain(Context, const v1::DrainNode*, v1::Accepted*) override;
  Unary Undrain(Context, const v1::UndrainNode*, v1::Accepted*) override;
  Unary Clear(Context, const v1::ClearNode*, v1::Accepted*) override;
  Unary InjectFault(Context, const v1::InjectFault*, v1::Accepted*) override;
  Unary KillLauncher(Context, const v1::KillLauncher*, v1::Accepted*) override;
  Unary ListIncidents(Context, const v1::ListIncidents*, v1::IncidentsReply*) override;
  grpc::ServerWriteReactor<v1::EventsReply>* ListEvents(Context, const v1::ListEvents*) override;
  Unary Info(Context, const v1::GetInfo*, v1::InfoReply*) override;
  Unary NodeChecks(Context, const v1::NodeChecks*, v1::HostChecks*) override;
  grpc::ServerWriteReactor<v1::LogChunk>* Logs(Context, const v1::LogsRequest*) override;

 private:
  const std::shared_ptr<Shared> shared_;
};

}  // namespace everstep
