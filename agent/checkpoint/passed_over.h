// Which of the checkpoints that are there when a watch begins are none of its business? Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "agent/checkpoint/before.h"
#include "agent/checkpoint/pin_record.h"
#include "agent/checkpoint/survey.h"

namespace everstep {

struct FoundSource {
  std::string name{};
  Survey survey{};
};

struct PassedOver {
  std::vector<std::string> names{};               // only what is written to them anew counts
  std::optional<std::string> newest_of_others{};  // of those that were there before the job's first generation
  std::size_t others = 0;                         // how many these are
};

// `found`: all that may be checkpoints. `pins`: of this job, intact. Passed over is what is not pinned and
//   - was there before this generation started: it has begun from somewhere else, this is another history; or
//   - is older than the newest pin (a lower step, where names have one, else written earlier): it was pinned once, and its pin
//     removed for newer ones, in an earlier life of this agent.
// What is in neither list nor pinned was saved while the agent was down.
PassedOver PassOver(const std::vector<FoundSource>& found, const BeforeRecords& before, const std::vector<Pin>& pins);

}  // namespace everstep
