// A command line that could not be read: what was wrong with it, in the user's words, and the way out.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace CLI {
class App;
class ParseError;
}  // namespace CLI

namespace everstep {

struct Misuse {
  std::string command{};  // "everstep jobs": who speaks
  std::string message{};
  std::string hint{};
};

// `app` has parsed as far as it came; `arguments` are what the user typed, up to the command of `run`.
Misuse MisuseOf(const CLI::App& app, const std::vector<std::string>& arguments, const CLI::ParseError& error);

// Index of the verb among the words, or their number: flags of `everstep` itself may stand before it.
std::size_t VerbAt(const std::vector<std::string>& words);

}  // namespace everstep
