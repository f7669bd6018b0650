#include "launcher/store/claims.h"

#include "base/check.h"
#include "base/text.h"

namespace everstep {
namespace {

Status Fits(std::string_view what, const std::string& bytes) {
  if (bytes.size() <= kStoredBytesMax) return {};
  return Fail(ErrorCode::kExhausted, Cat(what, " of ", bytes.size(), " bytes; at most ", kStoredBytesMax, " are stored"));
}

}  // namespace

Status MayBegin(Epoch epoch, Epoch newest) {
  if (epoch > newest) return {};
  return Fail(ErrorCode::kConflict, Cat("epoch ", epoch, " cannot begin: epoch ", newest, " has begun before"));
}

Status MayWrite(Epoch epoch, bool claimed, Epoch newest) {
  if (claimed && epoch == newest) return {};
  return Fail(ErrorCode::kConflict, Cat("epoch ", epoch, " does not own the log; the last to begin was ", newest));
}

Status MayAppend(LogIndex expected, LogIndex end, const std::vector<Batch>& batches) {
  if (expected != end) return Fail(ErrorCode::kConflict, Cat("the log ends at entry ", end, ", not at ", expected));
  for (const Batch& batch : batches) {
    Check(!batch.entries.empty(), "a batch has entries");
    for (const std::string& entry : batch.entries) EVERSTEP_TRY(Fits("an entry", entry));
    const LogIndex last(end.value + batch.entries.size());
    for (const HistoryRow& row : batch.history)
      Check(row.index > end && row.index <= last, "a history row is about an entry of its batch");
    end = last;
  }
  return {};
}

Status MayCompact(const Snapshot& snapshot, LogIndex oldest, LogIndex end) {
  Check(snapshot.index >= oldest && snapshot.index <= end, "a snapshot stands for entries that are there");
  return Fits("a snapshot", snapshot.bytes);
}

}  // namespace everstep
