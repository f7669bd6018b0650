// One life of a process with a production loop in it, as base/real/loop_thread.h runs one: inputs in the order in which they
// came (all that wait at once, for a loop that takes them so), a tick when the loop's deadline has come, first of all in each
// turn. A turn may take its time (Takes): what comes meanwhile waits for the next. A process that is stopped, or whose machine
// stands still, keeps its inputs for later. What was planned with Later() is dropped when the life is over by then.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "tests/sim/agenda.h"
#include "tests/sim/machine.h"

namespace everstep::sim {

template <class Loop, class Input>
class LoopProcess {
 public:
  // `ended`: the loop has ended its process.
  LoopProcess(Agenda& agenda, const Machine& machine, std::function<void()> ended)
      : agenda_(agenda), machine_(machine), ended_(std::move(ended)) {}
  virtual ~LoopProcess() = default;
  LoopProcess(const LoopProcess&) = delete;
  LoopProcess& operator=(const LoopProcess&) = delete;

  std::unique_ptr<Loop> loop{};

  Time Local() const { return machine_.clock.Local(agenda_.now()); }
  std::weak_ptr<int> alive() const { return alive_; }
  void Later(Duration wait, std::function<void()> act) {
    agenda_.After(wait, [still = alive(), act = std::move(act)] {
      if (!still.expired()) act();
    });
  }
  void Post(Duration wait, Input input) {
    Later(wait, [this, input = std::move(input)] { Deliver(input); });
  }
  void Deliver(Input input) {
    inbox_.push_back(std::move(input));
    Turn();
  }

  void Stop() { stopped_ = true; }
  void Continue() {
    if (std::exchange(stopped_, false)) Turn();
  }
  bool Handles() const { return !stopped_ && machine_.Runs() && loop && !loop->Ended(); }

  // All that waits, then the next tick is planned.
  void Turn() {
    if (busy_ || std::exchange(turning_, true)) return;  // a rim speaks from within the loop's turn
    if (!std::exchange(begun_, true)) due_ = loop->Deadline();
    while (Handles() && !inbox_.empty() && !busy_) {
      TickIfDue();
      Hand();
      due_ = loop->Deadline();
      if (const Duration takes = Takes(); takes > Duration(0)) BeBusy(takes);
    }
    if (Handles() && !busy_) TickIfDue();
    turning_ = false;
    if (loop && loop->Ended()) return agenda_.After(0s, ended_);
    if (!Handles()) return;
    Turned();
    Arm();
  }

 private:
  virtual void Turned() {}
  // How long the turn that was just taken keeps the loop from the next.
  virtual Duration Takes() { return Duration(0); }
  void BeBusy(Duration takes) {
    busy_ = true;
    Later(takes, [this] {
      busy_ = false;
      Turn();
    });
  }
  // What the loop is told of the time, beyond the machine's clock: nothing, unless a bug is planted.
  virtual Duration Skew() { return Duration(0); }
  Time Told() { return Local() + Skew(); }

  void Hand() {
    if constexpr (requires { loop->HandleAll(Time(), std::move(inbox_)); }) {
      loop->HandleAll(Told(), std::exchange(inbox_, {}));
    } else {
      Input input = std::move(inbox_.front());
      inbox_.pop_front();
      loop->Handle(Told(), std::move(input));
    }
  }
  void TickIfDue() {
    if (!due_ || *due_ > Told()) return;
    loop->Tick(Told());
    due_ = loop->Deadline();
  }
  void Arm() {
    if (!due_) return;
    const Time when = machine_.clock.Virtual(*due_ - Skew());
    if (armed_ && *armed_ <= when) return;
    armed_ = when;
    agenda_.At(when, [this, when, still = alive()] {
      if (still.expired() || armed_ != when) return;
      armed_.reset();
      Turn();
    });
  }

  Agenda& agenda_;
  const Machine& machine_;
  std::function<void()> ended_;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
  bool stopped_ = false;
  bool turning_ = false;
  bool begun_ = false;         // the first turn has begun
  bool busy_ = false;          // the last turn still takes its time
  std::optional<Time> due_{};  // the loop's deadline: it moves only by an input or a tick
  std::deque<Input> inbox_{};
  std::optional<Time> armed_{};  // virtual time of the next look at the loop's deadline
};

}  // namespace everstep::sim
