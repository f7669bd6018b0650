#include "launcher/core/remember.h"

#include <algorithm>
#include <utility>

namespace everstep {

namespace {

constexpr std::size_t kCheckpointRecords = 16;
constexpr std::ptrdiff_t kNotedKept = 4;  // of these, that cannot be resumed from
constexpr std::size_t kEndedJobs = 1000;

}  // namespace

void AddCheckpoint(JobState& job, CheckpointRecord record) {
  ++job.checkpoints_ever;
  job.checkpoints.push_back(std::move(record));
  for (const bool offered : {false, true})
    for (auto it = job.checkpoints.begin(); job.checkpoints.size() > kCheckpointRecords && it != job.checkpoints.end();) {
      const auto newer =
          std::count_if(std::next(it), job.checkpoints.end(), [&](const CheckpointRecord& r) { return r.offered == offered; });
      const bool kept = newer < (offered ? 1 : kNotedKept);
      const bool goes = it->offered == offered && it->id != job.resume && !kept;
      it = goes ? job.checkpoints.erase(it) : std::next(it);
    }
}

void DropOldestEndedJob(State& state) {
  std::size_t ended = 0;
  auto oldest = state.jobs.end();
  for (auto it = state.jobs.begin(); it != state.jobs.end(); ++it) {
    if (!Ended(it->second.phase)) continue;
    ++ended;
    if (oldest == state.jobs.end() || it->second.order < oldest->second.order) oldest = it;
  }
  if (ended > kEndedJobs) state.jobs.erase(oldest);
}

}  // namespace everstep
