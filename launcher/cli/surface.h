// The command line as data: every verb with its flags and their words, taken from the same tables that parse it. Completions
// (completion.h) and manual pages (man_page.h) are written from it, so that they never say anything else than --help.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
}

namespace everstep {

struct FlagWords {
  std::vector<std::string> names{};  // "-o", "--output"; of an argument: its name alone, "JOB"
  std::string value{};               // what follows it, "DURATION", "table|wide|json"; empty: a switch
  std::string about{};
  std::string standard{};  // its default; empty: none, or in `about`
  std::string group{};     // "Options", "What is shown"
  bool required = false;
};

struct VerbWords {
  std::string name{};
  std::string about{};
  std::string group{};   // "Jobs"
  std::string footer{};  // more words, examples behind two blanks
  std::vector<FlagWords> arguments{};
  std::vector<FlagWords> flags{};
};

struct Surface {
  std::string about{};
  std::string footer{};
  std::vector<FlagWords> flags{};  // of every verb
  std::vector<VerbWords> verbs{};  // those for people
};

Surface SurfaceOf(const CLI::App& app);

// What can stand for a value when Tab is pressed.
enum class Completes { nothing, words, files, directories, hosts, jobs, open_jobs, verbs };
struct ValueWords {
  Completes kind = Completes::nothing;
  std::vector<std::string> words{};  // for `words`
};
// "table|wide" is two words, "N|auto" one, "FILE" a file, "HOST" a host.
ValueWords ValueOf(std::string_view value);

}  // namespace everstep
