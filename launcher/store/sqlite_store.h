// The log in one SQLite file (base/seam/store.h has the contract). In the state directory:
//
//   everstep.db, everstep.db-wal   the database and its write-ahead log; synchronous=FULL
//   everstep.head                  what was last acknowledged, outside both (head_file.h)
//   everstep.reserve               space for a full disk (disk_reserve.h)
//
// A commit is one transaction (one fsync of the write-ahead log) and one write of the head (one fdatasync), for as many batches
// as Append is given. Commits are numbered: after a crash the database may be ahead of the head, never behind it.
//
// What survives what:
//   kill -9 at any point      all that was acknowledged; at most one group more
//   power cut at any point    the same, on disks that keep what they were told to flush
//   flipped bits, lost tail   refused at Open, files untouched, or all that was acknowledged is intact
//   disk full                 the append fails with kExhausted, changes nothing, and may be tried again
//   any other I/O error       this store refuses everything after; the next Open finds what is durable
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>

#include "base/seam/clock.h"
#include "base/seam/store.h"
#include "launcher/store/disk_reserve.h"
#include "launcher/store/head_file.h"
#include "launcher/store/log_end.h"
#include "launcher/store/sqlite_db.h"
#include "launcher/store/state_directory.h"

namespace everstep {

struct SqliteOptions {
  std::string directory{};  // absolute; made if missing
  std::string vfs{};        // SQLite's name of the way to files; empty: the system's
  std::size_t reserve_bytes = 16u << 20;
  int checkpoint_pages = 1000;  // of 4 KiB in the write-ahead log, then it is copied into the database (about 10 ms)
};

class SqliteStore final : public Store {
 public:
  // REQUIRES: `clock` outlives it.
  SqliteStore(SqliteOptions options, Clock& clock);

  Result<Recovered> Open() override;
  Status BeginEpoch(Epoch epoch) override;
  Result<LogIndex> Append(LogIndex expected, Epoch epoch, const std::vector<Batch>& batches) override;
  Status Compact(Epoch epoch, const Snapshot& snapshot) override;
  Result<std::vector<HistoryRow>> History(const HistoryQuery& query) override;
  Status ForgetHistory(WallTime oldest) override;
  bool NearlyFull() override;

 private:
  std::string Path(std::string_view name) const;
  Result<std::int64_t> SizeOf(std::string_view name);
  Result<Recovered> OpenParts();
  Status RefuseWhatSqliteWouldRepair();
  Status Create();
  Status Ready() const;
  Status Claimed(Epoch epoch) const;
  // The writes of one transaction; moves the end of the log, whose commit number is already the next, to where they put it.
  using Writes = std::function<Status(LogEnd& next)>;
  Result<LogEnd> Transact(const Writes& writes);
  Status Commit(const Writes& writes);
  Result<std::string> HashAt(LogIndex index);
  Status WriteEntries(LogEnd& next, const std::vector<Batch>& batches);
  Status Broken(Error error);

  const SqliteOptions options_;
  Clock& clock_;
  sqlite3_vfs* vfs_ = nullptr;
  std::optional<StateDirectory> directory_{};  // first, so that the lock goes last
  std::optional<HeadFile> head_{};
  std::optional<SqliteDb> db_{};
  std::optional<DiskReserve> reserve_{};
  bool wal_is_missing_ = false;    // before Open: another program closed the database properly
  LogEnd end_{};                   // durable and acknowledged
  LogIndex base_{};                // the snapshot stands for the entries up to here
  bool claimed_ = false;           // BeginEpoch was called: end_.epoch is ours
  std::optional<Error> broken_{};  // why everything is refused
};

}  // namespace everstep
