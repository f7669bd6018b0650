#include <CLI/CLI.hpp>

#include "launcher/cli/flags.h"
#include "launcher/cli/verbs.h"

namespace everstep {

void AddOutputFlags(CLI::App& verb, Cli& cli, bool table) {
  verb.add_option_function<std::string>(
          "-o,--output",
          [&cli](const std::string& name) { cli.output = name == "json" ? OutputFormat::json : OutputFormat::table; },
          "for people, or for programs [table]")
      ->check(OneOf({"table", "json"}))
      ->type_name("table|json");
  if (table)
    verb.add_flag_callback(
        "--no-headers", [&cli] { cli.titles = false; }, "leave out the line of titles");
}

}  // namespace everstep
