#include "launcher/store/sqlite_schema.h"

#include <string_view>

#include "base/text.h"
#include "launcher/store/log_end.h"

namespace everstep {
namespace {

// A change here needs a new kStoreFormat and, in CheckSchema's place, a step that brings an older file up to it.
constexpr std::string_view kTables[] = {
    "CREATE TABLE log(idx INTEGER PRIMARY KEY, entry BLOB NOT NULL, hash BLOB NOT NULL) STRICT",
    "CREATE TABLE log_end(one INTEGER PRIMARY KEY CHECK(one = 1), record BLOB NOT NULL) STRICT",
    "CREATE TABLE snapshot(one INTEGER PRIMARY KEY CHECK(one = 1), idx INTEGER NOT NULL, hash BLOB NOT NULL, bytes BLOB NOT "
    "NULL, "
    "check_hash BLOB NOT NULL) STRICT",
    "CREATE TABLE history(idx INTEGER NOT NULL, part INTEGER NOT NULL, at INTEGER NOT NULL, job TEXT NOT NULL, node TEXT NOT "
    "NULL, kind TEXT NOT NULL, why TEXT NOT NULL, check_hash BLOB NOT NULL, PRIMARY KEY(idx, part)) STRICT, WITHOUT ROWID",
    "CREATE INDEX history_job ON history(job, idx, part) WHERE job <> ''",
    "CREATE INDEX history_node ON history(node, idx, part) WHERE node <> ''",
    "CREATE INDEX history_at ON history(at)",
};

}  // namespace

// Exclusive locking before the first read: no shared-memory file, and no other program may change the files under us.
// Not wal_autocheckpoint=0: it would remove the hook that counts the pages (SqliteDb::Open).
Status Configure(SqliteDb& db) {
  return db.Run(
      "PRAGMA locking_mode=EXCLUSIVE; PRAGMA synchronous=FULL; PRAGMA temp_store=MEMORY;"
      "PRAGMA cell_size_check=ON; PRAGMA secure_delete=OFF; PRAGMA mmap_size=0");
}

Result<bool> IsNew(SqliteDb& db) {
  EVERSTEP_ASSIGN(const std::int64_t tables, db.Integer("SELECT count(*) FROM sqlite_schema"));
  return tables == 0;
}

Status CheckSchema(SqliteDb& db) {
  EVERSTEP_ASSIGN(const std::int64_t format, db.Integer("PRAGMA user_version"));
  if (format > kStoreFormat)
    return Fail(ErrorCode::kInvalid,
                Cat("the store has format ", format, ", made by a newer version; this one knows format ", kStoreFormat));
  if (format != kStoreFormat) return Fail(ErrorCode::kCorrupt, Cat("the store has format ", format, ", which never was"));
  EVERSTEP_ASSIGN(SqliteStatement row, db.Prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid"));
  for (const std::string_view table : kTables) {
    EVERSTEP_ASSIGN(const bool found, row.Next());
    if (!found || row.Bytes(0) != table) return Fail(ErrorCode::kCorrupt, Cat("damaged definition of \"", table, "\""));
  }
  EVERSTEP_ASSIGN(const bool more, row.Next());
  if (more) return Fail(ErrorCode::kCorrupt, "a table in the store that Everstep did not make");
  return {};
}

Status CreateSchema(SqliteDb& db) {
  for (const std::string_view table : kTables) EVERSTEP_TRY(db.Run(std::string(table)));
  return db.Run(Cat("PRAGMA user_version=", kStoreFormat));
}

}  // namespace everstep
