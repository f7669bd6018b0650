#include "agent/rpc/link.h"

#include <condition_variable>
#include <mutex>

#include "agent/rpc/peer_service.h"
#include "agent/rpc/stream.h"
#include "base/check.h"
#include "base/text.h"
#include "proto/convert.h"
#include "proto/rpc/channel.h"
#include "proto/rpc/credentials.h"
#include "proto/rpc/dialer.h"

namespace everstep {

namespace {

// A launcher elsewhere would be told an address that leads back to itself: the host would join, and be lost 5 s later.
Status CheckReachable(const HostPort& told, const HostPort& launcher) {
  if (!IsLoopback(told)) return {};
  const auto resolved = Resolve(launcher);
  if (!resolved || IsLoopback(*resolved)) return {};
  const auto own = LocalAddressTowards(launcher);
  return Fail(ErrorCode::kInvalid,
              Cat("listen: found ", told, ", which the launcher ", launcher,
                  " and other hosts cannot reach; legal: an address of this host", own ? Cat(" such as ", *own, ":0") : ""),
              "--listen ADDRESS:PORT, or --advertise where others reach it by another address");
}

// What others reach this agent by.
Result<HostPort> Advertised(const GrpcLinkOptions& options, const HostPort& launcher, const HostPort& bound) {
  HostPort address = bound;
  if (!options.advertise.empty()) {
    EVERSTEP_ASSIGN(address, ParseHostPort("advertise", options.advertise));
    if (IsAnyAddress(address))
      return Fail(ErrorCode::kInvalid, Cat("advertise: found ", address, ", legal: an address that others can reach"));
    if (address.port == 0) address.port = bound.port;
  } else if (IsAnyAddress(bound)) {
    EVERSTEP_ASSIGN(address.host, LocalAddressTowards(launcher));
  }
  EVERSTEP_ASSIGN(const HostPort told, Resolve(address));
  EVERSTEP_TRY(CheckReachable(told, launcher));
  return told;
}

}  // namespace

class GrpcLink::Impl {
 public:
  Result<GrpcLinkServing> Start(const GrpcLinkOptions& options, std::function<void(AgentInput)> post) {
    Check(served_.server == nullptr, "a link is started once");
    EVERSTEP_ASSIGN(launcher_, ParseHostPort("launcher", options.launcher));
    EVERSTEP_ASSIGN(const HostPort listen, ParseHostPort("listen", options.listen));
    EVERSTEP_ASSIGN(std::string warning, CheckPlainText("talk to", launcher_, options.insecure));
    if (warning.empty()) {
      EVERSTEP_ASSIGN(warning, CheckPlainText("listen on", listen, options.insecure));
    } else {
      EVERSTEP_TRY(CheckPlainText("listen on", listen, options.insecure));
    }
    post_ = std::move(post);
    peers_ = std::make_unique<PeerLinkService>(options.log_dir, options.checks, post_);
    EVERSTEP_ASSIGN(served_, Serve(listen, {peers_.get()}));
    EVERSTEP_ASSIGN(const HostPort address, Advertised(options, launcher_, served_.bound));
    dialer_ = std::make_unique<Dialer>(options.insecure);
    return GrpcLinkServing{address.Str(), LocalAddressTowards(launcher_).value_or(address.host), std::move(warning)};
  }

  // The server goes last: channels must not be the last to use gRPC's callback threads (grpc#37198).
  void Shutdown() {
    if (served_.server == nullptr) return;
    dialer_.reset();
    Close();
    peers_->Close();
    {
      std::unique_lock lock(mutex_);
      no_stream_.wait(lock, [this] { return streams_ == 0; });  // cancelled: soon
    }
    served_.server->Shutdown(Within(1s));
    served_.server->Wait();
    served_.server.reset();
    peers_.reset();
  }

  void Open() {
    const std::lock_guard lock(mutex_);
    ++streams_;
    stream_ = LauncherStream::Open(launcher_, post_, [this] {
      const std::lock_guard done(mutex_);
      --streams_;
      no_stream_.notify_all();
    });
  }

  void Send(const FromAgent& message) {
    v1::FromAgent out;
    static_cast<void>(ToProto(message, out));  // what must arrive exactly is `bytes`; a `why` is for people
    if (const auto stream = Current()) stream->Send(std::move(out));
  }

  void Close() {
    if (const auto stream = Current()) stream->Close();
  }

  void Ask(const NodeId& node, const std::string& address, const Ping& ping, Duration deadline) {
    dialer_->Dial(address, ping, deadline, [this, node, nonce = ping.nonce](DialFinding found) {
      post_(PingAnswer{node, nonce, found.finding, std::move(found.pong), std::move(found.evidence)});
    });
  }

  void Answer(std::uint64_t token, const std::optional<Pong>& pong) { peers_->Answer(token, pong); }

 private:
  std::shared_ptr<LauncherStream> Current() {
    const std::lock_guard lock(mutex_);
    return stream_.lock();
  }

  HostPort launcher_;
  std::function<void(AgentInput)> post_;
  std::unique_ptr<PeerLinkService> peers_;
  Served served_;
  std::unique_ptr<Dialer> dialer_;

  std::mutex mutex_;  // of all below
  std::condition_variable no_stream_;
  std::weak_ptr<LauncherStream> stream_;  // the newest; it owns itself
  int streams_ = 0;
};

GrpcLink::GrpcLink() : impl_(std::make_unique<Impl>()) {}
GrpcLink::~GrpcLink() { Shutdown(); }

Result<GrpcLinkServing> GrpcLink::Start(const GrpcLinkOptions& options, std::function<void(AgentInput)> post) {
  return impl_->Start(options, std::move(post));
}
void GrpcLink::Shutdown() { impl_->Shutdown(); }
void GrpcLink::Open() { impl_->Open(); }
void GrpcLink::Send(FromAgent message) { impl_->Send(message); }
void GrpcLink::Close() { impl_->Close(); }
void GrpcLink::Ask(const NodeId& node, const std::string& address, const Ping& ping, Duration deadline) {
  impl_->Ask(node, address, ping, deadline);
}
void GrpcLink::Answer(std::uint64_t token, std::optional<Pong> pong) { impl_->Answer(token, pong); }

}  // namespace everstep
