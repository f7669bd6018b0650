#include "launcher/rpc/control.h"

#include <mutex>

#include "base/text.h"
#include "base/version.h"
#include "launcher/rpc/api_checks.h"
#include "launcher/rpc/checks_call.h"
#include "launcher/rpc/logs_call.h"
#include "proto/convert.h"
#include "proto/rpc/status.h"

namespace everstep {

namespace {

Error TooMany() {
  return {ErrorCode::kUnavailable, "the launcher has as many open calls as it can hold, or is going down", "try again later"};
}

// What an older launcher does not know of must not be left out in silence: a job without it is another job.
template <class Request, class Message>
Result<Request> Read(const Message& message) {
  if (const auto unknown = UnknownField(message))
    return Fail(ErrorCode::kInvalid,
                Cat(*unknown, " of the request is not known to this launcher, which is version ", Version()),
                "use the `everstep` of the launcher's version, or upgrade the launcher");
  return FromProto<Request>(message);
}

// The part of a call that does not depend on what is called: its token, and that it ends once.
class Asking : public Caller {
 public:
  Asking(std::shared_ptr<Shared> shared, grpc::CallbackServerContext* context)
      : shared_(std::move(shared)), context_(context) {}

  // Posts the request, or ends the call with what is wrong.
  template <class Request>
  void Begin(Result<Request> request) {
    const Status said = request ? Validate(ApiRequest(*request)) : Fail(request.error());
    if (!said) return End(ToStatus(said.error(), *context_));
    token_ = shared_->callers.Add(this);
    if (!token_) return End(ToStatus(TooMany(), *context_));
    shared_->post(ApiCall{*token_, ApiRequest(*std::move(request))});
  }

 protected:
  virtual ~Asking() = default;
  virtual void FinishWith(const grpc::Status& status) = 0;

  void End(const grpc::Status& status) {
    const std::lock_guard lock(mutex_);
    EndLocked(status);
  }
  void EndLocked(const grpc::Status& status) {
    if (std::exchange(ended_, true)) return;
    FinishWith(status);
  }
  // Ends it before the loop's last reply.
  void Abandon(const grpc::Status& status) {
    if (ended_) return;
    if (token_) shared_->post(ApiGone{*token_});
    EndLocked(status);
  }
  void Gone() {
    const std::lock_guard lock(mutex_);
    Abandon(grpc::Status::CANCELLED);
  }
  void Done() {
    if (token_) shared_->callers.Remove(*token_);
    delete this;
  }
  grpc::Status Refusal(const Error& error) { return ToStatus(error, *context_); }

  // Puts a reply of the expected kind into its message.
  template <class Reply>
  grpc::Status Fill(const ApiReply& reply, google::protobuf::Message& message) {
    const auto* expected = std::get_if<Reply>(&reply);
    if (expected == nullptr)
      return Refusal({ErrorCode::kIo, Cat("the launcher replied with another kind of reply than ", Reply::kName), {}});
    // Text that is not UTF-8 is only for display here, and displayed with '?'.
    static_cast<void>(ToProto(*expected, message));
    return grpc::Status::OK;
  }

  const std::shared_ptr<Shared> shared_;
  grpc::CallbackServerContext* const context_;
  std::mutex mutex_;
  bool ended_ = false;

 private:
  std::optional<std::uint64_t> token_;
};

template <class Reply>
class UnaryCall final : public grpc::ServerUnaryReactor, public Asking {
 public:
  UnaryCall(std::shared_ptr<Shared> shared, grpc::CallbackServerContext* context, google::protobuf::Message* message)
      : Asking(std::move(shared), context), message_(message) {}

  void Deliver(Result<ApiReply> reply, bool) override {
    const std::lock_guard lock(mutex_);
    if (!ended_) EndLocked(reply ? Fill<Reply>(*reply, *message_) : Refusal(reply.error()));
  }

 private:
  void FinishWith(const grpc::Status& status) override { Finish(status); }
  void OnCancel() override { Gone(); }
  void OnDone() override { Done(); }
  google::protobuf::Message* const message_;
};

enum class Backlog { newest, all };  // what a slow reader is spared, or closed for

template <class Reply, class Message, Backlog kBacklog>
class StreamCall final : public grpc::ServerWriteReactor<Message>, public Asking {
 public:
  StreamCall(std::shared_ptr<Shared> shared, grpc::CallbackServerContext* context)
      : Asking(std::move(shared), context), out_(shared_->outbox) {}

  void Deliver(Result<ApiReply> reply, bool last) override {
    const std::lock_guard lock(mutex_);
    if (ended_) return;
    if (!reply) return EndLocked(Refusal(reply.error()));
    Message message;
    if (const grpc::Status status = Fill<Reply>(*reply, message); !status.ok()) return Abandon(status);
    last_ = last;
    if constexpr (kBacklog == Backlog::newest)
      out_.PushNewest(std::move(message));
    else if (!out_.Push(std::move(message)))
      return Abandon(
          Refusal({ErrorCode::kExhausted, "the reader is slower than the events", "ask again for those after the last"}));
    Write();
  }

