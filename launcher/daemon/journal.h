// The loop's way to its log: appends are handed over and never waited for; news comes back as inputs (Durable, StoreFailed,
// HistoryRead). The real one (store_thread.h) writes on a thread of its own, many batches in one group.
#pragma once

#include <cstdint>

#include "base/seam/store.h"

namespace everstep {

class Journal {
 public:
  virtual ~Journal() = default;
  // `batch` becomes the entries after `expected`. In the order of the calls.
  virtual void Append(LogIndex expected, Epoch epoch, Batch batch) = 0;
  // After everything appended before it.
  virtual void Compact(Epoch epoch, Snapshot snapshot) = 0;
  virtual void ReadHistory(std::uint64_t token, HistoryQuery query) = 0;
};

}  // namespace everstep
