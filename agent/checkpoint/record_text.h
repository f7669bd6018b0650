// The text in which Everstep keeps its records in a checkpoint directory: one record a line, words separated by one blank, each
// word percent-encoded where it has blanks or control characters, an empty one written as "%". Readable in a terminal, and
// names of any bytes come back as they were. A last line "end" tells a whole record from a torn one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "agent/checkpoint/survey.h"
#include "base/result.h"

namespace everstep {

using Words = std::vector<std::string>;

std::string EncodeLine(const Words& words);
// Lines up to "end"; kCorrupt when it is missing or a word is not well-formed.
Result<std::vector<Words>> DecodeLines(std::string_view text);

// A survey as lines: "d <name>" and "f <size> <inode> <mtime> <name>", after "<key> file" or "<key> directory".
void AppendSurvey(std::string& out, const std::string& key, const Survey& survey);
// Reads such lines from `at` on and moves it behind them. kCorrupt: they are none.
Result<Survey> DecodeSurvey(const std::vector<Words>& lines, std::size_t& at, const std::string& key);

Result<std::uint64_t> DecodeNumber(const std::string& word);
Result<std::int64_t> DecodeSigned(const std::string& word);

}  // namespace everstep
