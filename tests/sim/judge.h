// What must hold whatever happens, looked at after every decision. What ranks do at the same time is judged by training.h, at
// the moment when they do it.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "launcher/core/world.h"
#include "launcher/store/memory_store.h"
#include "tests/sim/faults.h"
#include "tests/sim/training.h"

namespace everstep::sim {

struct Outcome {
  std::vector<std::string> violations{};  // the first few
  std::uint64_t hash = 0;                 // of every line of the trace, with its time
  std::uint64_t events = 0;
  Duration virtual_time{0};
  std::size_t evictions = 0, restarts = 0, done = 0, failed = 0, cancelled = 0;
  std::vector<Fault> faults{};
  std::vector<std::string> trace{};  // the newest lines, or all of them (RunOptions::keep_trace)
};

class Judge {
 public:
  // `calm`: nobody may be evicted.
  Judge(const Agenda& agenda, const Training& training, bool calm) : agenda_(agenda), training_(training), calm_(calm) {}

  void Acknowledged(const JobId& job) { acknowledged_.insert(job); }
  void Decided(const World& world);
  void Accuse(const std::string& what);
  void End(const World* world, const MemoryLog& log, const Training& training, std::size_t unanswered);

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
  void DecidedOn(const World& world, const JobState& job);
  void ResumesSoundly(const JobState& job);
  void Members(const World& world);
  void Replay(const World& world, const MemoryLog& log);

  const Agenda& agenda_;
  const Training& training_;
  const bool calm_;
  std::set<JobId> acknowledged_{};
  std::map<JobId, JobSeen> seen_{};
  std::map<NodeId, bool> member_{};
  Epoch epoch_{};
  Outcome outcome_{};
};

}  // namespace everstep::sim
