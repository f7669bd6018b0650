// blame.yaml: what the words and the end of a rank say about the cause (launcher/core/blame_rules.h). configs/blame.yaml is
// compiled in; an operator's own file replaces it as a whole.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "launcher/core/blame_rules.h"

namespace everstep {

// Refuses a bad file whole, with file, line, column and key. Every rule must find its samples and not its lookalikes, and no
// earlier rule may find them first: a table whose rules hide each other is no table.
Result<BlameRules> ReadBlameRules(std::string_view text, std::string_view file);

// The file at `path`, or what is compiled in where `path` is empty.
Result<BlameRules> BlameRulesFrom(const std::string& path);

std::string_view ShippedBlameFile();

}  // namespace everstep
