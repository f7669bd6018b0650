#include "launcher/rpc/checks_call.h"

#include <algorithm>

#include "base/host_checks.h"
#include "base/text.h"
#include "proto/convert.h"
#include "proto/rpc/address.h"
#include "proto/rpc/channel.h"
#include "proto/rpc/credentials.h"
#include "proto/rpc/status.h"

namespace everstep {

struct ChecksCall::Question {
  std::shared_ptr<ChecksCall> owner{};  // first, so that it goes last: it must outlive the channel in `context`
  std::shared_ptr<grpc::Channel> channel{};
  std::unique_ptr<v1::PeerLink::Stub> stub{};
  grpc::ClientContext context{};
  v1::ReadChecks request{};
  v1::HostChecks answer{};
};

ChecksCall* ChecksCall::Begin(std::shared_ptr<Shared> shared, grpc::CallbackServerContext* context,
                              const v1::NodeChecks& request, v1::HostChecks* reply) {
  auto call = std::make_shared<ChecksCall>(std::move(shared), context, reply);
  call->self_ = call;
  const bool named = ValidName(request.node());
  call->token_ = named ? call->shared_->callers.Add(call.get()) : std::nullopt;
  if (call->token_) {
    call->shared_->post(ApiCall{*call->token_, GetNode{.node = NodeId(request.node())}});
    return call.get();
  }
  const std::lock_guard lock(call->mutex_);
  const Error refused = named ? Error{ErrorCode::kUnavailable,
                                      "the launcher has as many open calls as it can hold, or is going down", "try again later"}
                              : Error{ErrorCode::kInvalid,
                                      Cat("node: found \"", Clip(Printable(request.node()), 80), "\", legal: a node's name"),
                                      {}};
  call->End(ToStatus(refused, *context));
  return call.get();
}

ChecksCall::ChecksCall(std::shared_ptr<Shared> shared, grpc::CallbackServerContext* context, v1::HostChecks* reply)
    : shared_(std::move(shared)), context_(context), reply_(reply) {}

ChecksCall::~ChecksCall() {
  if (token_) shared_->callers.Remove(*token_);
}

void ChecksCall::Deliver(Result<ApiReply> reply, bool) {
  const std::lock_guard lock(mutex_);
  if (ended_) return;
  if (!reply) return End(ToStatus(reply.error(), *context_));
  const auto* nodes = std::get_if<NodesReply>(&*reply);
  if (nodes == nullptr || nodes->nodes.empty()) return Untold("the launcher does not know it");
  known_ = nodes->checks;
  if (const Status asked = Ask(nodes->nodes.front()); !asked) Untold(asked.error().message);
}

Status ChecksCall::Ask(const NodeView& node) {
  node_ = node;
  if (node.phase == NodePhase::lost || node.phase == NodePhase::away || node.address.empty())
    return Fail(ErrorCode::kUnavailable, Cat("nobody can be asked: ", node.node, " is ", Name(node.phase)));
  EVERSTEP_ASSIGN(const HostPort address, ParseHostPort("address", node.address));
  EVERSTEP_TRY(CheckPlainText("talk to", address, shared_->insecure));
  question_ = std::make_shared<Question>();
  question_->owner = shared_from_this();
  question_->channel = FreshChannel(address, 2 * kChecksWithin);  // who does not answer is silent, whatever it is that fails
  question_->stub = v1::PeerLink::NewStub(question_->channel);
  question_->context.set_deadline(Within(kChecksWithin));
  question_->request.set_bytes_max(static_cast<std::uint32_t>(limit::kChecksBytes));
  Question* const raw = question_.get();
  raw->stub->async()->ReadChecks(&raw->context, &raw->request, &raw->answer,
                                 [question = question_](const grpc::Status& status) {
                                   const std::lock_guard lock(question->owner->mutex_);
                                   question->owner->Take(status, question->answer);
                                   question->owner->question_.reset();
                                 });
  return {};
}

void ChecksCall::Take(const grpc::Status& status, const v1::HostChecks& answer) {
  if (ended_) return;
  const std::string& name = node_.node.value;
  if (status.error_code() == grpc::UNIMPLEMENTED)
    return Untold(
        Cat("its agent, version ", node_.version.empty() ? "unknown" : node_.version, ", does not know the question"));
  if (status.error_code() == grpc::DEADLINE_EXCEEDED)
    return Untold(Cat(name, " did not answer within ", everstep::Show(kChecksWithin)));
  if (!status.ok()) return Untold(Cat(name, " did not answer: ", Words(status)));
  if (answer.node() != name) return Untold(Cat("at its address ", node_.address, " another host answers: ", answer.node()));
  auto checks = FromProto<HostChecks>(answer);
  if (!checks) return Untold(Cat(name, " says what is no list of checks: ", checks.error().message));
  Merge(*checks, known_);
  KeepWithin(*checks, limit::kChecksBytes);
  static_cast<void>(ToProto(*checks, *reply_));  // what is not UTF-8 is for people
  End(grpc::Status::OK);
}

void ChecksCall::Untold(std::string why) {
  HostChecks checks{.node = node_.node, .untold = std::move(why)};
  std::erase_if(known_, [](const HostCheck& check) { return check.state == CheckState::unknown; });
  Merge(checks, known_);
  reply_->Clear();
  static_cast<void>(ToProto(checks, *reply_));
  End(grpc::Status::OK);
}

void ChecksCall::End(const grpc::Status& status) {
  if (std::exchange(ended_, true)) return;
  Finish(status);
}

void ChecksCall::OnCancel() {
  const std::lock_guard lock(mutex_);
  if (question_) question_->context.TryCancel();
  End(grpc::Status::CANCELLED);
}

// What is under way, and holds this, ends within its deadline.
void ChecksCall::OnDone() {
  const std::shared_ptr<ChecksCall> self = std::move(self_);
  const std::lock_guard lock(mutex_);
  if (question_) question_->context.TryCancel();
}

}  // namespace everstep
