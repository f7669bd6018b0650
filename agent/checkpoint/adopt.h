// Which of the checkpoints that were there when a watch began does it care for? Pure.
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

struct Adoption {
  std::vector<std::string> adopted{};      // finished before this generation started and never pinned: verify and pin them
  std::vector<std::string> passed_over{};  // older than those, or not this job's
  std::optional<std::string> newest_of_others{};  // of those that were there before the job's first generation
  std::size_t others = 0;                         // how many these are
};

// `found`: all that may be checkpoints. `pins`: of this job, intact. What is in none of the three lists is new or pinned.
// Newer means: a higher step, where names have one, else written later.
Adoption ChooseWhatWasThere(const std::vector<FoundSource>& found, const BeforeRecords& before, const std::vector<Pin>& pins,
                            std::size_t adopted_max);

}  // namespace everstep
