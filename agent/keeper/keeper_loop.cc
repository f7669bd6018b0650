#include "agent/keeper/keeper_loop.h"

#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <utility>
#include <variant>

#include "agent/keeper/wire.h"
#include "base/real/poll.h"
#include "base/real/proc.h"
#include "base/text.h"

namespace everstep {

namespace {

constexpr Duration kKillEvery = 20ms;     // while killed processes are still there
constexpr Duration kStuckAfter = 1s;      // then say who they are
constexpr Duration kOutputPatience = 2s;  // for the last lines of a dead gang to reach the disk
constexpr Duration kLookEvery = 1s;       // for things that have no event of their own
constexpr Duration kProgressEvery = 1s;

enum : std::size_t { kChildSignals, kFenceTimer, kRecordWake, kOutputWake, kCgroupEvents };

void Swallow(int fd) {
  char buffer[1024];
  while (::read(fd, buffer, sizeof buffer) > 0) continue;
}

}  // namespace

Result<std::unique_ptr<KeeperLoop>> KeeperLoop::Make(KeeperOptions options, KeeperInheritance inheritance, Fd listening) {
  sigset_t child{};
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  Fd child_signals(::signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!child_signals.open()) return FailErrno(errno, "make", "a signal descriptor");
  Fd fence_timer(::timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!fence_timer.open()) return FailErrno(errno, "make", "the fence timer");
  std::unique_ptr<KeeperLoop> loop(new KeeperLoop(std::move(options), std::move(inheritance), std::move(listening),
                                                  std::move(child_signals), std::move(fence_timer)));
  EVERSTEP_TRY(loop->ArmFence());
  loop->recorded_ = loop->StatusNow();
  const KeeperRecord first{.boot = BootIdText(), .cgroups = loop->cgroup_.paths(), .status = *loop->recorded_};
  EVERSTEP_TRY(WriteFirstRecord(loop->options_.spool, first));
  *loop->record_durable_ = true;
  return loop;
}

KeeperLoop::KeeperLoop(KeeperOptions options, KeeperInheritance inheritance, Fd listening, Fd child_signals, Fd fence_timer)
    : options_(std::move(options)),
      child_signals_(std::move(child_signals)),
      fence_timer_(std::move(fence_timer)),
      // The pid tells gangs of one name apart: several agents may share a host, as in a lab.
      cgroup_(Cat("everstep-", options_.gang, "-", ::getpid())),
      door_(std::move(listening)),
      ranks_(cgroup_, output_disk_,
             {.directory = options_.logs, .limits = options_.log_limits, .kernel_log = options_.kernel_log},
             {.open_files = inheritance.open_files, .oom_score = std::move(inheritance.oom_score)}) {}

bool KeeperLoop::Run() {
  while (!quit_) Turn();
  return Leave();
}

void KeeperLoop::Turn() {
  polled_.clear();
  polled_.push_back({.fd = child_signals_.get(), .events = POLLIN, .revents = 0});
  polled_.push_back({.fd = fence_timer_.get(), .events = POLLIN, .revents = 0});
  polled_.push_back({.fd = record_disk_.wake_fd(), .events = POLLIN, .revents = 0});
  polled_.push_back({.fd = output_disk_.wake_fd(), .events = POLLIN, .revents = 0});
  polled_.push_back({.fd = cgroup_.events_fd(), .events = POLLPRI, .revents = 0});
  door_.AddTo(polled_);
  ranks_.AddTo(polled_);
  PollOrPause(polled_, TimeToWait(clock_.Now()));
  if (polled_[kChildSignals].revents != 0) Swallow(child_signals_.get());
  if (polled_[kFenceTimer].revents != 0) Swallow(fence_timer_.get());
  if (polled_[kRecordWake].revents != 0) record_disk_.ClearWake();
  if (polled_[kOutputWake].revents != 0) output_disk_.ClearWake();
  if (polled_[kCgroupEvents].revents != 0) cgroup_.AcknowledgeEvents();

  const Time now = clock_.Now();
  ranks_.Take(now, polled_);
  ranks_.Reap(now);
  // Before the messages: a lease that comes after the end of the old one comes too late.
  CheckFence(now);
  for (ToKeeper& message : door_.Take(polled_)) Obey(now, std::move(message));
  StartWhenMarked(now);
  Escalate(now);
  CheckEmpty(now);
  Publish(now);
  CheckEnd(now);
}

// For poll(): milliseconds, rounded up. Leases have their own descriptor.
int KeeperLoop::TimeToWait(Time now) const {
  std::optional<Time> next = escalation_.Next();
  const auto sooner = [&next](Time at) { next = next ? std::min(*next, at) : at; };
  if (escalation_.Killed() && phase_ != KeeperPhase::empty) sooner(kill_again_);
  if (gone_at_ && phase_ != KeeperPhase::empty) sooner(*gone_at_ + kOutputPatience);
  if (started_ && phase_ != KeeperPhase::empty) sooner(progress_at_ + kProgressEvery);
  if (!*record_durable_ || (phase_ == KeeperPhase::empty && !door_.has_agent())) sooner(now + kLookEvery);
  if (!next) return -1;
  const Duration wait = std::clamp<Duration>(*next - now, 0ms, 1h);
  return static_cast<int>((wait + 999'999ns) / 1ms);
}

void KeeperLoop::Obey(Time now, ToKeeper message) {
  std::visit([&](auto& m) { Obey(now, std::move(m)); }, message);
}

void KeeperLoop::Obey(Time, KeeperStart message) {
  if (started_ || start_ || phase_ != KeeperPhase::ready) return;  // told once, and never again after a stop or a fence
  if (const Status legal = ValidateStart(message); !legal) return EndUnstarted(legal.error().message);
  // Should this process die now, the next agent must know that there may be ranks.
  start_ = std::move(message);
  mark_number_ = record_disk_.Do([spool = options_.spool, marked = marked_] { *marked = MarkStarted(spool); });
}

void KeeperLoop::StartWhenMarked(Time now) {
  if (phase_ != KeeperPhase::ready) start_.reset();  // its environments may hold secrets
  if (!start_ || record_disk_.Done() < mark_number_) return;
  if (*marked_) {
    started_ = true;
    ranks_.Start(*std::exchange(start_, std::nullopt));
    Escalate(now);
  } else {
    EndUnstarted(marked_->error().message);
  }
}

void KeeperLoop::Obey(Time, KeeperStandby message) {
  if (started_ || start_ || standing_by_ || phase_ != KeeperPhase::ready) return;
  // Nobody depends on them: what is wrong with them only makes a start cold.
  if (const Status legal = ValidateStandby(message); !legal) {
    std::fprintf(stderr, "no standby: %s\n", legal.error().message.c_str());
    return;
  }
  standing_by_ = true;
  ranks_.Prepare(std::move(message));
}

void KeeperLoop::EndUnstarted(std::string why) {
  why_ = std::move(why);
  phase_ = KeeperPhase::empty;
  ranks_.EndStandby();
}

void KeeperLoop::Obey(Time now, KeeperLease message) {
  if (message.until <= options_.lease || fenced_) return;
  options_.lease = message.until;
  if (const Status armed = ArmFence(); !armed) {
    // Without a timer there is no fence: better an end now than one that never comes.
    why_ = armed.error().message;
    escalation_.AskKill(now);
  }
}

void KeeperLoop::Obey(Time now, KeeperStop message) {
  if (phase_ == KeeperPhase::empty) return;
  if (!started_) return EndUnstarted("stopped before it was started");
  ranks_.Reap(now);
  escalation_.AskStop(now, message.grace);
  Escalate(now);
}

void KeeperLoop::Obey(Time, KeeperQuit) { quit_ = phase_ == KeeperPhase::empty || (!started_ && phase_ == KeeperPhase::ready); }

void KeeperLoop::CheckFence(Time now) {
  if (fenced_ || now < options_.lease || phase_ == KeeperPhase::empty || gone_at_) return;
  fenced_ = true;
  if (started_) {
    why_ = "fenced: the lease ran out";
    escalation_.AskKill(now);
    Escalate(now);
  } else {
    EndUnstarted("fenced before it was started: the lease ran out");
  }
}

void KeeperLoop::Escalate(Time now) {
  if (!started_ || phase_ == KeeperPhase::empty) return;
  if (ranks_.failure() && why_.empty()) {
    why_ = *ranks_.failure();
    escalation_.AskKill(now);
  }
  if (ranks_.AllEnded() && !gone_at_ && !escalation_.Begun() && !ranks_.NothingLeft()) escalation_.AskLeftovers(now);
  switch (escalation_.Due(now)) {
    case Escalation::Signal::terminate: ranks_.Terminate(); break;
    case Escalation::Signal::kill:
      if (ranks_.AllEnded() && !escalation_.Stopped() && why_.empty() && !gone_at_) {
        const std::size_t left = ranks_.Left().size();
        why_ =
            Cat("killed ", left, left == 1 ? " process" : " processes", " that outlived the ranks by ", Show(kLeftoverGrace));
      }
      ranks_.Kill();
      kill_again_ = now + kKillEvery;
      break;
    case Escalation::Signal::none: KeepKilling(now); break;
  }
  if (escalation_.Stopped() || escalation_.Killed()) {
    phase_ = KeeperPhase::stopping;
  } else if (!ranks_.Starting()) {
    phase_ = KeeperPhase::running;
  }
}

// A killed process may have forked just before, or be in a system call that cannot be interrupted.
void KeeperLoop::KeepKilling(Time now) {
  if (!escalation_.Killed() || gone_at_ || now < kill_again_) return;
  ranks_.Kill();
  const bool late = now - *escalation_.killed_at() >= kStuckAfter;
  if (late) stuck_ = DescribeStuck(ranks_.Left());
  kill_again_ = now + (late ? kLookEvery : kKillEvery);
}

void KeeperLoop::CheckEmpty(Time now) {
  if (!started_ || phase_ == KeeperPhase::empty) return;
  if (!gone_at_) {
    if (ranks_.Starting() || !ranks_.NothingLeft()) return;
    gone_at_ = now;
    ranks_.CloseOutputs(now);
    ranks_.LookAtProgressFiles(now, true);
    stuck_.clear();
    output_done_ = output_disk_.Do([] {});
  }
  if (output_disk_.Done() < output_done_ && now < *gone_at_ + kOutputPatience) return;
  ranks_.TellAllEnds();
  phase_ = KeeperPhase::empty;
}

KeeperStatus KeeperLoop::StatusNow() const {
  std::string why = why_;
  if (!stuck_.empty()) why += (why.empty() ? "" : "; ") + stuck_;
  return {.phase = phase_,
          .fenced = fenced_,
          .why = Clip(why, limit::kWhyBytes),
          .ranks = ranks_.Statuses(),
          .limits = Clip(cgroup_.limits(), limit::kWhyBytes)};
}

void KeeperLoop::Publish(Time now) {
  const KeeperStatus status = StatusNow();
  // Progress alone is news once a second; beside other news it is as new as they are.
  if (started_ && (shown_ != status || now >= progress_at_ + kProgressEvery)) {
    progress_ = ranks_.ProgressNow(now);
    progress_at_ = now;
    if (phase_ != KeeperPhase::empty) ranks_.LookAtProgressFiles(now);
  }
  shown_ = status;
  KeeperStatus whole = status;
  whole.progress = progress_;
  door_.Show(whole);
  // One record at a time: a slow disk gets the newest, not a queue of old ones. A failed one is tried again.
  if (record_disk_.Done() < record_number_) return;
  const bool again = !*record_durable_ && now >= recorded_at_ + kLookEvery;
  if (recorded_ != status || again) Record(now, status, again);
}

void KeeperLoop::Record(Time now, const KeeperStatus& status, bool again) {
  recorded_ = status;
  recorded_at_ = now;
  *record_durable_ = false;
  KeeperRecord record{.boot = BootIdText(), .cgroups = cgroup_.paths(), .started = ranks_.Processes(), .status = status};
  record.status.progress = progress_;
  record_number_ = record_disk_.Do([record = std::move(record), spool = options_.spool, durable = record_durable_, again] {
    const Status written = WriteRecord(spool, record);
    if (!written && !again) std::fprintf(stderr, "%s\n", written.error().message.c_str());
    *durable = written.has_value();
  });
}

void KeeperLoop::CheckEnd(Time now) {
  if (phase_ != KeeperPhase::empty || door_.has_agent() || now < options_.lease) return;
  if (*record_durable_ && recorded_ == StatusNow()) quit_ = true;
}

Status KeeperLoop::ArmFence() {
  itimerspec at{};
  // 0 would switch the timer off; a moment long ago fires at once.
  const std::int64_t ns = std::max<std::int64_t>(Nanoseconds(options_.lease), 1);
  at.it_value = {.tv_sec = ns / 1'000'000'000, .tv_nsec = ns % 1'000'000'000};
  if (::timerfd_settime(fence_timer_.get(), TFD_TIMER_ABSTIME, &at, nullptr) != 0)
    return FailErrno(errno, "set", "the fence timer");
  return {};
}

bool KeeperLoop::Leave() {
  ranks_.EndStandby();
  const Time deadline = clock_.Now() + kOutputPatience;
  const std::uint64_t output = output_disk_.Do([] {});
  const std::uint64_t record = record_disk_.Do([spool = options_.spool] { ::unlink(SocketIn(spool).c_str()); });
  const auto written = [&] { return output_disk_.Done() >= output && record_disk_.Done() >= record; };
  bool removed = cgroup_.Remove();
  while ((!written() || !removed) && clock_.Now() < deadline) {
    pollfd wakes[] = {{.fd = output_disk_.wake_fd(), .events = POLLIN, .revents = 0},
                      {.fd = record_disk_.wake_fd(), .events = POLLIN, .revents = 0}};
    ::poll(wakes, 2, 20);
    output_disk_.ClearWake();
    record_disk_.ClearWake();
    removed = cgroup_.Remove();
  }
  if (!removed) std::fprintf(stderr, "cannot remove the cgroup %s\n", Join(cgroup_.paths()).c_str());
  return written();
}

}  // namespace everstep
