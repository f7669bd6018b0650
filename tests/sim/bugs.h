// Bugs of real kinds, planted to prove that the judge would find them. Each is brought about at a seam: a rim that breaks its
// contract in the way in which the code behind it would if it had the bug. With none of them nothing of this is in force.
#pragma once

#include "base/fields.h"

namespace everstep::sim {

EVERSTEP_ENUM(Bug, none,
              act_before_durable,   // the launcher's journal says "durable" before the disk has it
              lost_on_reopen,       // what was acknowledged last is missing when the log is read again
              no_fence,             // keepers ignore their lease
              fence_stands_still,   // the lease is counted on a clock that stops while the machine does
              short_exclusion,      // hosts are told a fence time of 20 s, the launcher waits as if it were 4 s
              blind_adoption,       // an agent that starts again does not see the keepers of the one before
              one_shot_commands,    // each command is sent once, whatever becomes of it
              torn_checkpoints,     // a save counts as complete while it is written
              foreign_checkpoints,  // a save of another generation counts as one of this
              stops_unanswered,     // a keeper that is told to stop does nothing
              empty_too_early)      // a keeper says "empty" when it has sent SIGTERM, not when the ranks are gone

}  // namespace everstep::sim
