#include "launcher/rpc/agent_session.h"

#include "base/text.h"
#include "proto/convert.h"
#include "proto/rpc/address.h"
#include "proto/rpc/channel.h"
#include "proto/rpc/status.h"

namespace everstep {

namespace {

constexpr Duration kLastWords =
    3s;  // for what was sent before the end; an agent that does not read cannot hold its session open

// gRPC does not tell apart whether the agent, the network or a message above 4 MiB ended it; the agent is told the last.
constexpr char kLost[] = "connection lost";

// Peers and the launcher itself will connect to it.
Status CheckHello(const Hello& hello) {
  EVERSTEP_ASSIGN(const HostPort address, ParseHostPort("hello.address", hello.address));
  if (!IsNumeric(address) || IsAnyAddress(address) || address.port == 0)
    return Fail(ErrorCode::kInvalid,
                Cat("hello.address: found ", address, ", legal: an IP address that others can reach, and a port"),
                "set the agent's `advertise`");
  return {};
}

Result<FromAgent> Parse(grpc::ByteBuffer& bytes) {
  v1::FromAgent message;
  grpc::ProtoBufferReader reader(&bytes);
  if (!reader.status().ok() || !message.ParseFromZeroCopyStream(&reader))
    return Fail(ErrorCode::kInvalid, "found bytes that are no message, legal: FromAgent of everstep/v1/agent.proto");
  return FromProto<FromAgent>(message);
}

}  // namespace

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* AgentLinkService::Session(grpc::CallbackServerContext* context) {
  return new AgentSession(shared_, context);
}

AgentSession::AgentSession(std::shared_ptr<Shared> shared, grpc::CallbackServerContext* context)
    : shared_(std::move(shared)), context_(context), out_(shared_->outbox) {
  if (const auto number = shared_->sessions.Add(this)) {
    number_ = *number;
    StartSendInitialMetadata();  // tells the agent that its stream stands
    StartRead(&in_);
    hello_by_.Set(Within(shared_->hello_within), [shared = shared_, number = number_](bool over) {
      if (over) shared->sessions.With(number, [](AgentSession& session) { session.EndUnlessOpened(); });
    });
  } else {
    End(Error{ErrorCode::kUnavailable, "the launcher has as many sessions as it can hold, or is going down",
              "try again later"});
  }
}

void AgentSession::OnReadDone(bool ok) {
  if (!ok) {
    const std::lock_guard lock(mutex_);
    return Finish(grpc::Status::OK, kLost);
  }
  Result<FromAgent> message = Parse(in_);
  const Status said = message ? Validate(*message) : Fail(message.error());
  if (!said) return End(said.error());
  const std::lock_guard lock(mutex_);
  if (finished_) return;
  if (const Status taken = Take(*std::move(message)); !taken)
    return Finish(ToStatus(taken.error(), *context_), taken.error().Str());
  StartRead(&in_);
}

Status AgentSession::Take(FromAgent message) {
  auto* hello = std::get_if<Hello>(&message);
  if (hello != nullptr && opened_)
    return Fail(ErrorCode::kInvalid, "found a second hello in one session, legal: one, as the first");
  if (hello == nullptr && !opened_)
    return Fail(ErrorCode::kInvalid, "the first message of a session: found another, legal: hello");
  if (hello != nullptr) {
    EVERSTEP_TRY(CheckHello(*hello));
    opened_ = true;
    node_ = hello->node;
    address_ = hello->address;
    shared_->tails.Heard(node_, address_, hello->report);
    shared_->post(SessionOpened{SessionId(number_), context_->peer(), std::move(*hello)});
  } else {
    if (const auto* report = std::get_if<Report>(&message)) shared_->tails.Heard(node_, address_, *report);
    shared_->post(SessionMessage{SessionId(number_), std::move(message)});
  }
  return {};
}

void AgentSession::Send(grpc::ByteBuffer message) {
  const std::lock_guard lock(mutex_);
  if (finished_ || closing_) return;
  if (out_.Push(std::move(message))) return Write();
  Finish(grpc::Status::CANCELLED, "the agent does not read what the launcher sends it");
  Cut();  // a status would wait behind what is not read
}

void AgentSession::Close() {
  const std::lock_guard lock(mutex_);
  if (finished_ || closing_) return;
  closing_ = true;
  CutLater();
  if (out_.empty()) Finish(grpc::Status::OK, "closed by the launcher");
}

void AgentSession::End(const Error& error) {
  const std::lock_guard lock(mutex_);
  if (!finished_) Finish(ToStatus(error, *context_), error.Str());
}

void AgentSession::EndUnlessOpened() {
  const std::lock_guard lock(mutex_);
  if (opened_ || finished_) return;
  const Error late{ErrorCode::kTimeout, Cat("no hello within ", Show(shared_->hello_within)), {}};
  Finish(ToStatus(late, *context_), late.message);
}

void AgentSession::Cut() { context_->TryCancel(); }

void AgentSession::OnWriteDone(bool ok) {
  const std::lock_guard lock(mutex_);
  out_.Written();
  if (!ok) return Finish(grpc::Status::CANCELLED, kLost);
  if (finished_) return;
  Write();
  if (closing_ && out_.empty()) Finish(grpc::Status::OK, "closed by the launcher");
}

void AgentSession::OnCancel() {
  const std::lock_guard lock(mutex_);
  Finish(grpc::Status::CANCELLED, kLost);
}

void AgentSession::OnDone() {
  if (number_ != 0) shared_->sessions.Remove(number_);
  delete this;
}

void AgentSession::Write() {
  if (const grpc::ByteBuffer* next = out_.Next()) StartWrite(next);
}

void AgentSession::Finish(const grpc::Status& status, std::string why) {
  if (std::exchange(finished_, true)) return;
  if (opened_) shared_->post(SessionClosed{SessionId(number_), std::move(why)});
  if (!closing_) CutLater();
  ServerBidiReactor::Finish(status);
}

void AgentSession::CutLater() {
  if (number_ == 0) return;
  last_words_.Set(Within(kLastWords), [shared = shared_, number = number_](bool over) {
    if (over) shared->sessions.With(number, [](AgentSession& session) { session.Cut(); });
  });
}

}  // namespace everstep
