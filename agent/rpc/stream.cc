#include "agent/rpc/stream.h"

#include "base/messages.h"
#include "base/text.h"
#include "proto/convert.h"
#include "proto/rpc/channel.h"
#include "proto/rpc/status.h"

namespace everstep {

namespace {

constexpr Duration kConnectWithin = 3s;
// A command may hold a checkpoint, which came to the launcher in one message, and a command line.
constexpr std::size_t kCommandBytes = 2 * limit::kMessageBytes;

}  // namespace

std::shared_ptr<LauncherStream> LauncherStream::Open(const HostPort& launcher, std::function<void(AgentInput)> post,
                                                     std::function<void()> gone, std::shared_ptr<grpc::Channel> channel) {
  auto stream = std::make_shared<LauncherStream>(launcher, std::move(post), std::move(gone), std::move(channel));
  stream->self_ = stream;
  stream->stub_->async()->Session(&stream->context_, stream.get());
  stream->StartCall();
  return stream;
}

LauncherStream::LauncherStream(const HostPort& launcher, std::function<void(AgentInput)> post, std::function<void()> gone,
                               std::shared_ptr<grpc::Channel> channel)
    : launcher_(launcher),
      post_(std::move(post)),
      gone_(std::move(gone)),
      channel_(channel ? std::move(channel) : FreshChannel(launcher, kConnectWithin, kCommandBytes)),
      stub_(v1::AgentLink::NewStub(channel_)) {}

void LauncherStream::Send(v1::FromAgent message) {
  const std::lock_guard lock(mutex_);
  if (!open_) return;
  if (!out_.Push(std::move(message))) return GiveUp("the launcher does not read what this agent sends it");
  if (const v1::FromAgent* next = out_.Next()) StartWrite(next);
}

void LauncherStream::Close() {
  const std::lock_guard lock(mutex_);
  GiveUp("closed by this agent");
}

void LauncherStream::OnReadInitialMetadataDone(bool ok) {
  if (!ok) return;  // OnDone follows and says why
  {
    const std::lock_guard lock(mutex_);
    if (!why_.empty()) return;
    open_ = true;
  }
  post_(LinkOpened{});
  StartRead(&in_);
}

void LauncherStream::OnReadDone(bool ok) {
  if (!ok) {
    // From here on no write is started, so that OnDone can come.
    const std::lock_guard lock(mutex_);
    open_ = false;
    return;
  }
  Result<ToAgent> message = FromProto<ToAgent>(in_);
  const Status said = message ? Validate(*message) : Fail(message.error());
  if (said) {
    post_(LinkMessage{*std::move(message)});
  } else {
    const std::lock_guard lock(mutex_);
    GiveUp(Cat("the launcher sent what it must not: ", said.error().message));
  }
  StartRead(&in_);
}

void LauncherStream::OnWriteDone(bool ok) {
  const std::lock_guard lock(mutex_);
  out_.Written();
  if (!ok || !open_) return;
  if (const v1::FromAgent* next = out_.Next()) StartWrite(next);
}

void LauncherStream::OnDone(const grpc::Status& status) {
  std::string why;
  {
    const std::lock_guard lock(mutex_);
    why = why_;
  }
  if (why.empty()) {
    const std::optional<Error> said = SaidByServer(status, context_);
    why = said          ? said->Str()
          : status.ok() ? Cat("closed by the launcher at ", launcher_)
                        : Cat("no stream to the launcher at ", launcher_, ": ", Words(status));
  }
  post_(LinkClosed{std::move(why)});
  const auto gone = gone_;
  std::move(self_).reset();
  gone();  // `this` is gone too
}

void LauncherStream::GiveUp(std::string why) {
  if (why_.empty()) why_ = std::move(why);
  open_ = false;
  context_.TryCancel();
}

}  // namespace everstep
