#include "agent/config/agent_flags.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>

#include "agent/config/agent_file.h"
#include "base/ids.h"
#include "base/text.h"
#include "base/version.h"

namespace everstep {

namespace {

// The host name up to its first dot, in lower case.
Result<std::string> HostName() {
  std::array<char, 256> buffer{};
  if (gethostname(buffer.data(), buffer.size() - 1) != 0) return FailErrno(errno, "read", "the host name");
  std::string name(buffer.data());
  name = name.substr(0, name.find('.'));
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  if (ValidName(name)) return name;
  return Fail(ErrorCode::kInvalid, Cat("the host name \"", Printable(name), "\" is no name for a host of a cluster"),
              "choose one of a-z, 0-9 and '-' with --node NAME");
}

Status Complete(AgentOptions& options, const yaml::Environment& environment) {
  if (options.node.empty()) {
    EVERSTEP_ASSIGN(options.node, HostName());
  }
  if (options.state_dir.empty()) {
    EVERSTEP_ASSIGN(const std::string home, yaml::StateHome(environment));
    options.state_dir = Cat(home, "/agent");
  }
  EVERSTEP_TRY(yaml::MakeAbsolute(options.state_dir));
  if (options.log_dir.empty()) options.log_dir = Cat(options.state_dir, "/logs");
  EVERSTEP_TRY(yaml::MakeAbsolute(options.log_dir));
  if (options.keeper.empty()) {
    std::error_code error;
    const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
    if (error)
      return Fail(ErrorCode::kIo, Cat("cannot find everstep-keeper: /proc/self/exe: ", error.message()),
                  "name it with --keeper");
    options.keeper = (self.parent_path() / "everstep-keeper").string();
  }
  EVERSTEP_TRY(yaml::MakeAbsolute(options.progress_table));
  return yaml::MakeAbsolute(options.keeper);
}

}  // namespace

Result<AgentSettings> AgentOptionsFrom(int argc, const char* const* argv, const yaml::Environment& environment) {
  const auto& table = AgentFileTable();
  const yaml::Program<AgentOptions> program{
      .name = "everstep-agent",
      .about =
          "Runs on every host of a cluster: starts gangs, watches them, answers its peers.\n"
          "With `scan` or `monitor` as its first word it looks at the host's health instead, once or all the time.",
      .version = Cat("everstep-agent ", Version()),
      .title = std::string(kAgentFileTitle),
      .table = &table,
      .flags = {yaml::FlagFor(table, "node", "node", "NAME", "EVERSTEP_NODE"),
                yaml::FlagFor(table, "launcher", "launcher", "HOST:PORT", "EVERSTEP_LAUNCHER"),
                yaml::FlagFor(table, "listen", "listen", "HOST:PORT", "EVERSTEP_LISTEN"),
                yaml::FlagFor(table, "advertise", "advertise", "HOST:PORT", "EVERSTEP_ADVERTISE"),
                yaml::FlagFor(table, "job_address", "job-address", "ADDRESS", "EVERSTEP_JOB_ADDRESS"),
                yaml::FlagFor(table, "state_dir", "state", "DIR", "EVERSTEP_STATE"),
                yaml::FlagFor(table, "keeper", "keeper", "FILE", "EVERSTEP_KEEPER"),
                yaml::FlagFor(table, "insecure", "insecure", "", "EVERSTEP_INSECURE"),
                yaml::FlagFor(table, "monitor", "monitor", "true|false", "EVERSTEP_MONITOR"),
                {.spec = {.name = "boot-id",
                          .placeholder = "ID",
                          .doc = "instead of the kernel's boot id, for tests on one machine"},
                 .row = yaml::Key("boot_id", &AgentOptions::boot_id, yaml::Text(), "")}},
      .complete = [&environment](AgentOptions& options) { return Complete(options, environment); }};
  return yaml::Configure(program, argc, argv, environment);
}

}  // namespace everstep
