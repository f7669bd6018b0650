#include "launcher/store/sqlite_read_back.h"

#include <algorithm>
#include <string>

#include "base/text.h"
#include "launcher/store/sqlite_schema.h"

namespace everstep {
namespace {

Status CheckStructure(SqliteDb& db) {
  EVERSTEP_TRY(CheckSchema(db));  // first: a newer version's file is not ours to judge
  EVERSTEP_ASSIGN(const std::string mode, db.Text("PRAGMA journal_mode"));
  if (mode != "wal") return Fail(ErrorCode::kCorrupt, Cat("the journal mode is ", Printable(mode), ", not wal"));
  EVERSTEP_ASSIGN(const std::string verdict, db.Text("PRAGMA integrity_check(1)"));
  if (verdict != "ok") return Fail(ErrorCode::kCorrupt, Cat("SQLite finds damage: ", Printable(Clip(verdict, 200))));
  if (!db.Writable()) return Fail(ErrorCode::kCorrupt, "the database's header forbids to write to it");
  return {};
}

Result<LogEnd> ReadLogEnd(SqliteDb& db) {
  EVERSTEP_ASSIGN(const std::string record, db.Text("SELECT record FROM log_end"));
  return DecodeLogEnd(record);
}

// The database may be ahead of the head (a crash between the two), never behind.
Status CheckAgainst(const std::optional<LogEnd>& acknowledged, const LogEnd& end) {
  if (!acknowledged) {
    if (end.index.value == 0) return {};  // made, perhaps claimed; a crash before the first acknowledgement
    return Fail(ErrorCode::kCorrupt, Cat("the head file, which proves that the log's end at entry ", end.index,
                                         " is the true one, is missing or damaged"));
  }
  if (end.commit < acknowledged->commit)
    return Fail(ErrorCode::kCorrupt,
                Cat("the log's tail is lost: it ends at entry ", end.index, " (commit ", end.commit, "), but entry ",
                    acknowledged->index, " (commit ", acknowledged->commit, ") was acknowledged"));
  if (end.commit == acknowledged->commit && end != *acknowledged)
    return Fail(ErrorCode::kCorrupt,
                Cat("the head file and the database disagree about commit ", end.commit, ", at entry ", end.index));
  return {};
}

Result<std::optional<Snapshot>> ReadSnapshot(SqliteDb& db, Hash& hash) {
  EVERSTEP_ASSIGN(SqliteStatement row, db.Prepare("SELECT idx, hash, bytes, check_hash FROM snapshot"));
  EVERSTEP_ASSIGN(const bool found, row.Next());
  if (!found) return std::nullopt;
  Snapshot snapshot{.index = LogIndex(static_cast<std::uint64_t>(row.Integer(0))), .bytes = std::string(row.Bytes(2))};
  const std::string_view chained = row.Bytes(1);
  if (chained.size() != hash.size() || View(SnapshotCheck(snapshot.index, chained, snapshot.bytes)) != row.Bytes(3))
    return Fail(ErrorCode::kCorrupt, Cat("the snapshot at entry ", snapshot.index, " fails its check"));
  std::copy(chained.begin(), chained.end(), hash.begin());
  return snapshot;
}

// Reads the entries after `previous`, whose hash is `hash`. `acknowledged`: the entry that the head file names must be that
// very one, also when the log goes on after it.
Status ReadEntries(SqliteDb& db, LogIndex previous, Hash hash, const LogEnd& acknowledged, const LogEnd& end,
                   std::vector<std::string>& entries) {
  EVERSTEP_ASSIGN(SqliteStatement row, db.Prepare("SELECT idx, entry, hash FROM log ORDER BY idx"));
  for (;;) {
    EVERSTEP_ASSIGN(const bool found, row.Next());
    if (!found) break;
    const LogIndex index = previous.Next();
    if (row.Integer(0) != static_cast<std::int64_t>(index.value))
      return Fail(ErrorCode::kCorrupt,
                  Cat("entry ", index, " is missing: entry ", row.Integer(0), " follows entry ", previous));
    hash = Chain(hash, index, row.Bytes(1));
    if (View(hash) != row.Bytes(2)) return Fail(ErrorCode::kCorrupt, Cat("entry ", index, " is not what was written"));
    if (index == acknowledged.index && hash != acknowledged.hash)
      return Fail(ErrorCode::kCorrupt,
                  Cat("entry ", index, " is not the one that was acknowledged: the head file is of another log"));
    entries.emplace_back(row.Bytes(1));
    previous = index;
  }
  if (previous != end.index || hash != end.hash)
    return Fail(ErrorCode::kCorrupt, Cat("the log has entries up to ", previous, ", but says that it ends at ", end.index));
  return {};
}

}  // namespace

Hash SnapshotCheck(LogIndex index, std::string_view hash, std::string_view bytes) {
  return HashBytes(Cat(index, " ", hash, bytes));
}

Result<ReadBack> ReadStore(SqliteDb& db, const std::optional<LogEnd>& acknowledged) {
  EVERSTEP_TRY(CheckStructure(db));
  ReadBack out;
  EVERSTEP_ASSIGN(out.end, ReadLogEnd(db));
  EVERSTEP_TRY(CheckAgainst(acknowledged, out.end));
  Hash hash{};
  EVERSTEP_ASSIGN(out.recovered.snapshot, ReadSnapshot(db, hash));
  const LogIndex base = out.recovered.snapshot ? out.recovered.snapshot->index : LogIndex();
  EVERSTEP_TRY(ReadEntries(db, base, hash, acknowledged.value_or(LogEnd()), out.end, out.recovered.entries));
  out.recovered.epoch = out.end.epoch;
  out.recovered.first = base.Next();
  out.recovered.last_write = out.end.last_write;
  return out;
}

}  // namespace everstep
