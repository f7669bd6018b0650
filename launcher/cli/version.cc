// everstep version: of this program, and of the launcher if one can be reached.

#include "base/version.h"

#include <CLI/CLI.hpp>
#include <optional>

#include "launcher/cli/globals.h"
#include "launcher/cli/output.h"
#include "launcher/cli/verbs.h"

namespace everstep {

struct VersionView {
  std::string client{};
  std::optional<InfoReply> launcher{};  // nullopt: none could be reached
};
EVERSTEP_FIELDS(VersionView, client, launcher)

namespace {

std::string Lines(const VersionView& view, const std::string& why_none) {
  std::string text = Cat("everstep  ", view.client, '\n');
  if (!view.launcher) return Cat(text, "launcher  none: ", why_none, '\n');
  const InfoReply& info = *view.launcher;
  return Cat(text, "launcher  ", info.version, ", cluster ", info.cluster, ", ", info.nodes_ready, " of ",
             Count(info.nodes, "node"), " ready, epoch ", info.epoch, ", log index ", info.index, '\n');
}

}  // namespace

void AddVersion(CLI::App& app, Cli& cli) {
  CLI::App* verb = app.add_subcommand("version", "print versions: of this program and of the launcher");
  AddOutputFlags(*verb, cli, false);
  verb->callback([&cli] {
    cli.verb = [&cli]() -> Result<int> {
      VersionView view{.client = std::string(Version())};
      const auto info = Ask<InfoReply>(cli, GetInfo{});
      if (info) view.launcher = *info;
      const bool people = ForPeople(cli.output);
      WriteOut(people ? Lines(view, info ? "" : Printable(info.error().message)) : ViewData(cli.output, view));
      return exit_code::kGood;
    };
  });
}

}  // namespace everstep
