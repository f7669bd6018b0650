#include "launcher/cli/sibling.h"

#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "base/text.h"

namespace everstep {

Result<int> BecomeSibling(const Cli& cli, const std::string& name, const std::vector<std::string>& arguments) {
  const std::string path = (std::filesystem::path(cli.program).parent_path() / name).string();
  std::vector<std::string> words{path}, variables;
  words.insert(words.end(), arguments.begin(), arguments.end());
  for (const auto& [variable, value] : cli.variables) variables.push_back(Cat(variable, '=', value));
  const auto pointers = [](std::vector<std::string>& texts) {
    std::vector<char*> all;
    for (std::string& text : texts) all.push_back(text.data());
    all.push_back(nullptr);
    return all;
  };
  const std::vector<char*> argv = pointers(words), environment = pointers(variables);
  ::execve(path.c_str(), argv.data(), environment.data());
  return FailErrno(errno, "run", path);
}

}  // namespace everstep
