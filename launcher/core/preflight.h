// The check of a job's hosts before its ranks start: a generation of its own with one rank a host, which looks at the host
// (everstep-agent preflight: a scan) and, where there are two or more, becomes everstep-probe for the network between them. So
// keepers, logs, deadlines and exclusion are those of any generation. It costs no restart. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "launcher/core/facts.h"
#include "launcher/core/world.h"

namespace everstep {

// Whether these hosts have to be checked before the job's command runs on them: the job asks for it, and some have no pass that
// still holds (within valid_for, same boot).
bool NeedsPreflight(const State& state, Time now, const JobSpec& spec, const std::vector<NodeId>& hosts);

// The job with what it leaves to the launcher's file. Checks are not checked first.
JobSpec WithDefaults(JobSpec spec, const PreflightSpec& defaults);

// What the ranks of such a generation run.
std::vector<std::string> PreflightCommand(const JobSpec& spec, std::size_t hosts);

// One line of everstep-probe's for programs (collectives/probe/verdict_lines.h): "everstep-probe: verdict KIND RANK[,RANK…]:
// why".
struct ProbeVerdict {
  std::string kind{};  // VerdictKind's names, and "gone", "absent", "unproven"
  std::vector<std::uint32_t> ranks{};
  std::string why{};
};
// "0-7,9"; nullopt: it is no such list.
std::optional<std::vector<std::uint32_t>> RanksIn(std::string_view text);
// How far it is, in between, which is no last word: "… round 3 of 63: pairs", "… waits 2,5-7".
inline constexpr std::string_view kProbeRound = "everstep-probe: round ", kProbeWaits = "everstep-probe: waits ";

// Those in the last lines that a rank has written, in their order. What is no such line is passed over.
std::vector<ProbeVerdict> VerdictsIn(std::string_view tail);

// What the check has found, if it has ended: passed; hosts that the job must not have; or that it cannot be made, which ends
// the job. Empty: it goes on, or what broke it is no finding (a host was lost, a signal). REQUIRES: job.preflight, phase
// running.
Facts PreflightOver(const World& world, Now now, const JobState& job);

// What the rank that speaks for all has measured, to be learned from; from the last lines of one that ended well.
Facts MeasuredBy(const JobState& job, std::string_view tail);
// The gang with what is known of earlier runs on as many hosts, if it tests pairs.
GangSpec WithLearned(const State& state, GangSpec gang);

// `everstep check` is a job whose only command is the same program, told to print all it sees and to go on to the network
// whatever it sees: its hosts pass, or not, as in a preflight.
struct CheckOrder {
  std::string level = "quick";  // quick | full
  std::string deep{};           // a duration: each host under stress for so long; empty: not
  std::string profile{};
};
std::vector<std::string> HostCheckCommand(const CheckOrder& check, std::size_t hosts);
bool IsHostCheck(const JobSpec& spec);
// What it has found, and the end of the job; empty: it goes on. REQUIRES: IsHostCheck, phase running.
Facts HostCheckOver(const World& world, Now now, const JobState& job);

// It should have ended by then.
Time PreflightDue(const JobState& job);
// Rank 0 should have told by then what is wrong; without a word the ends of ranks are taken as they are. nullopt: none has
// ended badly on a host that is heard.
std::optional<Time> PreflightToldAt(const World& world, const JobState& job);

}  // namespace everstep
