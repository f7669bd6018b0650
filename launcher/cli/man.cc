// everstep man: manual pages, for man(1).

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>

#include "base/real/files.h"
#include "base/version.h"
#include "base/yaml/typo.h"
#include "launcher/cli/man_page.h"
#include "launcher/cli/verbs.h"

namespace everstep {

namespace {

struct ManFlags {
  std::string verb{};
  std::string directory{};
};

constexpr const char* kManFooter =
    "  everstep man run | man -l -        read the page of run\n"
    "  everstep man --dir man1            write all pages into a directory\n";

Status WriteAll(const Surface& surface, const std::string& directory) {
  RealFiles files;
  const std::string version(Version());
  EVERSTEP_TRY(files.MakeDirectory(directory));
  EVERSTEP_TRY(files.Write(directory + "/everstep.1", MainPage(surface, version)));
  for (const VerbWords& verb : surface.verbs)
    EVERSTEP_TRY(files.Write(Cat(directory, "/everstep-", verb.name, ".1"), VerbPage(surface, verb, version)));
  return {};
}

Result<int> Man(const Surface& surface, const ManFlags& flags) {
  if (!flags.directory.empty()) {
    EVERSTEP_TRY(WriteAll(surface, flags.directory));
    return exit_code::kGood;
  }
  const std::string version(Version());
  if (flags.verb.empty()) {
    WriteOut(MainPage(surface, version));
    return exit_code::kGood;
  }
  std::vector<std::string> names;
  for (const VerbWords& verb : surface.verbs) {
    names.push_back(verb.name);
    if (verb.name != flags.verb) continue;
    WriteOut(VerbPage(surface, verb, version));
    return exit_code::kGood;
  }
  const std::string meant = DidYouMean(flags.verb, names);
  return Fail(ErrorCode::kInvalid, Cat("unknown verb ", Printable(flags.verb)), meant.empty() ? "see everstep --help" : meant);
}

}  // namespace

void AddMan(CLI::App& app, Cli& cli) {
  auto flags = std::make_shared<ManFlags>();
  CLI::App* verb = app.add_subcommand("man", "print a manual page: of everstep, or of a verb");
  verb->add_option("VERB", flags->verb, "whose page [everstep's own]");
  verb->add_option("--dir", flags->directory, "write all pages into this directory instead")->type_name("DIR");
  verb->footer(kManFooter);
  verb->callback([&app, &cli, flags] { cli.verb = [&app, flags] { return Man(SurfaceOf(app), *flags); }; });
}

}  // namespace everstep
