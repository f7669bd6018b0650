#include "launcher/rpc/client.h"

#include <grpcpp/grpcpp.h>

#include <mutex>

#include "base/text.h"
#include "base/version.h"
#include "everstep/v1/control.grpc.pb.h"
#include "proto/convert.h"
#include "proto/rpc/channel.h"
#include "proto/rpc/connect.h"
#include "proto/rpc/credentials.h"
#include "proto/rpc/status.h"

namespace everstep {

namespace {

constexpr Duration kConnectWithin = 5s;
constexpr Duration kProbeWithin = 1s;  // to find out why there was no connection

template <class Message, class T>
Result<Message> Encode(const T& request) {
  Message message;
  EVERSTEP_TRY(ToProto(request, message));  // a command line that is not UTF-8 must not be changed on the way
  return message;
}

}  // namespace

class ControlClient::Impl {
 public:
  Impl(HostPort address, Duration deadline)
      : address_(std::move(address)),
        deadline_(deadline),
        channel_(FreshChannel(address_, kConnectWithin, kReplyBytes)),
        stub_(v1::Control::NewStub(channel_)) {}

  // One overload for each kind of request: its rpc and the kind of its reply.
  Result<ApiReply> Ask(const SubmitJob& r) { return Unary<v1::SubmitJob, Submitted>(r, &Stub::Submit); }
  Result<ApiReply> Ask(const CancelJob& r) { return Unary<v1::CancelJob, Accepted>(r, &Stub::Cancel); }
  Result<ApiReply> Ask(const GetJob& r) { return Unary<v1::GetJob, JobReply>(r, &Stub::GetJob); }
  Result<ApiReply> Ask(const ListJobs& r) { return Unary<v1::ListJobs, JobsReply>(r, &Stub::ListJobs); }
  Result<ApiReply> Ask(const ExplainJob& r) { return Unary<v1::ExplainJob, Explanation>(r, &Stub::Explain); }
  Result<ApiReply> Ask(const ListNodes& r) { return Unary<v1::ListNodes, NodesReply>(r, &Stub::ListNodes); }
  Result<ApiReply> Ask(const GetNode& r) { return Unary<v1::GetNode, NodesReply>(r, &Stub::GetNode); }
  Result<ApiReply> Ask(const ConfirmDead& r) { return Unary<v1::ConfirmDead, Accepted>(r, &Stub::ConfirmDead); }
  Result<ApiReply> Ask(const DrainNode& r) { return Unary<v1::DrainNode, Accepted>(r, &Stub::Drain); }
  Result<ApiReply> Ask(const ClearNode& r) { return Unary<v1::ClearNode, Accepted>(r, &Stub::Clear); }
  Result<ApiReply> Ask(const UndrainNode& r) { return Unary<v1::UndrainNode, Accepted>(r, &Stub::Undrain); }
  Result<ApiReply> Ask(const InjectFault& r) { return Unary<v1::InjectFault, Accepted>(r, &Stub::InjectFault); }
  Result<ApiReply> Ask(const KillLauncher& r) { return Unary<v1::KillLauncher, Accepted>(r, &Stub::KillLauncher); }
  Result<ApiReply> Ask(const ListIncidents& r) { return Unary<v1::ListIncidents, IncidentsReply>(r, &Stub::ListIncidents); }
  Result<ApiReply> Ask(const GetInfo& r) { return Unary<v1::GetInfo, InfoReply>(r, &Stub::Info); }
  Result<ApiReply> Ask(ListEvents request) {
    request.follow = false;
    EventsReply all;
    EVERSTEP_TRY(Watch<EventsReply>(request, Deadline::yes, [&](EventsReply some) {
      for (EventView& event : some.events) all.events.push_back(std::move(event));
      return true;
    }));
    return ApiReply(std::move(all));
  }

  Result<HostChecks> Checks(const NodeId& node) {
    v1::NodeChecks request;
    request.set_node(node.value);
    v1::HostChecks answer;
    Context context(*this, Deadline::yes);
    const grpc::Status status = stub_->NodeChecks(&*context, request, &answer);
    if (!status.ok()) return Fail(Explain(status, *context));
    return FromProto<HostChecks>(answer);
  }

