#include "launcher/store/sqlite_store.h"

#include <sqlite3.h>

#include <utility>

#include "base/check.h"
#include "base/text.h"
#include "launcher/store/claims.h"
#include "launcher/store/history_rows.h"
#include "launcher/store/sqlite_read_back.h"
#include "launcher/store/sqlite_schema.h"
#include "launcher/store/vfs_file.h"

namespace everstep {

SqliteStore::SqliteStore(SqliteOptions options, Clock& clock) : options_(std::move(options)), clock_(clock) {}

std::string SqliteStore::Path(std::string_view name) const { return Cat(options_.directory, "/", name); }

// ---- open ----------------------------------------------------------------------------------------------------------------

Result<Recovered> SqliteStore::Open() {
  Check(!directory_ && !broken_, "a store is opened once");
  Result<Recovered> recovered = OpenParts();
  if (recovered) return recovered;
  Error error = recovered.error();
  broken_ = error;
  db_.reset();
  head_.reset();
  // To read a database that has no write-ahead log beside it, SQLite makes an empty one.
  if (wal_is_missing_ && SizeOf("everstep.db-wal") == 0) VfsFile::Remove(vfs_, Path("everstep.db-wal"));
  directory_.reset();
  if (error.code == ErrorCode::kConflict || !error.hint.empty()) return Fail(error);
  error.message = Cat("the store in ", options_.directory, ": ", error.message);
  if (error.code == ErrorCode::kCorrupt)
    error.hint =
        "nothing was changed; put back everstep.db, everstep.db-wal and everstep.head from one backup, or move all three "
        "away to start with an empty log";
  if (error.code == ErrorCode::kInvalid)
    error.hint = "nothing was changed; start the newer everstep-launcher, or give this one a state_dir of its own";
  return Fail(error);
}

// 0: empty or missing.
Result<std::int64_t> SqliteStore::SizeOf(std::string_view name) {
  EVERSTEP_ASSIGN(const bool exists, VfsFile::Exists(vfs_, Path(name)));
  if (!exists) return 0;
  EVERSTEP_ASSIGN(VfsFile file, VfsFile::Open(vfs_, Path(name), false));
  return file.Size();
}

Result<Recovered> SqliteStore::OpenParts() {
  vfs_ = sqlite3_vfs_find(options_.vfs.empty() ? nullptr : options_.vfs.c_str());
  Check(vfs_ != nullptr, "a registered VFS");
  EVERSTEP_ASSIGN(directory_, StateDirectory::Take(options_.directory));
  EVERSTEP_ASSIGN(head_, HeadFile::Open(vfs_, Path("everstep.head")));
  EVERSTEP_TRY(RefuseWhatSqliteWouldRepair());
  EVERSTEP_ASSIGN(db_, SqliteDb::Open(Path("everstep.db"), options_.vfs));
  EVERSTEP_TRY(Configure(*db_));
  EVERSTEP_ASSIGN(const bool is_new, IsNew(*db_));
  if (is_new) {
    if (head_->newest()) return Fail(ErrorCode::kCorrupt, "everstep.db has no tables, but everstep.head says that it had");
    EVERSTEP_TRY(Create());
  }
  EVERSTEP_ASSIGN(ReadBack back, ReadStore(*db_, head_->newest()));
  end_ = back.end;
  base_ = LogIndex(back.recovered.first.value - 1);
  EVERSTEP_TRY(head_->Allocate());
  EVERSTEP_ASSIGN(reserve_, DiskReserve::Take(vfs_, Path("everstep.reserve"), options_.reserve_bytes));
  return std::move(back.recovered);
}

// SQLite, as it opens a database, rolls back a journal that it finds, and deletes the write-ahead log of an empty file. Neither
// can be right here once something was acknowledged, and both destroy evidence.
Status SqliteStore::RefuseWhatSqliteWouldRepair() {
  EVERSTEP_ASSIGN(const std::int64_t database, SizeOf("everstep.db"));
  EVERSTEP_ASSIGN(const std::int64_t wal, SizeOf("everstep.db-wal"));
  EVERSTEP_ASSIGN(const std::int64_t journal, SizeOf("everstep.db-journal"));
  EVERSTEP_ASSIGN(const bool wal_exists, VfsFile::Exists(vfs_, Path("everstep.db-wal")));
  wal_is_missing_ = database > 0 && !wal_exists;
  if (database == 0 && (wal > 0 || head_->newest()))
    return Fail(ErrorCode::kCorrupt, "everstep.db is missing or empty, but what belongs to it is not");
  if (journal > 0 && head_->newest())
    return Fail(ErrorCode::kCorrupt,
                "there is everstep.db-journal, which Everstep does not make: another program wrote to the database");
  return {};
}

Status SqliteStore::Create() {
  EVERSTEP_ASSIGN(const std::string mode, db_->Text("PRAGMA journal_mode=WAL"));
  if (mode != "wal") return Fail(ErrorCode::kIo, Cat("SQLite does not write ahead here: journal mode ", mode));
  EVERSTEP_TRY(db_->Run("BEGIN IMMEDIATE"));
  EVERSTEP_TRY(CreateSchema(*db_));
  const std::string record = Encode(LogEnd{.commit = 1});
  EVERSTEP_ASSIGN(SqliteStatement insert, db_->Prepare("INSERT INTO log_end(one, record) VALUES(1, ?)"));
  EVERSTEP_TRY(insert.BindBlob(1, record).Run());
  return db_->Run("COMMIT");
}

// ---- commits -------------------------------------------------------------------------------------------------------------

Status SqliteStore::Ready() const {
  if (broken_) return Fail(ErrorCode::kIo, Cat("the store has failed before: ", broken_->message), "start the launcher again");
  Check(db_.has_value(), "Open comes first");
  return {};
}

Status SqliteStore::Claimed(Epoch epoch) const {
  EVERSTEP_TRY(Ready());
  return MayWrite(epoch, claimed_, end_.epoch);
}

Status SqliteStore::Broken(Error error) {
  if (error.code != ErrorCode::kCorrupt) error.code = ErrorCode::kIo;
  broken_ = error;
  return Fail(std::move(error));
}

// After an error nothing of the transaction is left, unless the error is kIo: then nobody knows.
Result<LogEnd> SqliteStore::Transact(const Writes& writes) {
  const auto all = [&]() -> Result<LogEnd> {
    LogEnd next = end_;
    next.commit += 1;
    EVERSTEP_TRY(db_->Run("BEGIN IMMEDIATE"));
    EVERSTEP_TRY(writes(next));
    const std::string record = Encode(next);
    EVERSTEP_ASSIGN(SqliteStatement update, db_->Prepare("UPDATE log_end SET record = ?"));
    EVERSTEP_TRY(update.BindBlob(1, record).Run());
    EVERSTEP_TRY(db_->Run("COMMIT"));
    return next;
  };
  Result<LogEnd> done = all();
  if (!done) db_->Rollback();
  return done;
}

Status SqliteStore::Commit(const Writes& writes) {
  Result<LogEnd> done = Transact(writes);
  if (!done && done.error().code == ErrorCode::kExhausted && reserve_->held()) {
    if (const Status released = reserve_->Release(); !released) return Broken(released.error());
    done = Transact(writes);
  }
  if (!done) return done.error().code == ErrorCode::kExhausted ? Fail(done.error()) : Broken(done.error());
  if (const Status written = head_->Write(*done); !written) return Broken(written.error());
  end_ = *done;
  if (db_->wal_pages() < options_.checkpoint_pages) return {};
  // A full disk is no reason to stop: the write-ahead log still has everything, and the next commit tries again.
  const Status copied = db_->Checkpoint();
  if (!copied && copied.error().code != ErrorCode::kExhausted) return Broken(copied.error());
  return {};
}

Status SqliteStore::BeginEpoch(Epoch epoch) {
  EVERSTEP_TRY(Ready());
  EVERSTEP_TRY(MayBegin(epoch, end_.epoch));
  // A launcher that was killed may have made or removed files whose names are not durable yet. Before anything is acknowledged:
  // a journal of SQLite's that comes back after a power cut would be rolled back over what was written since.
  if (const Status synced = VfsFile::SyncDirectory(vfs_, options_.directory); !synced) return Broken(synced.error());
  const auto claim = [&](LogEnd& next) -> Status {
    next.epoch = epoch;
    return {};
  };
  EVERSTEP_TRY(Commit(claim));
  claimed_ = true;
  return {};
}

// ---- the log -------------------------------------------------------------------------------------------------------------

Status SqliteStore::WriteEntries(LogEnd& next, const std::vector<Batch>& batches) {
  EVERSTEP_ASSIGN(SqliteStatement insert, db_->Prepare("INSERT INTO log(idx, entry, hash) VALUES(?, ?, ?)"));
  for (const Batch& batch : batches) {
    for (const std::string& entry : batch.entries) {
      next.index = next.index.Next();
      next.hash = Chain(next.hash, next.index, entry);
      insert.Bind(1, static_cast<std::int64_t>(next.index.value)).BindBlob(2, entry).BindBlob(3, View(next.hash));
      EVERSTEP_TRY(insert.Run());
    }
  }
  return InsertHistory(*db_, batches);
}

Result<LogIndex> SqliteStore::Append(LogIndex expected, Epoch epoch, const std::vector<Batch>& batches) {
  EVERSTEP_TRY(Claimed(epoch));
  EVERSTEP_TRY(MayAppend(expected, end_.index, batches));
  if (batches.empty()) return end_.index;
  const auto write = [&](LogEnd& next) -> Status {
    next.last_write = clock_.Wall();
    return WriteEntries(next, batches);
  };
  EVERSTEP_TRY(Commit(write));
  return end_.index;
}

Status SqliteStore::Compact(Epoch epoch, const Snapshot& snapshot) {
  EVERSTEP_TRY(Claimed(epoch));
  EVERSTEP_TRY(MayCompact(snapshot, base_, end_.index));
  EVERSTEP_ASSIGN(const std::string chained, HashAt(snapshot.index));
  const auto replace = [&](LogEnd&) -> Status {
    const Hash check = SnapshotCheck(snapshot.index, chained, snapshot.bytes);
    EVERSTEP_ASSIGN(SqliteStatement put,
                    db_->Prepare("REPLACE INTO snapshot(one, idx, hash, bytes, check_hash) VALUES(1, ?, ?, ?, ?)"));
    put.Bind(1, static_cast<std::int64_t>(snapshot.index.value)).BindBlob(2, chained);
    EVERSTEP_TRY(put.BindBlob(3, snapshot.bytes).BindBlob(4, View(check)).Run());
    EVERSTEP_ASSIGN(SqliteStatement drop, db_->Prepare("DELETE FROM log WHERE idx <= ?"));
    return drop.Bind(1, static_cast<std::int64_t>(snapshot.index.value)).Run();
  };
  EVERSTEP_TRY(Commit(replace));
  base_ = snapshot.index;
  return {};
}

// Of the entry at `index`, or of the snapshot that stands for it.
Result<std::string> SqliteStore::HashAt(LogIndex index) {
  EVERSTEP_ASSIGN(SqliteStatement row,
                  db_->Prepare("SELECT hash FROM log WHERE idx = ?1 UNION ALL SELECT hash FROM snapshot WHERE idx = ?1"));
  EVERSTEP_ASSIGN(const bool found, row.Bind(1, static_cast<std::int64_t>(index.value)).Next());
  Check(found || index.value == 0, "every entry after the snapshot has its row");
  return found ? std::string(row.Bytes(0)) : std::string(View(Hash{}));
}

// ---- history -------------------------------------------------------------------------------------------------------------

Result<std::vector<HistoryRow>> SqliteStore::History(const HistoryQuery& query) {
  EVERSTEP_TRY(Ready());
  Result<std::vector<HistoryRow>> rows = SelectHistory(*db_, query);
  if (!rows) broken_ = rows.error();
  return rows;
}

Status SqliteStore::ForgetHistory(WallTime oldest) {
  EVERSTEP_TRY(Ready());
  return Commit([&](LogEnd&) { return DeleteHistory(*db_, oldest); });
}

bool SqliteStore::NearlyFull() {
  if (broken_ || !reserve_ || options_.reserve_bytes == 0) return false;
  const Result<std::uint64_t> free = directory_->FreeBytes();
  if (!reserve_->held() && free && *free >= 3 * options_.reserve_bytes)  // somebody has made room
    if (auto taken = DiskReserve::Take(vfs_, Path("everstep.reserve"), options_.reserve_bytes)) reserve_ = std::move(*taken);
  return !reserve_->held() || (free && *free < 2 * options_.reserve_bytes);
}

}  // namespace everstep
