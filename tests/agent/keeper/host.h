// A host for keeper tests: a state directory of its own, an agent's RealProcesses on it (which may be ended and started again),
// and the events it posts, to be waited for. At the end every gang is stopped and nothing may be left: no process, no cgroup.
#pragma once

#include <gtest/gtest.h>

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "agent/keeper/processes.h"
#include "agent/keeper/spool.h"
#include "base/real/clock.h"

namespace everstep {

inline constexpr Duration kPatience = 30s;  // for things that take milliseconds, on a machine that does much else

inline constexpr Duration kLease = 2min;  // a crashed test leaves nothing behind for longer

// Looks at `holds` until it does; false after kPatience.
bool Eventually(const std::function<bool()>& holds);
std::string FileText(const std::string& path);  // empty when there is none
bool Alive(std::int64_t pid);                   // and not a zombie

class Host : public testing::Test {
 protected:
  Host();
  ~Host() override;
  void TearDown() override;
  std::string Left() const;  // processes that carry this test's directory in their command line or environment

  void StartAgent();
  void EndAgent();  // its keepers are not told
  void Launch(Duration lease = kLease);

  // `script` under /bin/sh; $0 is the test's own directory, which also marks its processes.
  RankCommand Shell(std::uint32_t rank, const std::string& script) const;
  void Start(std::vector<RankCommand> ranks);
  // Launch, start and wait until it runs.
  KeeperStatus Run(std::vector<RankCommand> ranks, Duration lease = kLease);
  void Send(ToKeeper message) { agent_->Send(gang_, std::move(message)); }

  // The first event not waited for yet that `wanted` takes; the ones before it are forgotten.
  KeeperEvent Await(const std::string& what, const std::function<bool(const KeeperEvent&)>& wanted);
  KeeperEvent AwaitKind(KeeperEventKind kind);
  KeeperStatus AwaitPhase(KeeperPhase phase);
  KeeperStatus AwaitEnds(std::size_t ranks);  // so many ranks have ended

  std::string LogPath(std::uint32_t rank, const std::string& stream) const;
  std::string LogOf(std::uint32_t rank, const std::string& stream) const { return FileText(LogPath(rank, stream)); }
  std::string spool() const { return state_ + "/gangs/" + SpoolName(gang_); }
  std::int64_t KeeperPid() const;
  std::int64_t PidIn(const std::string& file) const;  // a number that a rank writes to a file in root_; waits for it

  GangKey gang_{.job = JobId("story-1"), .generation = Generation(1)};
  std::string root_;  // everything of this test
  std::string state_;
  RealProcessesOptions options_;
  std::unique_ptr<RealProcesses> agent_;
  RealClock clock_;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<KeeperEvent> events_;
  std::optional<KeeperEvent> last_;  // that was waited for, of this gang
};

}  // namespace everstep
