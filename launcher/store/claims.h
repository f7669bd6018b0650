// What every store refuses in the same words, before it touches anything.
#pragma once

#include <vector>

#include "base/result.h"
#include "base/seam/store.h"

namespace everstep {

inline constexpr std::size_t kStoredBytesMax = 512u << 20;  // of one entry or snapshot

// For BeginEpoch: `epoch` must be higher than `newest`.
Status MayBegin(Epoch epoch, Epoch newest);

// For Append and Compact: this opening of the store has claimed `epoch` (`claimed`), and none has begun since (`newest`).
Status MayWrite(Epoch epoch, bool claimed, Epoch newest);

// For Append: the log ends where the caller thinks, and what it brings is sound. A batch without entries and a history row
// about an entry that is not of its batch are broken invariants.
Status MayAppend(LogIndex expected, LogIndex end, const std::vector<Batch>& batches);

// For Compact. `oldest`: the index that the snapshot before stands for, or 0.
Status MayCompact(const Snapshot& snapshot, LogIndex oldest, LogIndex end);

}  // namespace everstep
