// The launcher's log on something durable. One of the five seams.
//
// The log is a sequence of entries (opaque bytes; launcher/daemon/codec.h makes and reads them), each batch of which becomes
// durable whole or not at all. A snapshot stands for all entries up to its index. History rows are for people: indexed by
// job, kept for a time, never replayed.
//
// Thread: one at a time, the store thread. Calls block for as long as the disk does. A store that has returned kIo or kCorrupt
// refuses everything after: the process ends and recovers from what is durable (a failed fsync must not be retried, Rebello et
// al., ATC 2020).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"

namespace everstep {

struct Snapshot {
  LogIndex index{};  // of the last entry it contains
  std::string bytes{};
  friend bool operator==(const Snapshot&, const Snapshot&) = default;
};

struct Recovered {
  Epoch epoch{};  // highest that ever wrote; 0: a new store
  std::optional<Snapshot> snapshot{};
  LogIndex first{};  // index of entries[0]; snapshot index + 1, or 1
  std::vector<std::string> entries{};
  WallTime last_write{};  // when the last entry was written, for the downtime; 0 in a new store
};

// A line of history, for `events` and `incidents`.
struct HistoryRow {
  LogIndex index{};
  WallTime at{};
  JobId job{};         // empty: not about one job
  NodeId node{};       // empty: not about one host
  std::string kind{};  // the fact's name
  std::string why{};   // its sentence
  friend bool operator==(const HistoryRow&, const HistoryRow&) = default;
};

struct HistoryQuery {
  JobId job{};       // empty: any
  NodeId node{};     // empty: any
  LogIndex after{};  // rows with a higher index only
  std::uint32_t rows_max = 1000;
  bool newest = false;  // the newest rows_max rows rather than the oldest; always returned in log order
};

struct Batch {
  std::vector<std::string> entries{};  // one atomic change; not empty
  std::vector<HistoryRow> history{};   // each row's `index` is that of one of the entries
};

class Store {
 public:
  virtual ~Store() = default;

  // Reads all back, verified. Called once, before anything else. kCorrupt: what is there is not what was written; kInvalid:
  // made by a newer version; kConflict: another launcher has it open. In each case nothing is changed on disk.
  virtual Result<Recovered> Open() = 0;
  // Claims the store for `epoch`; kConflict unless it is higher than all before. Durable on return.
  virtual Status BeginEpoch(Epoch epoch) = 0;
  // Appends the batches, in order, as one group: durable on return, all or nothing. kConflict: the log's end is not `expected`,
  // or this opening has not begun `epoch`, or a higher one has begun since. kExhausted: no room. In both cases nothing is
  // written and the call may be tried again. Returns the new end.
  virtual Result<LogIndex> Append(LogIndex expected, Epoch epoch, const std::vector<Batch>& batches) = 0;
  // Replaces the snapshot and drops the entries it stands for. REQUIRES: snapshot.index <= the log's end, and not below the
  // snapshot before.
  virtual Status Compact(Epoch epoch, const Snapshot& snapshot) = 0;
  virtual Result<std::vector<HistoryRow>> History(const HistoryQuery& query) = 0;
  // Drops history rows written before `oldest`.
  virtual Status ForgetHistory(WallTime oldest) = 0;
  // The disk has little room left: new jobs are to be refused, so that those which run can be seen to their end. Cheap enough
  // to ask after every Append.
  virtual bool NearlyFull() { return false; }
};

}  // namespace everstep
