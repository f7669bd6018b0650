// A host in a story: it obeys commands at once, as a flawless agent and keeper would, except where the story says otherwise.
// No process, no thread, no clock: time is an argument.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/messages.h"

namespace everstep {

RankExit ExitCode(std::uint32_t code, std::string tail = {});
RankExit Killed(std::uint32_t signal, bool oom = false);

struct SimHost {
  NodeId id{};
  std::uint64_t boots = 1;
  Incarnation incarnation{1};
  bool powered = true;  // the kernel runs, and the keepers with it
  bool agent = true;    // the agent runs
  bool frozen = false;  // nothing on it runs, not even a keeper
  bool wire = true;     // between it and the launcher; peers may still reach it
  int island = 0;       // hosts of one island reach each other; the launcher is on island 0
  std::uint32_t accelerators = 0;

  // What the next commands meet.
  std::vector<std::pair<Refusal, std::string>> refusals{};  // of the next Prepare commands, first one first
  std::string checkpoint_dir_id{};                          // of what it sees under the job's checkpoint directory
  bool prepares = true;                                     // false: stays in preparing
  bool starts = true;                                       // false: does not hear Start
  bool obeys_term = true;                                   // false: ranks live until SIGKILL
  bool amnesia = false;                                     // its agent's state directory is new: it tells of no gang
  bool unkillable = false;                                  // ranks live even then

  std::vector<GangStatus> gangs{};
  std::map<GangKey, GangSpec> specs{};
  std::set<JobId> left_for_good{};  // told so with a Forget
  std::map<GangKey, Time> kill_at{};
  std::vector<CheckpointSeen> checkpoints{};  // not acknowledged
  HostHealth health{};                        // what its monitor says
  Sequence seq{};                             // of reports
  Sequence beats{};
  Time acked{};                // when its newest acknowledged beat was sent
  Time round{};                // when its newest successful round of questions began
  std::set<NodeId> members{};  // as last told

  BootId Boot() const;
  bool Speaks() const { return powered && agent && !frozen; }
  Hello MakeHello();
  Report MakeReport();
  Beat MakeBeat(Time now);

  void Obey(Time now, const ToAgent& command);
  void EndRank(Time now, const JobId& job, std::uint32_t rank, RankExit exit);
  void Tell(const JobId& job, std::uint64_t step);  // every rank of its running gang says that it is at `step`
  void Kill(Time now, GangStatus& gang, std::uint32_t signal);
  void RunTimers(Time now, Duration fence_after);  // SIGKILL after grace, and the fence
  void PowerOff();
  void PowerOn();  // after PowerOff: another kernel, nothing runs

  GangStatus* Gang(const JobId& job, Generation generation);
  GangStatus* Newest(const JobId& job);
  // Whether ranks of this gang live here.
  static bool Alive(const GangStatus& gang) { return gang.phase == GangPhase::running || gang.phase == GangPhase::stopping; }
};

}  // namespace everstep
