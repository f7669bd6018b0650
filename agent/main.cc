// everstep-agent: the parts and their wires.
//
//   launcher, peers ◄──► link ──inputs──► loop ──► keepers (processes of their own)
//                                         │  └───► file workers (checkpoints, preparation)
//                                         └──────► small state files (a thread of their own)
//
// `everstep-agent scan` and `monitor` are none of that: they look at the host's health, once or all the time (health/scan).
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <random>
#include <string>
#include <string_view>

#include "agent/checkpoint/slow_files.h"
#include "agent/config/agent_flags.h"
#include "agent/config/progress_table_file.h"
#include "agent/daemon/disk_writer.h"
#include "agent/daemon/loop.h"
#include "agent/keeper/kernel_log.h"
#include "agent/keeper/processes.h"
#include "agent/monitor/monitor_process.h"
#include "agent/rpc/link.h"
#include "base/json/codec.h"
#include "base/real/clock.h"
#include "base/real/files.h"
#include "base/real/host.h"
#include "base/real/log.h"
#include "base/real/loop_thread.h"
#include "base/real/signals.h"
#include "base/version.h"
#include "health/core/clock_offset.h"
#include "health/scan/command.h"
#include "health/scan/monitor.h"

namespace everstep {
namespace {

std::optional<std::string> FromEnvironment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value ? std::optional<std::string>(value) : std::nullopt;
}

Result<BootId> BootOf(const AgentOptions& options) {
  if (!options.boot_id.empty()) return BootId(options.boot_id);
  return KernelBootId();
}

HostFacts FactsFor(const AgentOptions& options, const GrpcLinkServing& serving) {
  const UserFacts user = CurrentUser();
  HostFacts facts{.user = user.name, .home = user.home, .shell = user.shell};
  facts.job_address = options.job_address.empty() ? serving.job_address : options.job_address;
  facts.interface = InterfaceOf(facts.job_address);
  facts.rack = options.rack;
  return facts;
}

// This program again. The kernel's log is the agent's, unless the arguments name another.
std::vector<std::string> MonitorArguments(const AgentOptions& options) {
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  std::vector<std::string> argv{error ? "/proc/self/exe" : self.string(), "monitor", "--feed",
                                options.state_dir + "/monitor.json"};
  if (!options.kernel_log.empty()) argv.insert(argv.end(), {"--kernel-log", options.kernel_log});
  if (!options.boot_id.empty()) argv.insert(argv.end(), {"--boot-id", options.boot_id});
  argv.insert(argv.end(), options.monitor_arguments.begin(), options.monitor_arguments.end());
  return argv;
}

// What the loader needs to find a library of the site's own.
std::vector<std::string> MonitorEnvironment() {
  std::vector<std::string> environment;
  for (const char* name : {"PATH", "LD_LIBRARY_PATH"})
    if (const auto value = FromEnvironment(name)) environment.push_back(std::string(name) + '=' + *value);
  return environment;
}

Status Run(const AgentOptions& options, StopSignals& signals) {
  const StderrLog log;
  RealClock clock;
  RealFiles files;
  LoopThread<AgentInput> inputs(clock);
  const auto post = [&inputs](AgentInput input) { inputs.Post(std::move(input)); };
  EVERSTEP_ASSIGN(const BootId boot, BootOf(options));
  EVERSTEP_ASSIGN(ProgressTable progress, LoadProgressTable(options.progress_table));

  if (const Status opened = KernelLog(options.kernel_log).Open(); !opened)
    log("warning", opened.error().message + ": no cause is taken from it");

  const LogLimits log_limits{.bytes_max = options.log_bytes_max, .files_max = options.log_files_max};
  EVERSTEP_ASSIGN(const auto processes, RealProcesses::Open({.state_dir = options.state_dir,
                                                             .log_dir = options.log_dir,
                                                             .keeper = options.keeper,
                                                             .log_limits = log_limits,
                                                             .kernel_log = options.kernel_log,
                                                             .log_gangs_max = options.log_gangs_max,
                                                             .drill_failed = post},
                                                            post));
  RealSlowFiles slow_files(
      [&inputs](RealSlowFiles::Found found) { std::visit([&inputs](auto& f) { inputs.Post(std::move(f)); }, found); },
      {.scan_every = options.checkpoint_scan_every});
  ToldChecks checks(NodeId(options.node));
  GrpcLink link;
  EVERSTEP_ASSIGN(const GrpcLinkServing serving, link.Start({.launcher = options.launcher,
                                                             .listen = options.listen,
                                                             .advertise = options.advertise,
                                                             .log_dir = options.log_dir,
                                                             .checks = [&checks] { return checks.Now(RealClock().Now()); },
                                                             .insecure = options.insecure},
                                                            post));
  if (!serving.warning.empty()) log("warning", serving.warning);

  const AgentSetup setup{.node = NodeId(options.node),
                         .boot = boot,
                         .version = std::string(Version()),
                         .address = serving.address,
                         .accelerators = options.accelerators ? *options.accelerators : CountAccelerators(),
                         .host = FactsFor(options, serving),
                         .state_dir = options.state_dir,
                         .progress = std::move(progress)};
  DiskWriter writer(files, post);
  AgentLoop loop(setup, link, *processes, files, writer, slow_files, Rng(std::random_device()()), log);
  EVERSTEP_TRY(loop.Begin(clock.Now()));
  std::optional<MonitorProcess> monitor;
  if (options.monitor)
    monitor.emplace(MonitorArguments(options), MonitorEnvironment(), checks,
                    [&inputs](HostHealth health) { inputs.Post(HealthSaid{std::move(health)}); });
  health::ClockOffset offset;
  loop.OnClock([&](Time now, Time sent, WallTime launcher) {
    const WallTime own{clock.Wall().ns - Nanoseconds(clock.Now()) + Nanoseconds(now)};
    const auto reading = offset.Take({.round_trip = now - sent, .launcher = launcher, .own = own}, now);
    if (reading && monitor) monitor->Tell(ToJson(*reading));
  });
  log("info", options.node + " serving on " + serving.address + ", launcher " + options.launcher);

  signals.OnStop([&inputs](int) { inputs.Stop(); });
  inputs.Run(loop);
  signals.OnStop(nullptr);
  link.Shutdown();
  if (loop.Ended()) return Fail(ErrorCode::kConflict, "the launcher refused this agent: " + *loop.ended_why());
  log("info", "stopped: keepers and their ranks live on");
  return {};
}

}  // namespace
}  // namespace everstep

int main(int argc, char** argv) {
  using namespace everstep;
  const std::string_view verb = argc > 1 ? argv[1] : "";
  if (verb == "scan") return health::RunScanCommand(argc - 1, argv + 1);
  if (verb == "preflight") return health::RunPreflightCommand(argc - 1, argv + 1);
  if (verb == "monitor") return health::RunMonitorCommand(argc - 1, argv + 1);
  const auto settings = AgentOptionsFrom(argc, argv, FromEnvironment);
  if (!settings) {
    std::fprintf(stderr, "everstep-agent: %s\n", settings.error().Str().c_str());
    return 2;
  }
  if (settings->print) {
    std::fputs(settings->print->c_str(), stdout);
    return 0;
  }
  StopSignals signals;  // before any thread: they inherit the mask
  if (const Status status = Run(settings->options, signals); !status) {
    std::fprintf(stderr, "everstep-agent: %s\n", status.error().Str().c_str());
    return 1;
  }
  return 0;
}
