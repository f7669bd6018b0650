// What the two streams of a command can show. Data goes to stdout, messages to stderr; neither is coloured or cut to a width
// unless a person looks at it.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/yaml/settings.h"

namespace everstep {

enum class Style { plain, bold, dim, red, green, yellow, cyan };

// One stream.
struct Terminal {
  bool attended = false;                 // a terminal, not a file or a pipe
  bool colour = false;                   // attended, and neither NO_COLOR nor TERM=dumb
  std::optional<std::size_t> columns{};  // of the terminal; nullopt: not attended, never cut
  std::size_t rows = 24;                 // of the terminal
};

struct Console {
  Terminal out{};  // stdout
  Terminal err{};  // stderr
};

// Looks at the streams of this process.
Console ConsoleOfProcess(const yaml::Environment& environment);

// The text in this style, where the terminal has colours.
std::string Paint(const Terminal& terminal, Style style, std::string_view text);

// Characters that `text` takes on a terminal. REQUIRES: UTF-8 without escapes; wide characters count as one.
std::size_t Columns(std::string_view text);

// The first `columns` characters of it, the last of them "…" where something was cut.
std::string CutToColumns(std::string_view text, std::size_t columns);

// `text` broken between words into lines of at most `width` columns, each but the first behind `indent` more blanks.
std::string Wrap(std::string_view text, std::size_t width, std::size_t indent);

// Each line of `text` broken to fit the terminal where there is one, what goes on in it behind `indent` blanks.
std::string WrapLines(const Terminal& terminal, std::string_view text, std::size_t indent);

// Whole, at once, also when the stream is slow; stdout first gets all that was written to it. What did not arrive is asked for
// at the end.
void WriteOut(std::string_view text);
void WriteErr(std::string_view text);

// The first error of WriteOut. A reader that went away (`| head`) has seen enough: that is none.
Status OutputArrived();
// Nobody gets what is written to stdout: no use to follow on.
bool OutputIsGone();

}  // namespace everstep
