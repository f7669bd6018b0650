// What must hold whatever happens. Each rule has the number under which the design lists it (I1 … I26, docs/architecture.md);
// an accusation begins with that number. They are looked at
//
//   after every turn of a launcher in which something was decided    Decided: what it believes
//   when a group of the log has become durable, fact by fact          Durable: what has been decided for good
//   when a launcher has read its log                                  Opened
//   when a rank starts, exits, saves or a machine goes on             training.h, RankStarts
//   once a virtual second                                             Tick: what should have been decided by now
//   at the end                                                        End
//
// Between two of these moments nothing of what a rule speaks of can change.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/seam/store.h"
#include "launcher/core/facts.h"
#include "launcher/core/world.h"
#include "tests/sim/faults.h"
#include "tests/sim/outcome.h"
#include "tests/sim/training.h"

namespace everstep::sim {

class Judge {
 public:
  // What is true of a host, whatever the launcher believes.
  struct HostTruth {
    bool in_trouble = false;   // the launcher and it do not hear each other, for any cause
    bool gone = false;         // it has no power, or stands still
    bool unreachable = false;  // gone, or its agent stands still, or there is no way to it, not even through a peer
    Time unreachable_since{};
    Time since{};                 // in_trouble has been so
    std::optional<Time> ended{};  // it was in trouble until then
  };
  using Truth = std::function<HostTruth(const NodeId&)>;

  // `calm`: nobody may be evicted.
  Judge(const Agenda& agenda, const Training& training, bool calm, Duration port_rest, Truth truth)
      : agenda_(agenda), training_(training), calm_(calm), port_rest_(port_rest), truth_(std::move(truth)) {}

  bool only_observes = false;  // what checks say
  // An operator has said so, or is about to.
  void MayUndrain(const NodeId& node) { undrained_.insert(node); }

  void Accuse(const std::string& what);
  // Two launchers have a log each from now on: what one of them starts need not stand in the other's. Exclusion holds all the
  // same, and whoever is left decides nothing if it must not.
  void LogIsCopied() { copied_ = true; }
  void Acknowledged(const JobId& job) { acknowledged_.insert(job); }
  void Loaded(const std::vector<std::string>& entries);  // stood in the log before the run

  void Decided(const World& world);
  void Opened(const Recovered& recovered);
  void Uncertain(const std::vector<Batch>& batches);
  void Durable(LogIndex first, const std::vector<Batch>& batches);
  void RankStarts(const RankPlace& place);
  // `well_since`: since when this launcher has been able to act.
  void Tick(const World& world, Time well_since);
  void End(const World* world, bool quiet, std::size_t unanswered);

  // It waits for an operator, because another launcher had a copy of its log.
  bool Halted(const World* world) const { return copied_ && world && !world->state.halted.empty(); }
  bool Convinced() const { return !outcome_.violations.empty(); }
  // Every job that was acknowledged has ended, as far as was decided.
  bool AllEnded() const;
  const Outcome& outcome() const { return outcome_; }

 private:
  struct JobSeen {
    Generation generation{};
    JobPhase phase = JobPhase::queued;
  };
  void Forget();
  void Count();
  void DecidedOn(const World& world, const JobState& job);
  void ResumesSoundly(const JobState& job);
  void HeldOnce(const State& state);
  void Members(const World& world);
  void FailureIsSeen(const World& world, const JobState& job);
  void Conserved(const World& world);

  // judge_log.cc
  void Fold(const std::string& bytes);
  void BeforeFact(const Entry& entry);
  void AfterFact(const Entry& entry);
  void Lost(const NodeLost& fact);
  void Planned(const GenerationPlanned& fact, Time at);
  void EndedJob(const JobEnded& fact);
  void CommittedStep(const Fact& fact);
  void HostTime(const Entry& entry);
  void LedgerAddsUp(const JobId& id);
  void Breaks(const Entry& entry);
  void RestartsInTime(const GenerationPlanned& fact, Time at);

  // judge_health.cc
  void BeforeHealthFact(const Entry& entry);
  void AfterHealthFact(const Entry& entry);
  void Quarantined(const NodeQuarantined& fact, Time at);
  void BrokenChecks(const World& world);
  void NobodyIsForgotten(const World& world);
  void NobodyIsKept(const World& world);

  const Agenda& agenda_;
  const Training& training_;
  const bool calm_;
  bool copied_ = false;
  bool news_ = false;  // something was decided since the last look
  const Duration port_rest_;
  const Truth truth_;
  std::set<JobId> acknowledged_{};
  std::map<JobId, JobSeen> seen_{};
  std::map<NodeId, bool> member_{};
  std::map<NodeId, Time> joined_{};  // again, after it was lost
  Epoch epoch_{};
  Time held_at_{};  // half of the members or more were silent

  std::vector<std::string> log_{};                     // all that is durable, from the first entry on
  std::vector<std::vector<std::string>> uncertain_{};  // groups that may or may not be
  State durable_{};                                    // their fold
  std::size_t submitted_ = 0;
  std::set<NodeId> suspected_{};  // in this epoch
  std::map<std::uint32_t, Time> ports_{};
  std::map<JobId, std::uint64_t> committed_{};  // step
  struct HeldTime {
    Time at{};
    std::uint64_t microseconds = 0;  // times hosts and spares
  };
  std::map<JobId, HeldTime> held_time_{};  // counted here, by what the log says who had what when
  struct BreaksSeen {
    Time started{};
    Time broken{};
    Time drill_until{};       // what breaks the generation until then is no failure
    std::uint32_t quick = 0;  // in a row
  };
  std::map<JobId, BreaksSeen> breaks_{};
  std::set<NodeId> undrained_{};         // by an operator
  std::map<NodeId, Time> taken_out_{};   // by checks, last
  std::map<NodeId, Time> unjustly_{};    // it has been out of work for what all fail, since
  std::map<NodeId, Time> forgotten_{};   // an alarm of it asks for more, and it might go, since
  std::optional<Drain> drain_before_{};  // of the host of the fact that is being folded
  Outcome outcome_{};
};

}  // namespace everstep::sim
