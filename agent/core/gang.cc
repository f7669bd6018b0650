#include "agent/core/gang.h"

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace everstep {

namespace {
GangStep Said(std::string why) { return {.actions = {}, .why = std::move(why)}; }
void Do(GangStep& step, GangActionKind kind, Duration grace = Duration(0)) {
  step.actions.push_back({.kind = kind, .grace = grace});
}
// Nothing was ever exec'ed, if its keeper was not given ranks: also when the lease ended first.
bool Unused(const KeeperStatus& status) {
  return status.phase == KeeperPhase::ready || (status.phase == KeeperPhase::empty && status.ranks.empty());
}
}  // namespace

Gang Gang::Asked(Time now, GangSpec spec) {
  Gang gang;
  gang.key_ = {.job = spec.job, .generation = spec.generation};
  gang.watches_ = spec.watches_checkpoints;
  gang.checkpoint_ = spec.checkpoint;
  gang.spec_ = std::move(spec);
  gang.waiting_ = true;
  gang.give_up_at_ = now + kLeftoversWait;
  return gang;
}

Gang Gang::Adopted(const GangRecord& record, bool started) {
  Gang gang;
  gang.key_ = {.job = record.job, .generation = record.generation};
  gang.watches_ = record.watches_checkpoints;
  gang.checkpoint_ = record.checkpoint;
  gang.adopted_ = true;
  gang.started_ = started;
  gang.keeper_ = KeeperState::awaited;
  gang.phase_ = started ? GangPhase::running : GangPhase::preparing;
  gang.why_ = "found after a restart of the agent; its keeper has not answered yet";
  return gang;
}

GangRecord Gang::Record() const {
  return {.job = key_.job, .generation = key_.generation, .watches_checkpoints = watches_, .checkpoint = checkpoint_};
}

GangStatus Gang::Status() const {
  return {.job = key_.job,
          .generation = key_.generation,
          .phase = phase_,
          .refusal = refusal_,
          .why = Clip(Printable(why_), limit::kWhyBytes),
          .fenced = fenced_,
          .ranks = ranks_,
          .progress = progress_,
          .checkpoint_dir_id = readied_ ? readied_->checkpoint_dir_id : std::string()};
}

void Gang::Enter(GangPhase phase, std::string why, GangStep& step) {
  const bool news = phase != phase_ || why != why_;
  phase_ = phase;
  why_ = std::move(why);
  if (phase != GangPhase::preparing) give_up_at_.reset();
  if (news) step.why = why_.empty() ? std::string(Name(phase)) : Cat(Name(phase), ": ", why_);
}

void Gang::Drop(GangStep& step) {
  dropped_ = forgotten_ = true;
  Do(step, GangActionKind::drop);
}

void Gang::Refuse(Refusal refusal, std::string why, GangStep& step) {
  refusal_ = refusal;
  readied_.reset();
  Enter(GangPhase::refused, std::move(why), step);
  if (keeper_ == KeeperState::up) Do(step, GangActionKind::quit);
}

GangStep Gang::Advance(Time now, const std::string& older) {
  GangStep step;
  if (phase_ != GangPhase::preparing || adopted_) return step;
  if (waiting_ && older.empty()) {
    waiting_ = false;
    keeper_ = KeeperState::awaited;
    give_up_at_ = now + kChecksWait;
    Enter(GangPhase::preparing, "checking what it needs, its keeper is coming up", step);
    Do(step, GangActionKind::launch);
    Do(step, GangActionKind::check);
  } else if (give_up_at_ && now >= *give_up_at_) {
    if (waiting_)
      Refuse(Refusal::leftovers, Cat("not dead after ", Show(kLeftoversWait), ": ", older), step);
    else
      Refuse(Refusal::host,
             Cat(readied_ ? "its keeper did not come up" : "the checks of workdir, program and checkpoint did not end", " in ",
                 Show(kChecksWait), readied_ ? "" : ": a hung file system?"),
             step);
  } else if (waiting_) {
    Enter(GangPhase::preparing, Cat("waiting for the end of ", older), step);
  }
  return step;
}

std::optional<Time> Gang::Deadline() const { return give_up_at_; }

void Gang::SettlePrepared(GangStep& step) {
  if (phase_ == GangPhase::preparing && readied_ && keeper_ == KeeperState::up)
    Enter(GangPhase::prepared, "ready to start", step);
}

GangStep Gang::Checked(const GangChecked& checked) {
  GangStep step;
  if (phase_ != GangPhase::preparing || adopted_ || waiting_) return step;
  if (checked.readied) {
    readied_ = checked.readied;
    SettlePrepared(step);
  } else {
    const NotReadied found = checked.not_readied.value_or(NotReadied{.why = "the checks said nothing"});
    Refuse(found.refusal, found.why, step);
  }
  return step;
}

GangStep Gang::Start() {
  if (started_) return {};
  if (phase_ != GangPhase::prepared) return Said(Cat("not started: it is ", Name(phase_), ", not prepared"));
  GangStep step;
  started_ = true;
  Do(step, GangActionKind::start);
  return step;
}

GangStep Gang::Stop(Time now, Duration grace, const std::string& why) {
  if (Over()) return {};
  GangStep step;
  if (!started_) {
    if (phase_ == GangPhase::stopping) return step;
    readied_.reset();
    kill_at_ = now + grace;  // an adopted one may turn out to have started
    stop_why_ = why;
    if (keeper_ == KeeperState::none || keeper_ == KeeperState::ended) {
      Enter(GangPhase::empty, Cat("stopped before it started: ", why), step);
      return step;
    }
    Enter(GangPhase::stopping, Cat("stopped before it started: ", why), step);
    if (keeper_ == KeeperState::up) Do(step, GangActionKind::quit);
    return step;
  }
  const Time kill_at = now + grace;
  if (kill_at_ && kill_at >= *kill_at_) return step;  // a second stop may only shorten
  if (!kill_at_) stop_why_ = why;
  kill_at_ = kill_at;
  Enter(GangPhase::stopping,
        grace <= Duration(0) ? Cat(stop_why_, ": killed") : Cat(stop_why_, ": SIGTERM, SIGKILL after ", Show(grace)), step);
  if (keeper_ == KeeperState::up) Do(step, GangActionKind::stop, grace);
  return step;
}

GangStep Gang::Forget() {
  if (!Over()) return Said(Cat("not forgotten: it is ", Name(phase_)));
  GangStep step;
  forgotten_ = true;
  if (keeper_ == KeeperState::none || keeper_ == KeeperState::ended) Drop(step);
  return step;  // else once the keeper, told to quit when the gang was over, has gone
}

GangStep Gang::Decline(const std::string& why) {
  GangStep step;
  if (!Over() && !started_) Refuse(Refusal::host, why, step);
  return step;
}

GangStep Gang::Heard(Time now, const KeeperEvent& event) {
  GangStep step;
  if (keeper_ == KeeperState::none || keeper_ == KeeperState::ended) return step;
  switch (event.kind) {
    case KeeperEventKind::up: HeardUp(now, event.status, step); break;
    case KeeperEventKind::status: Absorb(event.status, step); break;
    case KeeperEventKind::failed: HeardFailed(event.why, step); break;
    case KeeperEventKind::gone: HeardGone(event, step); break;
  }
  return step;
}

void Gang::HeardUp(Time now, const KeeperStatus& status, GangStep& step) {
  keeper_ = KeeperState::up;
  if (adopted_ && (status.phase == KeeperPhase::ready || (!started_ && Unused(status)))) {
    // Nothing runs, and nothing can: its command line died with the agent that had it. Never given ranks: the launcher sees no
    // gang here and prepares it again. Given ranks that did not arrive: said to be gone only once the keeper is.
    forgotten_ = !started_;
    if (started_)
      Enter(GangPhase::stopping, "the agent restarted before its ranks started", step);
    else
      step.why = "the agent restarted before its ranks started: dropped";
    Do(step, GangActionKind::quit);
    return;
  }
  if (Over() || (phase_ == GangPhase::stopping && status.phase == KeeperPhase::ready && !started_)) {
    Do(step, GangActionKind::quit);
    return;
  }
  Absorb(status, step);
  if (kill_at_ && phase_ == GangPhase::stopping) Do(step, GangActionKind::stop, std::max(Duration(0), *kill_at_ - now));
  SettlePrepared(step);
}

void Gang::Absorb(const KeeperStatus& status, GangStep& step) {
  fenced_ = fenced_ || status.fenced;
  if (!started_ && status.phase != KeeperPhase::ready) {
    if (status.fenced || !adopted_) {
      if (!Over() && phase_ != GangPhase::stopping)
        Refuse(
            Refusal::host,
            Cat(status.fenced ? "fenced before it started" : "its keeper gave up", status.why.empty() ? "" : ": ", status.why),
            step);
      return;
    }
    started_ = true;  // the record said otherwise, the ranks are there
  }
  if (!started_ || phase_ == GangPhase::empty) return;
  forgotten_ = false;
  ranks_ = status.ranks;
  if (status.progress) progress_ = status.progress;
  std::string why = status.why;
  if (why.empty() && fenced_) why = "fenced: this host was cut off for longer than the fence time";
  switch (status.phase) {
    case KeeperPhase::ready: return;
    case KeeperPhase::running:
      if (!kill_at_) Enter(GangPhase::running, std::move(why), step);
      if (watches_ && checkpoint_ && !watching_) {
        watching_ = true;
        Do(step, GangActionKind::watch);
      }
      return;
    case KeeperPhase::stopping: Enter(GangPhase::stopping, why.empty() ? why_ : std::move(why), step); return;
    case KeeperPhase::empty:
      if (why.empty()) why = stop_why_.empty() ? "all processes are gone" : Cat(stop_why_, ": all processes are gone");
      Enter(GangPhase::empty, std::move(why), step);
      if (watches_ && checkpoint_) {
        // A look even if it was never seen running: a save may have ended while no agent was there to see it.
        if (!std::exchange(watching_, false)) Do(step, GangActionKind::watch);
        Do(step, GangActionKind::unwatch);
      }
      if (keeper_ == KeeperState::up) Do(step, GangActionKind::quit);
      return;
  }
}

void Gang::HeardFailed(const std::string& why, GangStep& step) {
  keeper_ = KeeperState::ended;
  if (started_) {
    Enter(GangPhase::stopping, Cat("its keeper cannot be spoken to, its fence timer ends it: ", why), step);
  } else if (adopted_) {
    Drop(step);
  } else if (phase_ == GangPhase::stopping) {
    Enter(GangPhase::empty, why_, step);
  } else if (phase_ == GangPhase::preparing) {
    Refuse(Refusal::host, Cat("no keeper: ", why), step);
  } else if (forgotten_) {
    Drop(step);
  }
}

void Gang::HeardGone(const KeeperEvent& event, GangStep& step) {
  keeper_ = KeeperState::ended;
  if (forgotten_ && Over()) {
    Drop(step);
  } else if (!Unused(event.status) || (started_ && event.status.phase != KeeperPhase::ready)) {
    Absorb(event.status, step);
    if (started_ && phase_ != GangPhase::empty)
      Enter(GangPhase::stopping, Cat("its keeper ended without seeing its processes gone: ", event.why), step);
  } else if (adopted_) {
    Drop(step);
  } else if (phase_ == GangPhase::stopping || started_) {
    Enter(GangPhase::empty, started_ ? Cat("its keeper ended before its ranks started: ", event.why) : why_, step);
  } else if (!Over()) {
    Refuse(Refusal::host, Cat("its keeper ended: ", event.why), step);
  }
}

}  // namespace everstep
