// What is done about hosts whose own monitors have raised alarms: noted, taken out of work (quarantine), mended by the site's
// hooks, given back after a pass. Level-triggered like the rest: reported alarms are held against those on record. Pure; facts
// out.
//
//   alarm ──► on record ──► note, app            nothing but the record, and an offence that counts
//                      └──► defer and graver     quarantine, unless something forbids it: nothing new is placed there
//                             defer              what it has goes on to its end
//                             drain              its job moves at its next checkpoint, at the latest after policy.move_within
//                             reset, reboot, replace   its job moves at once; then the site's hook, if there is one
//
// Not fooled: no more than max(1, removals_percent) of the hosts an hour, and who has to stay for that, whether for an alarm or
// for a check that it failed, is weighed again when the hour is over; a check that all hosts fail at once (four and more)
// is broken and drains nobody, and what it did before it was seen through is taken back; a person's clear stands until there is
// new evidence; an operator's drain is never touched.
//
// Offences are of the host, or of the GPU that the alarm is about where its UUID is known: those count against the host that
// the GPU is in, whichever that is by now.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "health/core/offenders.h"
#include "launcher/core/world.h"

namespace everstep {

// The next thing to be recorded or done about this host; empty: nothing. To be asked again after what it returns is applied.
Facts JudgeHealth(const World& world, Now now, const NodeId& node);

// When, after now, JudgeHealth may have something to say by time alone: a host that may not go now may go then. nullopt: never.
std::optional<Time> HealthDeadline(const World& world, Time now);

// Errors: kNotFound (with the checks that could be cleared), kConflict (its hook runs). Empty: there is nothing to clear.
Result<Facts> ClearBy(const World& world, const ClearNode& request);

// Whether it is among the hosts that went within the hour.
bool CountedAsRemoved(const World& world, Now now, const NodeState& node);
// Why checks may not take this host out of work now, when so many others go with it, and when it is weighed again: nobody may
// where health.mode is observe, and no more than so many within an hour. Empty: they may.
std::string RemovalForbidden(const World& world, Now now, const NodeState& node, std::size_t besides = 0);

// "put off, drain: mem.ecc: …; … so it stays, and is weighed again in 40 min", of a host that should be taken out of work, for
// an alarm or a check that it failed, and may not be now. Empty: it is no such host.
std::string StaysBecause(const World& world, Now now, const NodeState& node);
// Whether it should be out of work, and is not: others are given to jobs before it.
bool ShouldBeOut(const NodeState& node);

// "quarantined: gpu.xid GPU at 0000:18:00: …"; with `at` also for how long. REQUIRES: it is in quarantine.
std::string QuarantineText(const NodeState& node, std::optional<Time> at = {});

// What the quarantine waits for before it is over by itself; empty: nothing. REQUIRES: it is in quarantine.
std::string QuarantineWaits(const World& world, const NodeState& node);

// Why the host, in quarantine, must be left by the job that it works for now; empty: it need not.
std::string LeavesBecause(const World& world, Now now, const JobState& job, const NodeState& node);
// When LeavesBecause has something to say by time alone; nullopt: never.
std::optional<Time> LeavesAt(const World& world, const JobState& job, const NodeState& node);

// Whether anything is known that counts against it: its own offences, or those of a GPU that is in it now.
bool HasOffences(const NodeState& node);
// What the host has done to jobs, weighed and faded. REQUIRES: it has offences.
health::OffenderScore OffencesOf(const State& state, const NodeState& node, Time at);
// For which nothing is placed on it now.
bool KeptAway(const State& state, const NodeState& node);

// Whether some alarm stands that asks for more than has been done, or some host that failed its check was put off.
bool AnyUnanswered(const State& state);

// What its hook is to be run for now; nullopt: none.
std::optional<RemedyStarted> RemedyDue(const World& world, const NodeState& node);

// Drained by an operator, in quarantine, or kept away for its offences.
bool OutOfWork(const State& state, const NodeState& node);

}  // namespace everstep
