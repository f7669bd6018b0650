// Verdicts for programs, on rank 0's stderr, where something has started the probe that reads them (EVERSTEP_JOB_ID is set):
//
//   everstep-probe: verdict KIND RANKS: why
//
// RANKS: "0-7,9"; too long to be told: none, and KIND is unknown. KIND: VerdictKind's names; others: those that are not told
// one by one; below_floor: all hosts are slower than a person has said they must be; gone: ended, gave up or does not answer;
// absent: has never come; unproven: no proof that the bytes took the device that was meant. Few and short: who reads them keeps
// the last 4 KiB of stderr. The launcher's side of it is launcher/core/preflight.h.
//
// Of pairs that a program has asked for (--quiet), how far they are, for launcher/cli/check_progress.h:
//
//   everstep-probe: round 3 of 63: pairs     it begins; of each stage the first, and of the others a few a second at most
//   everstep-probe: waits 2,5-7              for these ranks, for a second or longer
//
// Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "collectives/core/floor.h"
#include "collectives/core/localise.h"
#include "collectives/core/pairs.h"

namespace everstep {

// What a run without a finding has measured ("everstep-probe: measured PROVIDER TEST …"), and what is to be said of a run that
// has passed ("everstep-probe: remark …").
std::string MeasuredLine(const BaselineKey& key, const MeasuredRun& run);
std::string RemarkLine(std::string_view text);

std::string RoundLine(const PairStep& step);
// Empty: too many to be told.
std::string WaitsLine(const std::vector<std::uint32_t>& ranks);

std::string VerdictLine(std::string_view kind, const std::vector<std::uint32_t>& ranks, std::string_view why);

// The gravest first: hosts, then what is between them. From the eighth on all are told together.
std::string VerdictLines(const std::vector<Verdict>& verdicts);

}  // namespace everstep
