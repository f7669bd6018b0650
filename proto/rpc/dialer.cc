#include "proto/rpc/dialer.h"

#include <fcntl.h>
#include <grpcpp/grpcpp.h>
#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <chrono>
#include <list>
#include <mutex>
#include <thread>
#include <vector>

#include "base/check.h"
#include "base/real/fd.h"
#include "base/real/poll.h"
#include "base/text.h"
#include "everstep/v1/peer.grpc.pb.h"
#include "proto/convert.h"
#include "proto/rpc/channel.h"
#include "proto/rpc/connect.h"
#include "proto/rpc/credentials.h"
#include "proto/rpc/status.h"

namespace everstep {

namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

constexpr int kRoundsMax = 3;  // an agent may go down or come up between our two connections

// One question. All but `ping_done` and what gRPC fills before it belongs to the dialer's thread.
struct Call {
  std::string address;
  Ping ping;
  Duration deadline;
  SteadyTime until;
  std::function<void(DialFinding)> answer;

  HostPort to{};
  std::optional<ConnectAttempt> attempt{};  // while connecting
  int rounds = 0;
  bool pinging = false;  // gRPC holds pointers into this
  bool answered = false;

  std::shared_ptr<grpc::Channel> channel{};
  std::unique_ptr<v1::PeerLink::Stub> stub{};
  std::unique_ptr<grpc::ClientContext> context{};
  v1::Ping request{};
  v1::Pong reply{};
  grpc::Status status{};
};

}  // namespace

