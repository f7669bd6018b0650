// configs/progress.yaml: what trainers' log lines tell of their progress (base/progress_table.h). Read like every file a person
// writes: a bad one is refused whole, with line, column, key, what was found and what is legal; a pattern that is no regular
// expression is such a mistake.
#pragma once

#include <string>
#include <string_view>

#include "base/progress_table.h"
#include "base/result.h"

namespace everstep {

Result<ProgressTable> ReadProgressTable(std::string_view text, std::string_view file);

// Of the file at `path`; empty: the built-in one.
Result<ProgressTable> LoadProgressTable(const std::string& path);

// configs/progress.yaml as it was when this program was built.
std::string_view BuiltInProgressText();

}  // namespace everstep
