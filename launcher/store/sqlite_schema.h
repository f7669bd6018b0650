// The tables of everstep.db, as one text that must stand in the file letter for letter: a flipped bit in a table's definition
// is found by comparing.
//
//   log       the entries that the snapshot does not stand for, each with its hash (log_end.h)
//   log_end   one row: the record that says what all others must add up to
//   snapshot  no row or one
//   history   for people; `part` counts the rows of one entry. Each row carries a hash of its own, checked when it is read
#pragma once

#include "base/result.h"
#include "launcher/store/sqlite_db.h"

namespace everstep {

// Tells SQLite how this program uses the file. Reads nothing, writes nothing.
Status Configure(SqliteDb& db);

// Whether the file holds no tables at all.
Result<bool> IsNew(SqliteDb& db);

// kInvalid: made by a newer version; kCorrupt: not our tables.
Status CheckSchema(SqliteDb& db);

// Makes the tables, in the transaction that is open. REQUIRES: IsNew(), and write-ahead logging is on.
Status CreateSchema(SqliteDb& db);

}  // namespace everstep
