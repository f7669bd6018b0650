// Reading a store back, with proof: either all that was acknowledged, byte for byte, or an error that names what is wrong.
// Writes nothing.
//
// Proof, in this order: the tables' definitions; SQLite's own check of the whole file, indexes against rows included (without
// that, a flipped bit in an index of the history shows at the write that meets it, start after start); the log_end record's
// hash; the head file's record not ahead of it (a lost tail); the snapshot's hash; each row's index and hash chained to the one
// before; the last row being the one that log_end names. What a crash left durable but unacknowledged is read as well: one
// commit at most.
//
// Cost: reads the whole file, about 5 s a GB (history is most of it: 0.9 s for 100,000 jobs of eight facts each); memory for
// the entries.
#pragma once

#include <optional>

#include "base/result.h"
#include "base/seam/store.h"
#include "launcher/store/log_end.h"
#include "launcher/store/sqlite_db.h"

namespace everstep {

struct ReadBack {
  LogEnd end{};
  Recovered recovered{};
};

// `acknowledged`: the head file's record; nullopt: there is none. kCorrupt or kInvalid as Store::Open says.
Result<ReadBack> ReadStore(SqliteDb& db, const std::optional<LogEnd>& acknowledged);

// The hash that a snapshot row carries over its other columns.
Hash SnapshotCheck(LogIndex index, std::string_view hash, std::string_view bytes);

}  // namespace everstep
