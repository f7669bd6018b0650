#include "launcher/rpc/server.h"

#include <mutex>

#include "base/check.h"
#include "base/progress/stderr_tail.h"
#include "base/real/files.h"
#include "base/text.h"
#include "launcher/rpc/agent_session.h"
#include "launcher/rpc/control.h"
#include "launcher/rpc/shared.h"
#include "proto/convert.h"
#include "proto/rpc/channel.h"
#include "proto/rpc/credentials.h"
#include "proto/rpc/dialer.h"

namespace everstep {

namespace {

constexpr Duration kGoodbye = 1s;  // for streams to end in order; then they are cut

const Error kGoingDown{ErrorCode::kUnavailable, "the launcher is going down", "try again when it is back"};

}  // namespace

class LauncherServer::Impl {
 public:
  Result<LauncherServing> Start(const LauncherServerOptions& options, std::function<void(LauncherInput)> post) {
    Check(served_.server == nullptr, "a server is started once");
    EVERSTEP_ASSIGN(const HostPort listen, ParseHostPort("listen", options.listen));
    EVERSTEP_ASSIGN(std::string warning, CheckPlainText("listen on", listen, options.insecure));
    shared_ = std::make_shared<Shared>(options, std::move(post));
    agents_ = std::make_unique<AgentLinkService>(shared_);
    control_ = std::make_unique<ControlService>(shared_);
    EVERSTEP_ASSIGN(served_, Serve(listen, {agents_.get(), control_.get()}));
    dialer_ = std::make_unique<Dialer>(options.insecure);
    const std::string address = served_.bound.Str();
    if (!options.address_file.empty()) EVERSTEP_TRY(RealFiles().Write(options.address_file, address + "\n"));
    return LauncherServing{address, std::move(warning)};
  }

  // The server goes last: channels of the dialer and of logs must not be the last to use gRPC's callback threads (grpc#37198).
  void Shutdown() {
    if (served_.server == nullptr) return;
    dialer_.reset();
    shared_->tails.Close();
    shared_->sessions.Close([](AgentSession& session) { session.End(kGoingDown); });
    shared_->callers.Close([](Caller& caller) { caller.Deliver(Fail(kGoingDown), true); });
    shared_->sessions.WaitEmpty(kGoodbye);
    shared_->callers.WaitEmpty(kGoodbye);
    served_.server->Shutdown(Within(0s));  // cuts what is left
    served_.server->Wait();
    shared_->callers.WaitEmpty(kGoodbye);  // cancelled readings of logs
    served_.server.reset();
  }

  void Send(SessionId session, const ToAgent& message) { Send(session, BytesOf(message)); }

  void SendWelcome(SessionId session, const std::shared_ptr<const Welcome>& welcome) {
    grpc::ByteBuffer bytes;
    {
      const std::lock_guard lock(welcome_mutex_);
      std::pair<std::shared_ptr<const Welcome>, grpc::ByteBuffer>& kept = welcome->membership == 0 ? short_welcome_ : welcome_;
      if (kept.first != welcome) kept = {welcome, BytesOf(*welcome)};
      bytes = kept.second;  // counts references, copies nothing
    }
    Send(session, std::move(bytes));
  }

  void Close(SessionId session) {
    shared_->sessions.With(session.value, [](AgentSession& to) { to.Close(); });
  }

  void Dial(const NodeId& node, const std::string& address, const Ping& ping, Duration deadline) {
    dialer_->Dial(address, ping, deadline, [shared = shared_, node, nonce = ping.nonce](DialFinding found) {
      shared->post(DialAnswer{node, nonce, found.finding, std::move(found.pong), std::move(found.evidence)});
    });
  }

  std::vector<RankWords> LastWords(const NodeId& node, const GangKey& gang) const {
    std::vector<RankWords> words;
    const auto tails = shared_ ? shared_->tails.Of(node, gang) : std::nullopt;
    if (!tails) return words;
    for (const auto& [stream, tail] : tails->streams) {
      if (const bool is_stderr = stream.second; !is_stderr) continue;
      StderrTail end;
      end.Append(tail.bytes);
      words.push_back({stream.first, end.Text()});
    }
    return words;
  }

  void Reply(std::uint64_t token, Result<ApiReply> reply, bool last) {
    shared_->callers.With(token, [&](Caller& caller) { caller.Deliver(std::move(reply), last); });
  }

 private:
  static grpc::ByteBuffer BytesOf(const ToAgent& message) {
    v1::ToAgent out;
    static_cast<void>(ToProto(message, out));  // all its text came in as UTF-8, or is for people
    const grpc::Slice slice(out.SerializeAsString());
    return grpc::ByteBuffer(&slice, 1);
  }
  void Send(SessionId session, grpc::ByteBuffer bytes) {
    shared_->sessions.With(session.value, [&](AgentSession& to) { to.Send(std::move(bytes)); });
  }

  std::mutex welcome_mutex_;  // of both below
  std::pair<std::shared_ptr<const Welcome>, grpc::ByteBuffer> welcome_{};
  std::pair<std::shared_ptr<const Welcome>, grpc::ByteBuffer> short_welcome_{};
  std::shared_ptr<Shared> shared_;
  std::unique_ptr<AgentLinkService> agents_;
  std::unique_ptr<ControlService> control_;
  Served served_;
  std::unique_ptr<Dialer> dialer_;
};

LauncherServer::LauncherServer() : impl_(std::make_unique<Impl>()) {}
LauncherServer::~LauncherServer() { Shutdown(); }

Result<LauncherServing> LauncherServer::Start(const LauncherServerOptions& options, std::function<void(LauncherInput)> post) {
  return impl_->Start(options, std::move(post));
}
void LauncherServer::Shutdown() { impl_->Shutdown(); }
void LauncherServer::Send(SessionId session, ToAgent message) { impl_->Send(session, message); }
void LauncherServer::SendWelcome(SessionId session, const std::shared_ptr<const Welcome>& welcome) {
  impl_->SendWelcome(session, welcome);
}
void LauncherServer::Close(SessionId session) { impl_->Close(session); }
void LauncherServer::Dial(const NodeId& node, const std::string& address, const Ping& ping, Duration deadline) {
  impl_->Dial(node, address, ping, deadline);
}
void LauncherServer::Reply(std::uint64_t token, Result<ApiReply> reply, bool last) {
  impl_->Reply(token, std::move(reply), last);
}
std::vector<RankWords> LauncherServer::LastWords(const NodeId& node, const GangKey& gang) const {
  return impl_->LastWords(node, gang);
}

}  // namespace everstep
