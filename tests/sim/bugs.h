// Bugs of real kinds, planted to prove that the judge would find them. Each is brought about at a seam: a rim that breaks its
// contract in the way in which the code behind it would if it had the bug. With none of them nothing of this is in force.
#pragma once

#include "base/fields.h"

namespace everstep::sim {

EVERSTEP_ENUM(Bug, none,
              act_before_durable,   // the launcher's journal says "durable" before the disk has it
              lost_on_reopen,       // what was acknowledged last is missing when the log is read again
              syncs_ignored,        // the launcher's disk says "flushed" and is not
              no_fence,             // keepers ignore their lease
              fence_stands_still,   // the lease is counted on a clock that stops while the machine does
              fence_from_receipt,   // the lease is counted from when the acknowledgement came, not from when the beat was sent
              short_exclusion,      // hosts are told a fence time of 20 s, the launcher waits as if it were 4 s
              start_before_empty,   // a gang that is told to stop counts as gone: successors start before the old are
              evict_beyond_half,    // whom the half rule protects is evicted all the same
              peer_word_as_beat,    // that a peer was asked about a host counts as a beat of that host
              ignore_generation,    // what is reported of an older generation counts for the newest
              ignore_epoch,         // agents obey a launcher whose epoch is over, and it does not hear of the later one
              deaf_to_successor,    // a launcher does not hear that an agent has obeyed a later epoch
              equal_epochs,         // launchers that begin on copies of one log call their epochs the same
              forgetful_agent,      // what an agent has to remember is never written
              blind_adoption,       // an agent that starts again does not see the keepers of the one before
              one_shot_commands,    // each command is sent once, whatever becomes of it: lost in a crash
              torn_checkpoints,     // a save counts as complete while it is written
              foreign_checkpoints,  // a save of another generation counts as one of this
              unpinned,             // what is offered is the script's own file, which a zombie may write over
              stops_unanswered,     // a keeper that is told to stop does nothing
              empty_too_early,      // a keeper says "empty" when it has sent SIGTERM, not when the ranks are gone
              port_reuse,           // a MASTER_PORT is given out again at once
              double_spare,         // one host is the spare of two jobs
              wall_clock_read,      // the launcher counts its time on the wall clock
              removals_unbounded,   // checks may take as many hosts out of work within an hour as they like
              observe_acts,         // a launcher that is told to observe what checks say acts on it
              clear_undrains,       // who clears a host's alarms ends its drain, too
              alarm_never_over)     // that an alarm is over is never told

}  // namespace everstep::sim
