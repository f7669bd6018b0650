// A whole cluster in a test: the launcher's pure cores and the failure detector, driven as launcher/daemon/loop.cc drives them,
// and hosts that obey (sim_host.h). Virtual time in steps of 100 ms; after each verb everything settles. What is told is the
// `why` of every fact, in order: those sentences are the product.
//
// While a story runs it is checked that no two generations of a job live at once, that no host has ranks of two jobs, that
// generations grow, that an end is final, that every sentence is one line within its limit, that deciding ends, that no
// deadline is missed or left in the past, and that replaying the facts gives the same state.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <ostream>
#include <set>
#include <string>
#include <vector>

#include "health/core/detector.h"
#include "launcher/core/world.h"
#include "tests/story/sim_host.h"

namespace everstep {

template <class Tag>
std::ostream& operator<<(std::ostream& out, const Text<Tag>& id) {
  return out << id.value;
}
inline std::ostream& operator<<(std::ostream& out, Time t) { return out << Show(t.time_since_epoch()); }
inline std::ostream& operator<<(std::ostream& out, JobPhase phase) { return out << Name(phase); }

using Lines = std::vector<std::string>;

// A job of `nodes` hosts with one rank each, named "train".
JobSpec Train(std::uint32_t nodes, std::uint32_t spares = 0);

class Story {
 public:
  explicit Story(const std::vector<std::string>& hosts, Policy policy = {}, Duration step = 100ms);
  ~Story();

  // People.
  JobId Submit(const JobSpec& spec);
  std::string Cancel(const JobId& job, bool now = false);                                   // the refusal; empty: accepted
  std::string ConfirmDead(const std::string& node, const std::string& by = "ann");          // likewise
  std::string Drain(const std::string& node, const std::string& reason, bool now = false);  // by ann@login1; likewise
  std::string Undrain(const std::string& node);
  std::string Clear(const std::string& node, const std::string& note = {}, const std::string& check = {});  // likewise
  std::string Drill(const InjectFault& request);  // the order alone: the story does what it says; likewise

  // Time.
  void Pass(Duration d);

  // Hosts. Those that may speak report at once.
  SimHost& Host(const std::string& name) { return hosts_.at(NodeId(name)); }
  void Up(const std::string& name);
  void Cut(const std::vector<std::string>& names, int island = 1);  // nothing comes through, no FIN, no RST
  void Heal(const std::vector<std::string>& names);
  void PowerOff(const std::string& name);
  void PowerOn(const std::string& name);
  void AgentDies(const std::string& name);
  void AgentStarts(const std::string& name);
  // Its monitor: runs and has nothing to say; raises an alarm; has seen it get better.
  void Watched(const std::string& name);
  void Raises(const std::string& name, const std::string& check, HealthAction action, const std::string& scope = {});
  void Mends(const std::string& name, const std::string& check);
  void RemedyHookSays(const std::string& name, bool done);
  void FenceHookSays(const std::string& name, bool off);
  void Refuse(const std::string& name, Refusal refusal, const std::string& why);  // the next Prepare
  void Reports(const std::string& name);                                          // after changing Host(name) by hand

  // Ranks and checkpoints of the job's newest gangs.
  void RankEnds(const JobId& job, std::uint32_t rank, const RankExit& exit);
  void AllRanksEnd(const JobId& job, const RankExit& exit);
  // To stderr, and the launcher has read it.
  void Writes(const JobId& job, std::uint32_t rank, const std::string& text);
  void Step(const JobId& job, std::uint64_t step);
  void Saves(const JobId& job, const std::string& source, std::optional<std::uint64_t> step, bool complete = true);
  CheckpointSeen Seen(const JobId& job, const std::string& source, std::optional<std::uint64_t> step, bool complete = true);

  // The launcher is killed and comes back after `away`; all it knows is its log.
  void RestartLauncher(Duration away = 2s);

  // What was told since the last call.
  Lines Told();
  const World& world() const { return world_; }
  const JobState& Job(const JobId& job) const { return world_.state.jobs.at(job); }
  JobPhase Phase(const JobId& job) const { return Job(job).phase; }
  std::vector<std::string> HostsOf(const JobId& job) const;
  Now now() const { return {now_, {now_.time_since_epoch().count()}}; }
  // Where a rank of the job's current generation lives.
  SimHost* HostOfRank(const JobId& job, std::uint32_t rank);

 private:
  void Commit(const Facts& facts);
  void Settle();
  void Decide();
  void Deliver();
  void OpenSession(SimHost& host);
  void CloseSession(const NodeId& node);
  void OnReport(SimHost& host);
  void Take(const DetectorOutput& output);
  void Ask(const AskAbout& ask);
  void RetryEvictions();
  void BeatAll();
  void RunFences();
  void TellMembership();
  bool Reaches(const SimHost& host) const;  // from the launcher
  void CheckWorlds();
  void CheckDeadlines();
  void CheckFact(const Fact& fact) const;

  std::map<NodeId, SimHost> hosts_{};
  std::map<NodeId, std::map<GangKey, std::vector<RankWords>>> read_{};  // of stderr
  World world_{};
  FailureDetector detector_{DetectorOptions{}};
  Duration step_;
  Time now_{};
  std::set<NodeId> sessions_{};
  std::vector<Entry> log_{};
  Lines told_{};
  std::uint64_t membership_told_ = 0;
  std::map<NodeId, std::pair<std::uint64_t, Time>> told_at_{};  // which version of the membership each host was sent, and when
  bool news_ = true;                                            // false: what is decided now, time alone has brought about
  std::set<JobId> due_{};                                       // jobs whose deadline has come
};

}  // namespace everstep
