// One gang on this host, as a state machine: commands and news in, actions out. Commands are level-triggered: given twice, late
// or in a strange order they change nothing that has been done, and say why they were not obeyed. Whether a command comes from
// the right epoch and generation is decided before (memory.h).
//
//   preparing ──► prepared ──► running ──► stopping ──► empty
//       │            │            └────────────────────►  ▲
//       ├────────────┴─► refused (nothing runs)           │
//       └──────────────────────────────► (stop) ──────────┘
//
// `empty` and `refused` are ends: no process of the gang lives, and none will. A gang whose keeper died without having seen its
// processes gone is never `empty`: it stays `stopping` and says why, until the host boots again.
//
// Pure: time is an argument; a Gang is a value. Cost: O(ranks).
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/core/memory.h"
#include "base/fields.h"
#include "base/ids.h"
#include "base/messages.h"
#include "base/seam/processes.h"
#include "base/seam/slow_files.h"
#include "base/time.h"

namespace everstep {

// What to do now, in order.
//   launch   a keeper
//   check    SlowFiles::Ready
//   start    give the keeper its ranks (never without `started` in the memory on disk)
//   stop     KeeperStop with `grace`
//   quit     KeeperQuit
//   watch    SlowFiles::Watch
//   unwatch  SlowFiles::Unwatch
//   drop     forget the gang; its spool too if it ever had a keeper
EVERSTEP_ENUM(GangActionKind, launch, check, start, stop, quit, watch, unwatch, drop)
struct GangAction {
  GangActionKind kind{};
  Duration grace{0};
  friend bool operator==(const GangAction&, const GangAction&) = default;
};

struct GangStep {
  std::vector<GangAction> actions{};
  std::string why{};  // one sentence about what changed or why nothing did; empty: nothing worth a line
};

class Gang {
 public:
  // How long leftovers of older generations may take to die before the gang is refused, and how long the checks may.
  static constexpr Duration kLeftoversWait = 10s;
  static constexpr Duration kChecksWait = 60s;

  // A new one. Advance() follows.
  static Gang Asked(Time now, GangSpec spec);
  // One that an earlier agent left behind; its keeper says `up`, `failed` or `gone` soon. `started`: that agent had given it
  // ranks, or was about to.
  static Gang Adopted(const GangRecord& record, bool started);

  const GangKey& key() const { return key_; }
  const std::optional<GangSpec>& spec() const { return spec_; }  // nullopt: adopted
  const Readied& readied() const { return *readied_; }           // REQUIRES: phase prepared, not adopted
  const std::optional<CheckpointSpec>& checkpoint() const { return checkpoint_; }
  GangRecord Record() const;
  GangStatus Status() const;
  GangPhase phase() const { return phase_; }
  bool Over() const { return phase_ == GangPhase::empty || phase_ == GangPhase::refused; }
  // Part of reports: not yet forgotten.
  bool Reported() const { return !forgotten_; }
  // What it is can be said: its keeper has spoken, and the gang is not just about to be dropped.
  bool Known() const { return !forgotten_ && keeper_ != KeeperState::awaited; }
  bool KeeperUp() const { return keeper_ == KeeperState::up; }
  bool Dropped() const { return dropped_; }  // nothing is left to do or to say: the caller removes it
  bool HasSpool() const { return keeper_ != KeeperState::none; }

  // Time or the other gangs of the job have moved on. `older`: what still lives here of earlier generations ("generation 2: 3
  // processes in D state"); empty: nothing.
  GangStep Advance(Time now, const std::string& older);
  bool Startable() const { return phase_ == GangPhase::prepared && !started_; }
  GangStep Start();
  GangStep Stop(Time now, Duration grace, const std::string& why);
  GangStep Forget();
  // The agent itself cannot go on with it (its memory cannot be written).
  GangStep Decline(const std::string& why);
  GangStep Checked(const GangChecked& checked);
  GangStep Heard(Time now, const KeeperEvent& event);
  // When Advance is next due.
  std::optional<Time> Deadline() const;

 private:
  // none: not launched (and never will be, if Over)
  enum class KeeperState { none, awaited, up, ended };

  void Refuse(Refusal refusal, std::string why, GangStep& step);
  void SettlePrepared(GangStep& step);
  void Absorb(const KeeperStatus& status, GangStep& step);
  void HeardUp(Time now, const KeeperStatus& status, GangStep& step);
  void HeardFailed(const std::string& why, GangStep& step);
  void HeardGone(const KeeperEvent& event, GangStep& step);
  void Drop(GangStep& step);
  void Enter(GangPhase phase, std::string why, GangStep& step);

  GangKey key_{};
  std::optional<GangSpec> spec_{};
  bool watches_ = false;
  std::optional<CheckpointSpec> checkpoint_{};
  std::optional<Readied> readied_{};

  GangPhase phase_ = GangPhase::preparing;
  std::optional<Refusal> refusal_{};
  std::string why_{};
  bool fenced_ = false;
  std::vector<RankStatus> ranks_{};
  std::optional<Progress> progress_{};

  KeeperState keeper_ = KeeperState::none;
  bool adopted_ = false;
  bool started_ = false;  // ranks may exist
  bool waiting_ = false;  // for older generations
  bool watching_ = false;
  bool forgotten_ = false;
  bool dropped_ = false;
  std::string stop_why_{};            // of the first stop
  std::optional<Time> kill_at_{};     // of the stop under way
  std::optional<Time> give_up_at_{};  // preparing: refuse then
};

}  // namespace everstep
