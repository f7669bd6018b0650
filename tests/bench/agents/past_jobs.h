// A log with many jobs that have ended, as a launcher that ran them would have left it: what a restart has to read besides the
// cluster that is there now.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/real/clock.h"
#include "base/text.h"
#include "launcher/core/facts.h"
#include "launcher/core/state.h"
#include "launcher/daemon/codec.h"
#include "launcher/daemon/options.h"
#include "launcher/store/open.h"

namespace everstep {

// REQUIRES: `directory` holds no log yet. Written in groups, and compacted when a launcher would have done it.
inline void WritePastJobs(const std::string& directory, std::uint32_t jobs) {
  constexpr std::uint32_t kGroup = 1000;
  RealClock clock;
  auto store = OpenStore("sqlite:" + directory, clock);
  Check(store.has_value() && (*store)->Open().has_value() && (*store)->BeginEpoch(Epoch(1)), "a new log is opened");
  State state;
  LogIndex end{};
  LogIndex compacted{};
  const WallTime wall = clock.Wall();
  for (std::uint32_t done = 0; done < jobs; done += kGroup) {
    std::vector<Batch> batches;
    const LogIndex before = end;
    const auto note = [&](const Fact& fact) {
      const Entry entry{state.now + 1ms, wall, fact};
      end = end.Next();
      Batch& batch = batches.emplace_back();
      batch.entries.push_back(EncodeEntry(entry));
      batch.history.push_back({end, wall, JobOf(fact), NodeOf(fact), std::string(KindOf(fact)), WhyOf(fact)});
      Apply(state, entry);
    };
    if (done == 0) note(LauncherStarted{Epoch(1), Duration(0), "a launcher of the past"});
    for (std::uint32_t i = done; i < std::min(jobs, done + kGroup); ++i) {
      const JobId id(Cat("past-", i + 1));
      JobSpec spec{.name = "past", .command = {"/bin/true"}, .nodes = 1, .processes_per_node = 1, .workdir = "/"};
      note(JobSubmitted{.job = id, .spec = spec, .request_id = id.value, .why = "submitted long ago"});
      note(JobEnded{id, JobPhase::done, 0, "done: its rank ended with code 0"});
    }
    Check((*store)->Append(before, Epoch(1), batches).has_value(), "the past is written");
    if (end.value - compacted.value < LauncherOptions().compact_every) continue;
    compacted = end;
    Check((*store)->Compact(Epoch(1), {end, EncodeState(state)}).has_value(), "the past is compacted");
  }
}

}  // namespace everstep
