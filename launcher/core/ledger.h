// Where the time of a job's hosts goes: accounts of hosts × log time, which add up. Pure; part of the frozen meaning of facts.
//
// Running time is unsaved until a checkpoint of it is registered (useful from then on) or the generation breaks (lost). It is
// counted by when the checkpoint was registered, a moment after it was written.
#pragma once

#include "launcher/core/state.h"

namespace everstep {

// Up to `now`, by the phase in which the job has been since.
Ledger Accounted(const JobState& job, Time now);

// The generation breaks now, first seen at `noticed`: what ran until then and is not saved is lost.
Ledger AccountedBreak(const JobState& job, std::optional<Time> noticed, Time now);

// A checkpoint of the current generation is registered; also shortly after it broke. REQUIRES: accounted up to now.
void AccountSave(Ledger& ledger);

// No rank runs for it any more. `done`: what was not saved is in the result. REQUIRES: as above.
void AccountEnd(Ledger& ledger, bool done);

}  // namespace everstep
