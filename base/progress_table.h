// What lines tell of a trainer's progress, as data: configs/progress.yaml is read into this (agent/config/progress_file.h), a
// keeper gets it with its ranks, and base/progress makes sense of it.
#pragma once

#include <string>
#include <vector>

#include "base/fields.h"

namespace everstep {

// One trainer's lines. `pattern` is a regular expression (RE2) with words in braces for what it tells:
//   {step} {total} {epoch} {last_epoch}   a whole number
//   {loss}                                a number as printed, nan and inf too
//   {elapsed}                             12:34 or 1:02:03; a pattern with it describes a progress bar
//   {number}                              a number that tells nothing
// With {epoch}, step and total count within an epoch.
struct ProgressLine {
  std::string name{};
  std::string pattern{};
  friend bool operator==(const ProgressLine&, const ProgressLine&) = default;
};
EVERSTEP_FIELDS(ProgressLine, name, pattern)

// Names that the keys of a JSON object on a line of its own may have; a line counts when it has a step and one of the others.
struct ProgressKeys {
  std::vector<std::string> step{};
  std::vector<std::string> total{};
  std::vector<std::string> loss{};
  friend bool operator==(const ProgressKeys&, const ProgressKeys&) = default;
};
EVERSTEP_FIELDS(ProgressKeys, step, total, loss)

struct ProgressTable {
  std::string step{};   // the job's own expression, with one group; then nothing below tells of steps. Empty: none
  ProgressKeys json{};  // wins over `lines`
  std::vector<ProgressLine> lines{};  // the first that matches a line counts; what an earlier one tells wins over a later one
  friend bool operator==(const ProgressTable&, const ProgressTable&) = default;
};
EVERSTEP_FIELDS(ProgressTable, step, json, lines)

}  // namespace everstep
