// The agent's real way to its keepers (base/seam/processes.h).
//
// Launch makes the spool, binds the keeper's socket in it and starts everstep-keeper in a session of its own, with nothing of
// the agent's but that socket. Somebody listens on the socket exactly as long as the keeper lives: that is how a keeper, also
// one that an earlier agent started, is told from a dead one.
//
// When a keeper died under a gang that it had started, what it left is killed first (its cgroup, or without one the sessions of
// its ranks) and `gone` comes when that is seen to be gone, with phase empty. What is left after kBurialPatience is named in a
// status, and looked for each second from then on. A keeper that this agent cannot speak with, or that does not obey a stop, is
// killed first. Without a cgroup, processes that gave themselves a session of their own are
// not found any more; `why` says so.
//
// Threads: calls from any one thread. Events are posted from a thread of this class, one after another. Spool and log
// directories are worked on by another one, so that no slow disk delays a lease. Discard of a keeper that still lives leaves
// its spool alone.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/keeper/log_file.h"
#include "base/result.h"
#include "base/seam/processes.h"
#include "base/time.h"

namespace everstep {

struct RealProcessesOptions {
  std::string state_dir{};           // absolute; spools are made in <state_dir>/gangs
  std::string log_dir{};             // absolute; <log_dir>/<job>/<generation>/<rank>.out, .err, and rotated .out.1 …
  std::string keeper{};              // path of everstep-keeper
  LogLimits log_limits{};            // of each stream of each rank
  std::string kernel_log{};          // where keepers look for why a rank was killed; empty: nowhere
  std::uint32_t log_gangs_max = 20;  // generations of logs kept on this host
  Duration up_within = 10s;          // a launched keeper that has not answered by then is killed and `failed`
  std::function<void(DrillFailed)> drill_failed{};  // from the thread of this class; must not block
};

inline constexpr Duration kBurialPatience = 5s;

class RealProcesses : public Processes {
 public:
  // Creates the directories. kConflict: another agent uses this state_dir.
  static Result<std::unique_ptr<RealProcesses>> Open(RealProcessesOptions options, std::function<void(KeeperEvent)> post);
  ~RealProcesses() override;  // the keepers live on; no event comes after it
  RealProcesses(const RealProcesses&) = delete;
  RealProcesses& operator=(const RealProcesses&) = delete;

  void Launch(const GangKey& gang, KeeperLease lease) override;
  Result<std::vector<GangKey>> Adopt() override;
  void Send(const GangKey& gang, ToKeeper message) override;
  void Inject(const GangKey& gang, const Fault& fault) override;
  void Discard(const GangKey& gang) override;

 private:
  class Rim;
  explicit RealProcesses(std::unique_ptr<Rim> rim);
  std::unique_ptr<Rim> rim_;
};

}  // namespace everstep