  Status Stream(const ApiRequest& request, const std::function<bool(ApiReply)>& each) {
    if (const auto* job = std::get_if<GetJob>(&request))
      return Watch<JobReply>(*job, Deadline::no, [&](JobReply reply) { return each(std::move(reply)); });
    if (const auto* events = std::get_if<ListEvents>(&request))
      return Watch<EventsReply>(*events, Deadline::no, [&](EventsReply reply) { return each(std::move(reply)); });
    return Fail(ErrorCode::kInvalid, "only GetJob and ListEvents can be streamed");
  }

  Status Logs(const LogsRequest& request, const std::function<bool(LogChunk)>& each) {
    return Watch<LogChunk>(request, Deadline::no, each);
  }

  void Cancel() {
    const std::lock_guard lock(mutex_);
    cancelled_ = true;
    if (running_ != nullptr) running_->TryCancel();
  }

 private:
  using Stub = v1::Control::Stub;
  enum class Deadline { yes, no };

  // A context that Cancel() reaches for as long as it lives.
  class Context {
   public:
    Context(Impl& client, Deadline deadline) : client_(client) {
      if (deadline == Deadline::yes) context_.set_deadline(Within(client_.deadline_));
      const std::lock_guard lock(client_.mutex_);
      client_.running_ = &context_;
      if (client_.cancelled_) context_.TryCancel();
    }
    ~Context() {
      const std::lock_guard lock(client_.mutex_);
      client_.running_ = nullptr;
    }
    grpc::ClientContext& operator*() { return context_; }

   private:
    Impl& client_;
    grpc::ClientContext context_;
  };

  template <class RequestMessage, class Reply, class Request, class ReplyMessage>
  Result<ApiReply> Unary(const Request& request,
                         grpc::Status (Stub::*rpc)(grpc::ClientContext*, const RequestMessage&, ReplyMessage*)) {
    EVERSTEP_ASSIGN(const RequestMessage message, Encode<RequestMessage>(request));
    ReplyMessage answer;
    Context context(*this, Deadline::yes);
    const grpc::Status status = (stub_.get()->*rpc)(&*context, message, &answer);
    if (!status.ok()) return Fail(Explain(status, *context));
    EVERSTEP_ASSIGN(Reply reply, FromProto<Reply>(answer));
    return ApiReply(std::move(reply));
  }

  auto Begin(grpc::ClientContext* context, const v1::GetJob& request) { return stub_->WatchJob(context, request); }
  auto Begin(grpc::ClientContext* context, const v1::ListEvents& request) { return stub_->ListEvents(context, request); }
  auto Begin(grpc::ClientContext* context, const v1::LogsRequest& request) { return stub_->Logs(context, request); }
  static v1::GetJob MessageOf(const GetJob&) { return {}; }
  static v1::ListEvents MessageOf(const ListEvents&) { return {}; }
  static v1::LogsRequest MessageOf(const LogsRequest&) { return {}; }
  static v1::JobReply MessageOf(const JobReply&) { return {}; }
  static v1::EventsReply MessageOf(const EventsReply&) { return {}; }
  static v1::LogChunk MessageOf(const LogChunk&) { return {}; }

  template <class Reply, class Request, class Each>
  Status Watch(const Request& request, Deadline deadline, const Each& each) {
    EVERSTEP_ASSIGN(const auto message, Encode<decltype(MessageOf(request))>(request));
    Context context(*this, deadline);
    const auto reader = Begin(&*context, message);
    decltype(MessageOf(Reply{})) answer;
    while (reader->Read(&answer)) {
      Result<Reply> reply = FromProto<Reply>(answer);
      const bool go_on = reply && each(*std::move(reply));
      if (go_on) continue;
      (*context).TryCancel();
      static_cast<void>(reader->Finish());
      return reply ? Status() : Fail(std::move(reply).error());
    }
    const grpc::Status status = reader->Finish();
    if (!status.ok()) return Fail(Explain(status, *context));
    return {};
  }