 private:
  void Write() {
    if (const Message* next = out_.Next()) this->StartWrite(next);
  }
  void OnWriteDone(bool ok) override {
    if (!ok) return Gone();
    const std::lock_guard lock(mutex_);
    out_.Written();
    if (ended_) return;
    Write();
    if (last_ && out_.empty()) EndLocked(grpc::Status::OK);
  }
  void FinishWith(const grpc::Status& status) override { this->Finish(status); }
  void OnCancel() override { Gone(); }
  void OnDone() override { Done(); }

  Outbox<Message> out_;
  bool last_ = false;
};

template <class Reply, class Request, class RequestMessage>
grpc::ServerUnaryReactor* Answer(const std::shared_ptr<Shared>& shared, grpc::CallbackServerContext* context,
                                 const RequestMessage& request, google::protobuf::Message* reply) {
  auto* call = new UnaryCall<Reply>(shared, context, reply);
  call->Begin(Read<Request>(request));
  return call;
}

}  // namespace

ControlService::Unary ControlService::Submit(Context context, const v1::SubmitJob* request, v1::Submitted* reply) {
  return Answer<Submitted, SubmitJob>(shared_, context, *request, reply);
}
ControlService::Unary ControlService::Cancel(Context context, const v1::CancelJob* request, v1::Accepted* reply) {
  return Answer<Accepted, CancelJob>(shared_, context, *request, reply);
}
ControlService::Unary ControlService::GetJob(Context context, const v1::GetJob* request, v1::JobReply* reply) {
  v1::GetJob once = *request;
  once.set_watch(false);
  return Answer<JobReply, everstep::GetJob>(shared_, context, once, reply);
}
ControlService::Unary ControlService::ListJobs(Context context, const v1::ListJobs* request, v1::JobsReply* reply) {
  return Answer<JobsReply, everstep::ListJobs>(shared_, context, *request, reply);
}
ControlService::Unary ControlService::Explain(Context context, const v1::ExplainJob* request, v1::Explanation* reply) {
  return Answer<Explanation, ExplainJob>(shared_, context, *request, reply);
}
ControlService::Unary ControlService::ListNodes(Context context, const v1::ListNodes* request, v1::NodesReply* reply) {
  return Answer<NodesReply, everstep::ListNodes>(shared_, context, *request, reply);
}
ControlService::Unary ControlService::GetNode(Context context, const v1::GetNode* request, v1::NodesReply* reply) {
  return Answer<NodesReply, everstep::GetNode>(shared_, context, *request, reply);
}
ControlService::Unary ControlService::ConfirmDead(Context context, const v1::ConfirmDead* request, v1::Accepted* reply) {
  return Answer<Accepted, everstep::ConfirmDead>(shared_, context, *request, reply);
}
ControlService::Unary ControlService::Drain(Context context, const v1::DrainNode* request, v1::Accepted* reply) {
  return Answer<Accepted, DrainNode>(shared_, context, *request, reply);
}
ControlService::Unary ControlService::InjectFault(Context context, const v1::InjectFault* request, v1::Accepted* reply) {
  return Answer<Accepted, everstep::InjectFault>(shared_, context, *request, reply);
}
ControlService::Unary ControlService::KillLauncher(Context context, const v1::KillLauncher* request, v1::Accepted* reply) {
  return Answer<Accepted, everstep::KillLauncher>(shared_, context, *request, reply);
}
ControlService::Unary ControlService::Undrain(Context context, const v1::UndrainNode* request, v1::Accepted* reply) {
  return Answer<Accepted, UndrainNode>(shared_, context, *request, reply);
}
ControlService::Unary ControlService::Clear(Context context, const v1::ClearNode* request, v1::Accepted* reply) {
  return Answer<Accepted, ClearNode>(shared_, context, *request, reply);
}
ControlService::Unary ControlService::ListIncidents(Context context, const v1::ListIncidents* request,
                                                    v1::IncidentsReply* reply) {
  return Answer<IncidentsReply, everstep::ListIncidents>(shared_, context, *request, reply);
}
ControlService::Unary ControlService::Info(Context context, const v1::GetInfo* request, v1::InfoReply* reply) {
  return Answer<InfoReply, GetInfo>(shared_, context, *request, reply);
}

ControlService::Unary ControlService::NodeChecks(Context context, const v1::NodeChecks* request, v1::HostChecks* reply) {
  return ChecksCall::Begin(shared_, context, *request, reply);
}

grpc::ServerWriteReactor<v1::JobReply>* ControlService::WatchJob(Context context, const v1::GetJob* request) {
  v1::GetJob watch = *request;
  watch.set_watch(true);
  auto* call = new StreamCall<JobReply, v1::JobReply, Backlog::newest>(shared_, context);
  call->Begin(FromProto<everstep::GetJob>(watch));
  return call;
}
grpc::ServerWriteReactor<v1::EventsReply>* ControlService::ListEvents(Context context, const v1::ListEvents* request) {
  auto* call = new StreamCall<EventsReply, v1::EventsReply, Backlog::all>(shared_, context);
  call->Begin(FromProto<everstep::ListEvents>(*request));
  return call;
}
grpc::ServerWriteReactor<v1::LogChunk>* ControlService::Logs(Context context, const v1::LogsRequest* request) {
  return LogsCall::Begin(shared_, context, FromProto<LogsRequest>(*request));
}

}  // namespace everstep