class Dialer::Impl {
 public:
  explicit Impl(bool insecure) : insecure_(insecure), wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    Check(wake_.open(), "an event descriptor can be made");
    thread_ = std::thread([this] { Run(); });
  }

  ~Impl() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    Wake();
    thread_.join();
  }

  void Add(std::unique_ptr<Call> call) {
    {
      const std::lock_guard lock(mutex_);
      added_.push_back(std::move(call));
    }
    Wake();
  }

 private:
  void Wake() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof one);  // full: it is awake anyway
  }

  // Returns when told to stop and gRPC holds nothing of ours.
  void Run() {
    for (;;) {
      const bool stopping = TakeNews();
      if (stopping) {
        for (const auto& call : calls_) {
          call->answered = true;
          if (call->pinging) call->context->TryCancel();
        }
      }
      std::erase_if(calls_, [](const auto& call) { return call->answered && !call->pinging; });
      if (stopping && calls_.empty()) return;
      Wait();
      for (const auto& call : calls_) Advance(*call);
    }
  }

  // True: told to stop.
  bool TakeNews() {
    std::vector<std::unique_ptr<Call>> added;
    std::vector<Call*> pinged;
    bool stopping = false;
    {
      const std::lock_guard lock(mutex_);
      added.swap(added_);
      pinged.swap(pinged_);
      stopping = stopping_;
    }
    for (Call* call : pinged) {
      call->pinging = false;
      Judge(*call);
    }
    for (auto& call : added) {
      calls_.push_back(std::move(call));
      Begin(*calls_.back());
    }
    return stopping;
  }

  // Until a connection attempt ends, news come, or the next deadline.
  void Wait() {
    std::vector<pollfd> fds{{wake_.get(), POLLIN, 0}};
    std::optional<SteadyTime> next;
    for (const auto& call : calls_) {
      if (call->answered) continue;
      if (call->attempt) fds.push_back({call->attempt->fd(), POLLOUT, 0});
      next = std::min(next.value_or(call->until), call->until);
    }
    int timeout_ms = -1;
    if (next) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(*next - std::chrono::steady_clock::now());
      timeout_ms = static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 60'000));
    }
    PollOrPause(fds, timeout_ms);
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = ::read(wake_.get(), &count, sizeof count);
  }

  void Begin(Call& call) {
    const Result<HostPort> to = ParseHostPort("address", call.address);
    if (!to) return Answer(call, PeerFinding::nothing, to.error().message);
    if (!IsNumeric(*to))
      return Answer(call, PeerFinding::nothing, Cat(*to, " is not an IP address: agents are only asked by number"));
    if (const auto allowed = CheckPlainText("talk to", *to, insecure_); !allowed)
      return Answer(call, PeerFinding::nothing, allowed.error().message);
    call.to = *to;
    Connect(call);
  }

  void Connect(Call& call) {
    ++call.rounds;
    Result<ConnectAttempt> attempt = ConnectAttempt::Start(call.to);
    if (!attempt) return Answer(call, PeerFinding::nothing, Cat(call.to, " was not asked: ", attempt.error().message));
    call.attempt = *std::move(attempt);
  }

  void Advance(Call& call) {
    if (call.answered) return;
    if (call.attempt) {
      pollfd one{call.attempt->fd(), POLLOUT, 0};
      if (::poll(&one, 1, 0) > 0) return Connected(call);
    }
    if (std::chrono::steady_clock::now() < call.until) return;
    const std::string_view state = call.attempt ? "no answer from " : "the connection was taken, but no answer came from ";
    Answer(call, PeerFinding::nothing, Cat(state, call.to, " within ", Show(call.deadline)));
    if (call.pinging) call.context->TryCancel();
  }

  void Connected(Call& call) {
    const ConnectAnswer answer = call.attempt->Answer();
    call.attempt.reset();
    if (answer.outcome == ConnectOutcome::refused) return Answer(call, PeerFinding::agent_down, answer.evidence);
    if (answer.outcome == ConnectOutcome::silent) return Answer(call, PeerFinding::nothing, answer.evidence);
    const Duration left = std::max<Duration>(call.until - std::chrono::steady_clock::now(), 1ms);
    call.channel = FreshChannel(call.to, left);
    call.stub = v1::PeerLink::NewStub(call.channel);
    call.context = std::make_unique<grpc::ClientContext>();
    call.context->set_deadline(Within(left));
    call.request.Clear();
    if (const Status said = ToProto(call.ping, call.request); !said)
      return Answer(call, PeerFinding::nothing, said.error().message);
    call.pinging = true;
    Call* raw = &call;  // lives until `pinging` is false again
    call.stub->async()->Ping(call.context.get(), &call.request, &call.reply, [this, raw](grpc::Status status) {
      raw->status = std::move(status);
      const std::lock_guard lock(mutex_);
      pinged_.push_back(raw);
      Wake();
    });
  }

  // The ping is over.
  void Judge(Call& call) {
    if (call.answered) return;
    if (call.status.ok()) {
      const Result<Pong> pong = FromProto<Pong>(call.reply);
      if (!pong) return Answer(call, PeerFinding::nothing, Cat("bad answer from ", call.to, ": ", pong.error().message));
      if (pong->nonce != call.ping.nonce || pong->node != call.ping.to)
        return Answer(call, PeerFinding::nothing, Cat(call.to, " answered for ", pong->node, " or to another question"));
      call.answered = true;
      return call.answer({PeerFinding::alive, *pong, Cat(pong->node, " answered at ", call.to)});
    }
    if (call.status.error_code() == grpc::UNAVAILABLE && call.rounds < kRoundsMax) return Connect(call);
    Answer(call, PeerFinding::nothing, Cat("no good answer from ", call.to, ": ", Words(call.status)));
  }

  void Answer(Call& call, PeerFinding finding, std::string evidence) {
    call.answered = true;
    call.attempt.reset();
    call.answer({finding, std::nullopt, Clip(wire::AsUtf8(evidence), limit::kWhyBytes)});
  }

  const bool insecure_;
  Fd wake_;
  std::mutex mutex_;  // of the three below
  bool stopping_ = false;
  std::vector<std::unique_ptr<Call>> added_;
  std::vector<Call*> pinged_;
  std::vector<std::unique_ptr<Call>> calls_;  // the thread's own
  std::thread thread_;
};

Dialer::Dialer(bool insecure) : impl_(std::make_unique<Impl>(insecure)) {}
Dialer::~Dialer() = default;

void Dialer::Dial(const std::string& address, const Ping& ping, Duration deadline, std::function<void(DialFinding)> answer) {
  auto call = std::make_unique<Call>();
  call->address = address;
  call->ping = ping;
  call->deadline = deadline;
  call->until = std::chrono::steady_clock::now() + deadline;
  call->answer = std::move(answer);
  impl_->Add(std::move(call));
}

}  // namespace everstep
