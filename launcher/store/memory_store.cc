#include "launcher/store/memory_store.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "launcher/store/claims.h"

namespace everstep {

MemoryStore::~MemoryStore() {
  if (opened_) log_->open = false;
}

Result<Recovered> MemoryStore::Open() {
  Check(!opened_, "a store is opened once");
  if (log_->open)
    return Fail(ErrorCode::kConflict, "the log in memory is in use by this process", "close the other store first");
  log_->open = opened_ = true;
  return Recovered{.epoch = log_->epoch,
                   .snapshot = log_->snapshot,
                   .first = LogIndex(log_->end.value - log_->entries.size() + 1),
                   .entries = log_->entries,
                   .last_write = log_->last_write};
}

Status MemoryStore::Claimed(Epoch epoch) const {
  Check(opened_, "Open comes first");
  return MayWrite(epoch, claimed_, log_->epoch);
}

Status MemoryStore::BeginEpoch(Epoch epoch) {
  Check(opened_, "Open comes first");
  EVERSTEP_TRY(MayBegin(epoch, log_->epoch));
  log_->epoch = epoch;
  claimed_ = true;
  return {};
}

Result<LogIndex> MemoryStore::Append(LogIndex expected, Epoch epoch, const std::vector<Batch>& batches) {
  EVERSTEP_TRY(Claimed(epoch));
  EVERSTEP_TRY(MayAppend(expected, log_->end, batches));
  for (const Batch& batch : batches) {
    log_->entries.insert(log_->entries.end(), batch.entries.begin(), batch.entries.end());
    log_->history.insert(log_->history.end(), batch.history.begin(), batch.history.end());
    log_->end.value += batch.entries.size();
    log_->last_write = clock_.Wall();
  }
  return log_->end;
}

Status MemoryStore::Compact(Epoch epoch, const Snapshot& snapshot) {
  EVERSTEP_TRY(Claimed(epoch));
  const LogIndex base(log_->end.value - log_->entries.size());
  EVERSTEP_TRY(MayCompact(snapshot, base, log_->end));
  const auto dropped = static_cast<std::ptrdiff_t>(snapshot.index.value - base.value);
  log_->entries.erase(log_->entries.begin(), log_->entries.begin() + dropped);
  log_->snapshot = snapshot;
  return {};
}

Result<std::vector<HistoryRow>> MemoryStore::History(const HistoryQuery& query) {
  Check(opened_, "Open comes first");
  std::vector<HistoryRow> rows;
  for (const HistoryRow& row : log_->history) {
    const bool asked = (query.job.empty() || row.job == query.job) && (query.node.empty() || row.node == query.node);
    if (asked && row.index > query.after) rows.push_back(row);
  }
  if (rows.size() > query.rows_max) {
    const auto over = static_cast<std::ptrdiff_t>(rows.size() - query.rows_max);
    if (query.newest)
      rows.erase(rows.begin(), rows.begin() + over);
    else
      rows.resize(query.rows_max);
  }
  return rows;
}

Status MemoryStore::ForgetHistory(WallTime oldest) {
  Check(opened_, "Open comes first");
  std::erase_if(log_->history, [&](const HistoryRow& row) { return row.at < oldest; });
  return {};
}

}  // namespace everstep
