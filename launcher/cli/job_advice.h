// What a job file means for its job, told before it runs (`everstep lint`): how long each kind of trouble takes, and what is
// likely to be regretted. Pure.
#pragma once

#include <string>
#include <vector>

#include "base/fields.h"
#include "base/job_spec.h"
#include "launcher/daemon/options.h"

namespace everstep {

// One line of the time budget: "a host is lost", "at most 5s of silence", "detection.lost_after".
struct BudgetLine {
  std::string what{};
  std::string takes{};
  std::string set_by{};  // key of the job file or of launcher.yaml; empty: nothing sets it
  friend bool operator==(const BudgetLine&, const BudgetLine&) = default;
};
EVERSTEP_FIELDS(BudgetLine, what, takes, set_by)

std::vector<BudgetLine> TimeBudget(const JobSpec& job, const LauncherOptions& launcher);

// Sentences about what is legal and yet rarely meant; empty: nothing to say.
std::vector<std::string> Advice(const JobSpec& job);

}  // namespace everstep
