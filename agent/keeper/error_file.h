// The file that TORCHELASTIC_ERROR_FILE names: a script whose main function carries torch's @record writes into it which
// exception ended the rank, so that it is known even where stderr says something else last.
//
//   {"message": {"message": "ValueError: boom", "extraInfo": {"py_callstack": "…", "timestamp": "1700000000"}}}
//   {"message": "boom"}
#pragma once

#include <string>
#include <string_view>

namespace everstep {

// The first line of the message, safe to print and at most 1 KiB long; empty: there is no such file, or no message in it.
// Blocks for as long as the disk does. At most 1 MiB is read.
std::string ReadErrorFile(const std::string& path);

// The same of its text.
std::string ErrorMessage(std::string_view json);

// The last lines of stderr with the message as the very last of them: at most limit::kTailBytes, older lines go first.
std::string TailWith(const std::string& tail, const std::string& message);

}  // namespace everstep
