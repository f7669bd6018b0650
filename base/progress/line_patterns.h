// A ProgressTable, compiled: what does this line tell? Linear in the line whatever it holds (RE2: no backtracking), with
// bounded memory.
//
// Threads: any number at once. Cost: making it takes some milliseconds; a line about 5 ns a byte.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/progress/told.h"
#include "base/progress_table.h"
#include "base/result.h"

namespace everstep {

class LinePatterns {
 public:
  // None: nothing is told by any line.
  LinePatterns() = default;
  // kInvalid: an expression that is wrong, named as "progress.step" or by its line's name.
  static Result<LinePatterns> Make(const ProgressTable& table);

  // `line`: without its end and without colours. nullopt: it tells nothing.
  std::optional<Told> Read(std::string_view line) const;

 private:
  struct Compiled;
  std::shared_ptr<const Compiled> compiled_{};
};

// Of a progress file: it wins over all lines.
inline constexpr std::size_t kFileSource = 0;

// "progress.step: …" when a job's own expression cannot be used.
Status CheckStepPattern(const std::string& pattern);
// Why one line's pattern cannot be used.
Status CheckLinePattern(const std::string& pattern);

}  // namespace everstep