  // An error in the user's terms: what the launcher said, or why there was no launcher to say it.
  Error Explain(const grpc::Status& status, const grpc::ClientContext& context) {
    if (const std::optional<Error> said = SaidByServer(status, context)) return *said;
    {
      const std::lock_guard lock(mutex_);
      if (cancelled_) return {ErrorCode::kConflict, "cancelled", {}};
    }
    switch (status.error_code()) {
      case grpc::UNAVAILABLE: return Unreachable();
      case grpc::DEADLINE_EXCEEDED:
        return {ErrorCode::kTimeout, Cat("no answer from the launcher at ", address_, " within ", Show(deadline_)),
                "it may be overloaded or stopped: look at its log"};
      case grpc::UNIMPLEMENTED: return NotKnown();
      default: return {ErrorCode::kIo, Cat("the call to the launcher at ", address_, " failed: ", Words(status)), {}};
    }
  }

  // By whatever answers there.
  Error NotKnown() const {
    grpc::ClientContext context;
    context.set_deadline(Within(kProbeWithin));
    v1::InfoReply info;
    if (stub_->Info(&context, {}, &info).ok())
      return {ErrorCode::kInvalid,
              Cat("the launcher at ", address_, " is version ", Printable(info.version()),
                  " and does not know this command of ", Version()),
              "use the `everstep` of the launcher's version, or upgrade the launcher"};
    return {ErrorCode::kInvalid, Cat("what answers at ", address_, " does not know this command"),
            "it is no launcher: an agent's port, or another program's"};
  }

  // A channel that had a connection is idle when it has lost it; one that could not make any has failed, or tries again.
  bool WasConnected() const {
    const grpc_connectivity_state state = channel_->GetState(false);
    return state == GRPC_CHANNEL_IDLE || state == GRPC_CHANNEL_READY;
  }

  Error Unreachable() const {
    const bool was_connected = WasConnected();
    const ConnectAnswer answer = TryConnect(address_, kProbeWithin);
    if (answer.outcome == ConnectOutcome::accepted && !was_connected)
      return {ErrorCode::kUnavailable, Cat("what answers at ", address_, " is no launcher, or one that is not ready"),
              "check the address (--launcher HOST:PORT); if it is right, look at the launcher's log"};
    if (answer.outcome == ConnectOutcome::accepted)
      return {ErrorCode::kUnavailable, Cat("the connection to the launcher at ", address_, " was lost"), "try again"};
    if (answer.outcome == ConnectOutcome::refused)
      return {ErrorCode::kUnavailable, Cat("no launcher at ", address_, ": connection refused"),
              "start one with `everstep up`, or name another with --launcher HOST:PORT"};
    return {ErrorCode::kUnavailable, Cat("cannot reach the launcher at ", address_, ": ", answer.evidence),
            "check the address (--launcher HOST:PORT) and the network"};
  }

  const HostPort address_;
  const Duration deadline_;
  const std::shared_ptr<grpc::Channel> channel_;
  const std::unique_ptr<Stub> stub_;
  std::mutex mutex_;  // of both below
  grpc::ClientContext* running_ = nullptr;
  bool cancelled_ = false;
};

ControlClient::ControlClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ControlClient::~ControlClient() = default;

Result<std::unique_ptr<ControlClient>> ControlClient::Connect(const ClientOptions& options) {
  EVERSTEP_ASSIGN(HostPort address, ParseHostPort("launcher", options.address));
  EVERSTEP_TRY(CheckPlainText("talk to", address, options.insecure));
  return std::unique_ptr<ControlClient>(new ControlClient(std::make_unique<Impl>(std::move(address), options.deadline)));
}

Result<ApiReply> ControlClient::Call(const ApiRequest& request) {
  return std::visit([this](const auto& r) { return impl_->Ask(r); }, request);
}
Result<HostChecks> ControlClient::Checks(const NodeId& node) { return impl_->Checks(node); }
Status ControlClient::Stream(const ApiRequest& request, const std::function<bool(ApiReply)>& each) {
  return impl_->Stream(request, each);
}
Status ControlClient::Logs(const LogsRequest& request, const std::function<bool(LogChunk)>& each) {
  return impl_->Logs(request, each);
}
void ControlClient::Cancel() { impl_->Cancel(); }

}  // namespace everstep
