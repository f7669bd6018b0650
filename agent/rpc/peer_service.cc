#include "agent/rpc/peer_service.h"

#include <algorithm>

#include "base/text.h"
#include "proto/convert.h"
#include "proto/rpc/status.h"

namespace everstep {

class PeerCall final : public grpc::ServerUnaryReactor {
 public:
  PeerCall(std::shared_ptr<PeerShared> shared, grpc::CallbackServerContext* context, google::protobuf::Message* reply)
      : shared_(std::move(shared)), context_(context), reply_(reply), token_(shared_->calls.Add(this)) {
    if (!token_) End(Fail(ErrorCode::kUnavailable, "this agent has as many open calls as it can hold, or is going down"));
  }

  const std::optional<std::uint64_t>& token() const { return token_; }

  template <class Reply>
  void End(const Result<Reply>& reply) {
    const std::lock_guard lock(mutex_);
    if (std::exchange(ended_, true)) return;
    if (!reply) return Finish(ToStatus(reply.error(), *context_));
    static_cast<void>(ToProto(*reply, *reply_));  // what is not UTF-8 in a note is for people
    Finish(grpc::Status::OK);
  }
  void End(const tl::unexpected<Error>& error) { End(Result<Pong>(error)); }

 private:
  void OnCancel() override { End(Fail(ErrorCode::kUnavailable, "cancelled by the caller")); }
  void OnDone() override {
    if (token_) shared_->calls.Remove(*token_);
    delete this;
  }

  const std::shared_ptr<PeerShared> shared_;
  grpc::CallbackServerContext* const context_;
  google::protobuf::Message* const reply_;
  std::mutex mutex_;
  bool ended_ = false;
  const std::optional<std::uint64_t> token_;  // last: others may find the call from here on
};

PeerLinkService::PeerLinkService(std::string log_dir, std::function<HostChecks()> checks, std::function<void(AgentInput)> post)
    : shared_(std::make_shared<PeerShared>(std::move(log_dir), std::move(checks), std::move(post))) {}

grpc::ServerUnaryReactor* PeerLinkService::Ping(grpc::CallbackServerContext* context, const v1::Ping* message,
                                                v1::Pong* reply) {
  auto* call = new PeerCall(shared_, context, reply);
  if (!call->token()) return call;
  Result<everstep::Ping> ping = FromProto<everstep::Ping>(*message);
  if (!ping)
    call->End(Fail(ping.error()));
  else if (!ValidName(ping->to.value))
    call->End(Fail(ErrorCode::kInvalid, Cat("to: found \"", Clip(Printable(ping->to.value), 80), "\", legal: a node's name")));
  else
    shared_->post(PingReceived{*call->token(), *std::move(ping)});
  return call;
}

grpc::ServerUnaryReactor* PeerLinkService::ReadLog(grpc::CallbackServerContext* context, const v1::ReadLog* message,
                                                   v1::LogRead* reply) {
  auto* call = new PeerCall(shared_, context, reply);
  if (!call->token()) return call;
  Result<everstep::ReadLog> query = FromProto<everstep::ReadLog>(*message);
  if (!query) return call->End(Fail(query.error())), call;
  shared_->logs.Read(*std::move(query), [shared = shared_.get(), token = *call->token()](const Result<LogRead>& read) {
    shared->calls.With(token, [&](PeerCall& waiting) { waiting.End(read); });
  });
  return call;
}

grpc::ServerUnaryReactor* PeerLinkService::ReadChecks(grpc::CallbackServerContext* context, const v1::ReadChecks* message,
                                                      v1::HostChecks* reply) {
  auto* call = new PeerCall(shared_, context, reply);
  if (!call->token()) return call;
  const Result<everstep::ReadChecks> query = FromProto<everstep::ReadChecks>(*message);
  if (!query) return call->End(Fail(query.error())), call;
  HostChecks checks = shared_->checks ? shared_->checks() : HostChecks{.untold = "this agent does not say"};
  KeepWithin(checks, std::min<std::size_t>(query->bytes_max, limit::kChecksBytes));
  call->End(Result<HostChecks>(std::move(checks)));
  return call;
}

void PeerLinkService::Answer(std::uint64_t token, const std::optional<Pong>& pong) {
  shared_->calls.With(token, [&](PeerCall& call) {
    if (pong)
      call.End(Result<Pong>(*pong));
    else
      call.End(Fail(ErrorCode::kConflict, "another host answers at this address"));
  });
}

void PeerLinkService::Close() {
  shared_->calls.Close([](PeerCall& call) { call.End(Fail(ErrorCode::kUnavailable, "this agent is going down")); });
}

}  // namespace everstep
