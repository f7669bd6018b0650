#include "launcher/config/launcher_flags.h"

#include "base/text.h"
#include "base/version.h"
#include "launcher/config/blame_file.h"
#include "launcher/config/launcher_file.h"

namespace everstep {

Result<LauncherSettings> LauncherOptionsFrom(int argc, const char* const* argv, const yaml::Environment& environment) {
  const auto& table = LauncherFileTable();
  const yaml::Program<LauncherOptions> program{
      .name = "everstep-launcher",
      .about = "Owns the state of a cluster: membership, queue, placement, recovery.",
      .version = Cat("everstep-launcher ", Version()),
      .title = std::string(kLauncherFileTitle),
      .table = &table,
      .flags = {yaml::FlagFor(table, "listen", "listen", "HOST:PORT", "EVERSTEP_LISTEN"),
                yaml::FlagFor(table, "state_dir", "state", "DIR", "EVERSTEP_STATE"),
                yaml::FlagFor(table, "address_file", "address-file", "FILE", "EVERSTEP_ADDRESS_FILE"),
                yaml::FlagFor(table, "insecure", "insecure", "", "EVERSTEP_INSECURE"),
                {.spec = {.name = "clear-halt",
                          .placeholder = "",
                          .doc = "decide again on a log on which a launcher has halted; see docs/operations.md first"},
                 .row = yaml::Key("clear_halt", &LauncherOptions::clear_halt, yaml::Bool(), "")}},
      .check = [](LauncherOptions& options) { return CheckLauncher(options); },
      .complete = [&environment](LauncherOptions& options) -> Status {
        if (options.state_dir.empty()) {
          EVERSTEP_ASSIGN(const std::string home, yaml::StateHome(environment));
          options.state_dir = Cat(home, "/launcher");
        }
        EVERSTEP_TRY(yaml::MakeAbsolute(options.state_dir));
        EVERSTEP_ASSIGN(options.blame, BlameRulesFrom(options.blame_file));
        return yaml::MakeAbsolute(options.address_file);
      }};
  return yaml::Configure(program, argc, argv, environment);
}

}  // namespace everstep
