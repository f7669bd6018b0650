// everstep: see app.cc.

#include <unistd.h>

#include <filesystem>

#include "launcher/cli/app.h"

int main(int argc, char** argv) {
  everstep::Cli cli;
  for (char** variable = environ; *variable; ++variable) {
    const std::string_view text = *variable;
    const std::size_t equals = text.find('=');
    if (equals != std::string_view::npos) cli.variables.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  std::error_code error;
  cli.program = std::filesystem::read_symlink("/proc/self/exe", error).string();
  cli.directory = std::filesystem::current_path(error).string();
  cli.console = everstep::ConsoleOfProcess(cli.environment());
  return everstep::RunEverstep({argv + 1, argv + argc}, cli);
}
