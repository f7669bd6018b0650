// The history table: rows for people, indexed by job and by host. They take no part in the log's chain: each row carries a hash
// of its own, and one that fails it is shown as damaged rather than left out.
//
// All of these work within the caller's transaction, if there is one.
#pragma once

#include <vector>

#include "base/seam/store.h"
#include "launcher/store/sqlite_db.h"

namespace everstep {

// Writes the rows of all batches. REQUIRES: each row's index is that of an entry that is being appended.
Status InsertHistory(SqliteDb& db, const std::vector<Batch>& batches);

Result<std::vector<HistoryRow>> SelectHistory(SqliteDb& db, const HistoryQuery& query);

Status DeleteHistory(SqliteDb& db, WallTime oldest);

}  // namespace everstep
