// Which rank caused a generation to fail. When one rank dies, the others die of it a moment later ("connection reset by peer",
// a collective that timed out, our own SIGTERM): they are victims. Pure: the ends in order of arrival in, the culprit and one
// sentence out.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "launcher/core/blame_rules.h"
#include "launcher/core/state.h"

namespace everstep {

// Strongest first. Within a class the first to arrive is the culprit.
EVERSTEP_ENUM(EndClass, oom, signal, error, port_taken, victim, stopped, good)

EndClass Classify(const BlameRules& rules, const RankExit& exit);

struct Culprit {
  RankEnd end{};
  EndClass kind = EndClass::error;
  Blame blame{};            // its cause: "rank 1 on n2 was killed by SIGKILL"
  std::string signature{};  // equal for the same failure in another generation
  RetryRule retry = RetryRule::counts;
};

Culprit Judge(const BlameRules& rules, const RankEnd& end);
// nullopt: no rank failed.
std::optional<Culprit> FindCulprit(const BlameRules& rules, const std::vector<RankEnd>& ends);

// The class of what a host said when it refused a job; BlameClass::host where no rule knows the words.
BlameClass ClassOfRefusal(const BlameRules& rules, std::string_view words);

// Code 0, by itself.
inline bool EndedWell(const RankExit& exit) { return exit.code == 0u && !exit.stopped_by_us; }

// Killed by a signal that programs do not get by their own fault: somebody sent it.
bool FromOutside(const RankExit& exit);

// Whether the text has this number as a word of its own.
bool Mentions(std::string_view text, std::uint32_t number);

// For comparing what may be the same: numbers (addresses, pids, times) differ from run to run.
std::string WithoutNumbers(std::string_view text);

// "SIGKILL", or "signal 42".
std::string SignalName(std::uint32_t signal);

// What a shell would show: the code, or 128 + signal.
std::uint32_t ShellCode(const RankExit& exit);

// "exited with code 3: ValueError: boom", "was killed by SIGKILL (out of memory)"
std::string Describe(const BlameRules& rules, const RankExit& exit);

}  // namespace everstep
