// A gang's directory, `<state>/gangs/<job>.<generation>/`, and what stands in it:
//
//   keeper.sock   the keeper's Unix socket. Somebody listens exactly as long as the keeper lives: the agent binds it before it
//                 starts the keeper, which inherits it and nobody else has it.
//   started       an empty file, made before the first rank is forked: without it nothing ever ran
//   exits         KeeperRecord: what a later agent needs when the keeper is dead
//   keeper.pid    "pid start-time", for people and for who has to kill it
//   keeper.log    the keeper's own problems
//
// All calls block for as long as the disk does. Threads: any; one writer a spool.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/fields.h"
#include "base/ids.h"
#include "base/real/fd.h"
#include "base/result.h"
#include "base/seam/processes.h"

namespace everstep {

// A rank's process, known from its fork on: before it is said to run its program.
struct RankProcess {
  std::int64_t pid = 0;  // 0: the fork failed, or was not tried
  std::uint64_t at = 0;  // when it was started, in clock ticks since boot: tells it from a stranger with its number
};
EVERSTEP_FIELDS(RankProcess, pid, at)

struct KeeperRecord {
  std::string boot{};                  // the kernel's boot id: pids and cgroups mean nothing in another boot
  std::vector<std::string> cgroups{};  // GangCgroup::paths
  std::vector<RankProcess> started{};
  KeeperStatus status{};
};
EVERSTEP_FIELDS(KeeperRecord, boot, cgroups, started, status)

// Where things are in the spool `directory`.
std::string SocketIn(const std::string& directory);
std::string KeeperLogIn(const std::string& directory);

std::string SpoolName(const GangKey& gang);
std::optional<GangKey> GangOfSpool(const std::string& name);  // nullopt: no spool's name

// Makes the directory with a socket that listens. kConflict: there is one already.
Result<Fd> MakeSpool(const std::string& directory);
// Atomic and durable on return.
Status WriteRecord(const std::string& directory, const KeeperRecord& record);
// The first record, with keeper.pid. Outlives the keeper but perhaps not the host, after whose crash nothing runs anyway: the
// disk is not waited for, and a keeper is up in milliseconds on a busy one too.
Status WriteFirstRecord(const std::string& directory, const KeeperRecord& record);
// Not synced, for the same reason.
Status MarkStarted(const std::string& directory);

// kNotFound: the keeper never came so far.
Result<KeeperRecord> ReadRecord(const std::string& directory);
// What a dead keeper left to be known.
struct SpoolRemains {
  bool started = false;
  Result<KeeperRecord> record{};
  std::optional<RankProcess> keeper{};  // nullopt: it never came so far
  std::string last_log_line{};          // of the keeper's log; empty: it wrote nothing
};
SpoolRemains ReadRemains(const std::string& directory);
// With all that is in it. Good when it was not there.
Status RemoveSpool(const std::string& directory);

// Deletes the oldest directories `<logs>/<job>/<generation>` beyond the newest `gangs_max`, never one that `keep` names.
void PruneLogs(const std::string& logs, std::size_t gangs_max, const std::vector<GangKey>& keep);

}  // namespace everstep
