#include "launcher/cli/local_burial.h"

#include <filesystem>
#include <utility>

#include "agent/keeper/burial.h"
#include "base/text.h"

namespace everstep {

namespace {

// Good to have none: an agent that never ran a gang has no such directory.
std::vector<std::string> DirectoriesIn(const std::string& directory) {
  std::vector<std::string> found;
  std::error_code error;
  for (std::filesystem::directory_iterator it(directory, error), end; !error && it != end; it.increment(error))
    if (it->is_directory(error) && !it->is_symlink(error)) found.push_back(it->path().string());
  return found;
}

}  // namespace

std::string BuryGangs(const std::string& directory) {
  std::string left;
  for (const std::string& state : DirectoriesIn(directory))
    for (const std::string& spool : DirectoriesIn(state + "/gangs")) {
      SpoolRemains remains = ReadRemains(spool);
      if (!remains.record) continue;  // the keeper never came so far as to have anything
      Burial burial(*std::move(remains.record), remains.started);
      if (burial.Look()) continue;
      left = burial.Remark();
      if (left.empty()) left = Cat("processes of the gang in ", spool, " are still ending");
    }
  return left;
}

}  // namespace everstep
