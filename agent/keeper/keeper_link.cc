#include "agent/keeper/keeper_link.h"

#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "agent/keeper/processes.h"
#include "agent/keeper/wire.h"
#include "base/text.h"

namespace everstep {

namespace {

constexpr Duration kBackoffFirst = 5ms;
constexpr Duration kBackoffMost = 1s;
constexpr Duration kBurialLookEvery = 5ms;
constexpr Duration kLookAgainEvery = 1s;   // once they have had their time
constexpr Duration kObeyPatience = 2s;     // beyond the grace
constexpr std::size_t kWaitingMax = 1024;  // messages before the keeper is up

// How much a status tells: the one that came over the socket and the one on disk may each be the newer one.
auto Knowledge(const KeeperStatus& status) {
  const auto ended =
      std::count_if(status.ranks.begin(), status.ranks.end(), [](const RankStatus& r) { return r.exit.has_value(); });
  return std::tuple(static_cast<int>(status.phase), ended);
}

}  // namespace

KeeperLink KeeperLink::Launched(GangKey gang, std::string spool, Time up_by) {
  KeeperLink link(std::move(gang), std::move(spool));
  link.up_by_ = up_by;
  link.ours_ = true;
  return link;
}

KeeperLink KeeperLink::Found(GangKey gang, std::string spool) {
  KeeperLink link(std::move(gang), std::move(spool));
  link.step_ = Step::connecting;
  return link;
}

void KeeperLink::Made(SpawnedKeeper keeper) {
  keeper_ = std::move(keeper);
  step_ = Step::connecting;
}

void KeeperLink::MakingFailed(const Error& error) {
  step_ = Step::over;
  Say(KeeperEventKind::failed, {}, error.Str());
}

void KeeperLink::Send(Time now, ToKeeper message) {
  const auto* stop = std::get_if<KeeperStop>(&message);
  const bool stops = last_ && last_->phase >= KeeperPhase::stopping;
  if (stop != nullptr && step_ <= Step::up && !up_by_ && !stops) {
    const Time by = now + stop->grace + kObeyPatience;
    obeys_by_ = obeys_by_ ? std::min(*obeys_by_, by) : by;
  }
  if (step_ == Step::up) {
    // An error here is a lost connection: the next poll() tells.
    static_cast<void>(socket_.Send(LineOf(message)));
  } else if (step_ < Step::up && waiting_.size() < kWaitingMax) {
    waiting_.push_back(std::move(message));
  }
}

void KeeperLink::AddTo(std::vector<pollfd>& polled) {
  first_ = polled.size();
  polled_ = true;
  polled.push_back({.fd = socket_.fd(), .events = socket_.wanted(), .revents = 0});
  polled.push_back({.fd = keeper_.pidfd.get(), .events = POLLIN, .revents = 0});
}

void KeeperLink::Take(Time now, const std::vector<pollfd>& polled) {
  if (!std::exchange(polled_, false)) return;
  if (polled[first_].revents != 0) Receive(now);
  if (polled[first_ + 1].revents != 0) {
    siginfo_t info{};
    ::waitid(P_PIDFD, static_cast<id_t>(keeper_.pidfd.get()), &info, WEXITED | WNOHANG);
    keeper_.pidfd.Reset();
    if (socket_.open()) Receive(now);  // its last words
    Died();
  }
}

void KeeperLink::Tick(Time now) {
  if (up_by_ && now >= *up_by_ && (step_ == Step::connecting || step_ == Step::greeting)) {
    GiveUp("the keeper did not answer in time");
  } else if (obeys_by_ && now >= *obeys_by_ && step_ <= Step::up) {
    GiveUp(Cat("the keeper has not answered to a stop ", Show(kObeyPatience), " after its grace"));
  } else if (step_ == Step::connecting && now >= connect_at_) {
    Connect(now);
  } else if (step_ == Step::burying && now >= look_at_) {
    LookAtGrave(now);
  }
}

std::optional<Time> KeeperLink::Next() const {
  std::optional<Time> due = up_by_ ? up_by_ : obeys_by_;
  switch (step_) {
    case Step::connecting: return due ? std::min(*due, connect_at_) : connect_at_;
    case Step::greeting: return due;
    case Step::up: return obeys_by_;
    case Step::burying: return look_at_;
    default: return std::nullopt;
  }
}

void KeeperLink::Connect(Time now) {
  Result<Fd> fd = ConnectUnix(SocketIn(spool_));
  if (fd) {
    socket_ = LineSocket(*std::move(fd), kKeeperLineBytes);
    step_ = Step::greeting;
    if (!socket_.Send(HelloLine())) ConnectionLost(now);
    return;
  }
  // Nobody listens: the keeper is dead, or was never there.
  if (fd.error().code == ErrorCode::kUnavailable || fd.error().code == ErrorCode::kNotFound) {
    if (!keeper_.pidfd.open()) return Died();
    step_ = Step::ending;  // our own child is still on its way out: it has to be reaped
    return;
  }
  backoff_ = std::clamp(backoff_ * 2, kBackoffFirst, kBackoffMost);
  connect_at_ = now + backoff_;
}

void KeeperLink::Receive(Time now) {
  const Status sent = socket_.Flush();
  Status good = socket_.Receive();  // also when nothing can be sent any more: the last words say why
  if (good) good = sent;
  while (step_ == Step::greeting || step_ == Step::up) {
    const std::optional<std::string> line = socket_.NextLine();
    if (!line) break;
    Understand(now, *line);
  }
  if (!good && (step_ == Step::greeting || step_ == Step::up)) ConnectionLost(now);
}

void KeeperLink::Understand(Time now, const std::string& line) {
  if (step_ == Step::greeting) {
    const Status hello = CheckHello(line, "the keeper", "this agent");
    if (!hello) return GiveUp(hello.error().message);
    step_ = Step::up;
    last_.reset();
    for (ToKeeper& message : std::exchange(waiting_, {})) Send(now, std::move(message));
    return;
  }
  Result<FromKeeper> message = ParseFromKeeper(line);
  if (!message) return GiveUp(Cat("the keeper said what this agent does not understand: ", message.error().message));
  if (const auto* refused = std::get_if<KeeperRefused>(&*message)) {
    if (!was_up_) GiveUp(Cat("the keeper refused: ", refused->why));
    return;  // else it closes now, and is connected to again
  }
  last_ = std::get<KeeperStatus>(*std::move(message));
  if (last_->phase == KeeperPhase::stopping || last_->phase == KeeperPhase::empty) obeys_by_.reset();
  Say(std::exchange(was_up_, true) ? KeeperEventKind::status : KeeperEventKind::up, *last_, {});
  up_by_.reset();
  backoff_ = Duration(0);
}

void KeeperLink::ConnectionLost(Time now) {
  socket_.Close();
  step_ = Step::connecting;
  // At once the first time: a dead keeper refuses.
  connect_at_ = now + backoff_;
  backoff_ = std::clamp(backoff_ * 2, kBackoffFirst, kBackoffMost);
}

// It lives but is of no use to this agent.
void KeeperLink::GiveUp(std::string why) {
  socket_.Close();
  obeys_by_.reset();
  (ours_ && !was_up_ ? failure_ : killed_why_) = std::move(why);
  if (keeper_.pidfd.open()) {
    SignalPidfd(keeper_.pidfd, SIGKILL);
    step_ = Step::ending;
  } else {
    step_ = Step::dead;  // as good as: who it is stands in its spool
  }
}

void KeeperLink::Died() {
  if (step_ >= Step::dead) return;
  socket_.Close();
  step_ = Step::dead;
}

void KeeperLink::RemainsRead(Time now, const SpoolRemains& remains) {
  const std::string& log = remains.last_log_line;
  if (failure_.empty() && !was_up_ && ours_) failure_ = Cat("the keeper ended before it was up", log.empty() ? "" : ": ", log);
  if (remains.record && (!last_ || Knowledge(remains.record->status) >= Knowledge(*last_))) last_ = remains.record->status;
  started_ = remains.started || (last_ && !last_->ranks.empty());
  if (started_ && !remains.record) record_error_ = remains.record.error().message;
  KeeperRecord record = remains.record ? *remains.record : KeeperRecord{.boot = BootIdText()};
  if (!killed_why_.empty() && remains.keeper) record.started.push_back(*remains.keeper);
  burial_.emplace(std::move(record), started_);
  step_ = Step::burying;
  patience_ends_ = now + kBurialPatience;
  LookAtGrave(now);
}

void KeeperLink::LookAtGrave(Time now) {
  const bool nothing_seen = burial_->Look();
  look_at_ = now + kBurialLookEvery;
  if (!nothing_seen && now < patience_ends_) return;
  KeeperStatus status = last_.value_or(KeeperStatus{});
  const bool as_told = !started_ || status.phase == KeeperPhase::empty;
  std::string why = !killed_why_.empty() ? killed_why_ + ": it was killed"
                    : as_told            ? "the keeper has ended"
                                         : "the keeper died";
  for (const std::string& more : {burial_->Remark(), record_error_})
    if (!more.empty()) why += "; " + more;
  if (!nothing_seen && !as_told && failure_.empty()) {
    look_at_ = now + kLookAgainEvery;
    if (std::exchange(stuck_said_, why) == why) return;
    status.phase = KeeperPhase::stopping;
    status.why = Clip(status.why.empty() ? why : Cat(status.why, "; ", why), limit::kWhyBytes);
    return Say(KeeperEventKind::status, std::move(status), {});
  }
  step_ = Step::over;
  if (!failure_.empty()) return Say(KeeperEventKind::failed, std::move(status), failure_);
  if (!as_told) {
    // Without its record nobody knows where to look.
    status.phase = nothing_seen && record_error_.empty() ? KeeperPhase::empty : KeeperPhase::stopping;
    status.why = Clip(status.why.empty() ? why : Cat(status.why, "; ", why), limit::kWhyBytes);
  }
  Say(KeeperEventKind::gone, std::move(status), std::move(why));
}

void KeeperLink::Say(KeeperEventKind kind, KeeperStatus status, std::string why) {
  events_.push_back({.gang = gang_, .kind = kind, .status = std::move(status), .why = Clip(why, limit::kWhyBytes)});
}

std::vector<KeeperEvent> KeeperLink::TakeEvents() { return std::exchange(events_, {}); }

}  // namespace everstep
