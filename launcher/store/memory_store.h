// The log in memory: for tests, the simulator and `memory:`. Keeps the contract of base/seam/store.h, except that it lasts only
// as long as its MemoryLog: a launcher that is killed and started again in a simulation opens a new store on the same log.
#pragma once

#include <memory>
#include <vector>

#include "base/seam/clock.h"
#include "base/seam/store.h"

namespace everstep {

// What a disk would hold.
struct MemoryLog {
  Epoch epoch{};
  std::optional<Snapshot> snapshot{};
  LogIndex end{};
  std::vector<std::string> entries{};  // up to `end`
  std::vector<HistoryRow> history{};
  WallTime last_write{};
  bool open = false;  // a store has it
};

class MemoryStore : public Store {
 public:
  // REQUIRES: `clock` outlives it.
  MemoryStore(std::shared_ptr<MemoryLog> log, Clock& clock) : log_(std::move(log)), clock_(clock) {}
  ~MemoryStore() override;

  Result<Recovered> Open() override;
  Status BeginEpoch(Epoch epoch) override;
  Result<LogIndex> Append(LogIndex expected, Epoch epoch, const std::vector<Batch>& batches) override;
  Status Compact(Epoch epoch, const Snapshot& snapshot) override;
  Result<std::vector<HistoryRow>> History(const HistoryQuery& query) override;
  Status ForgetHistory(WallTime oldest) override;

 private:
  Status Claimed(Epoch epoch) const;

  std::shared_ptr<MemoryLog> log_;
  Clock& clock_;
  bool opened_ = false;
  bool claimed_ = false;
};

}  // namespace everstep
