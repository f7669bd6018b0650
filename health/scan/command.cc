#include "health/scan/command.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <map>
#include <vector>

#include "base/text.h"
#include "base/yaml/quantity.h"
#include "base/yaml/settings.h"
#include "health/probe/instance_metadata.h"
#include "health/scan/report_text.h"

namespace everstep::health {

namespace {

constexpr std::string_view kProgram = "everstep-agent scan";

std::vector<yaml::FlagSpec> Flags() {
  return {{"profile", "NAME", "", "kind of host: p5, p5.48xlarge, gpu, cpu … [by instance metadata, DMI]"},
          {"metadata", "ADDRESS", "", "IPv4:PORT of EC2's instance metadata; on; off [on where DMI says EC2]"},
          {"path", "LIST", "", "file systems to look at [/,/tmp]"},
          {"data", "LIST", "", "paths of training data: where they are is looked at, nothing is written"},
          {"checkpoint", "LIST", "", "paths of checkpoints: where they are is looked at too"},
          {"pid", "LIST", "", "of scan: the limits of these processes, the ranks of a job, instead of its own"},
          {"json", "", "", "a line of JSON for each value"},
          {"nagios", "", "", "one line, and exit codes as Nagios has them"},
          {"all", "", "", "also what is good, and what does not apply"},
          {"report-only", "", "", "exit with 0 whatever is found: for who reads the lines"},
          {"report-max", "SIZE", "", "of text and JSON; what is left out is said [1MiB]"},
          {"strict", "", "", "exit with 1 also when something warns or cannot be read"},
          {"idle", "", "", "no job runs here: processes that one has left behind are a finding"},
          {"unknown", "WORD", "", "of preflight: what cannot be read is told and passes, or blocks: pass or block [pass]"},
          {"catalogue", "DIR", "", "checks.yaml, xid.yaml, kernel_log.yaml and profiles/ of your own [as built in]"},
          {"root", "DIR", "", "a recorded tree of another host, instead of this host"},
          {"kernel-log", "FILE", "", "instead of /dev/kmsg"},
          {"nvml", "FILE", "", "instead of libnvidia-ml.so.1"},
          {"cuda", "FILE", "", "of --deep: instead of libcuda.so.1"},
          {"nvidia-smi", "PATH", "", "where NVML cannot be loaded: nvidia-smi, or a file with the output of its -q -x"},
          {"dcgmi", "PATH", "", "of scan: dcgmi, whose diag is run, or a file with the output of its diag -j"},
          {"dcgmi-level", "N", "", "of dcgmi diag, 1 to 4: 1 takes half a minute, 4 hours [1]"},
          {"deadline", "DURATION", "", "for each probe [3s]"},
          {"deep", "DURATION", "",
           "of scan: stress all cores, memory and GPUs for so long each, and compare what they give [0: not]"},
          {"feed", "FILE", "", "of monitor, for an agent: states instead of alarms, and a memory in FILE"},
          {"boot-id", "ID", "", "of monitor: instead of the kernel's boot id"},
          {"help", "", "", "print this and exit"}};
}

void TakePaths(const std::string& list, PathUse use, std::vector<ScanPath>& paths) {
  for (const std::string& path : Split(list, ','))
    if (!path.empty()) paths.push_back({path, use});
}

Status TakePids(const std::string& list, bool monitors, ScanOptions& options) {
  constexpr std::size_t kMost = 64;
  if (list.empty()) return {};
  if (monitors)
    return Fail(ErrorCode::kInvalid, "--pid is of scan: a monitor outlives the processes of a job",
                "everstep-agent scan --pid");
  for (const std::string& pid : Split(list, ',')) {
    const auto number = ParseUnsigned(pid);
    if (!number || *number == 0 || *number > (1u << 22) || options.pids.size() == kMost)
      return Fail(ErrorCode::kInvalid,
                  Cat("--pid: found ", Printable(list), ", legal: up to ", kMost, " process ids, with commas between them"));
    options.pids.push_back(Cat(*number));
  }
  return {};
}

Status TakeReportMax(const std::map<std::string, std::string>& given, ScanCommand& command) {
  const auto most = given.find("report-max");
  if (most == given.end()) return {};
  EVERSTEP_ASSIGN(command.report_max, ParseSize(most->second));
  if (command.report_max >= 4096 && command.report_max <= 64u << 20) return {};
  return Fail(ErrorCode::kInvalid, Cat("--report-max: found ", most->second, ", legal: 4KiB to 64MiB"));
}

// Of other makers' programs. Monitors leave the GPUs to their job: a diagnosis takes them from it.
Status TakeAdapters(const std::map<std::string, std::string>& given, bool monitors, ScanOptions& options) {
  const auto path = [&](const char* name, std::string& into) -> Status {
    const auto found = given.find(name);
    if (found == given.end()) return {};
    into = found->second;
    if (into.starts_with('/')) return {};
    return Fail(ErrorCode::kInvalid,
                Cat("--", name, ": found ", Printable(into), ", legal: a program or file from the root on"));
  };
  EVERSTEP_TRY(path("nvidia-smi", options.nvidia_smi));
  EVERSTEP_TRY(path("dcgmi", options.dcgm.what));
  if (const auto level = given.find("dcgmi-level"); level != given.end()) {
    const auto number = ParseUnsigned(level->second);
    if (!number || *number < 1 || *number > 4)
      return Fail(ErrorCode::kInvalid, Cat("--dcgmi-level: found ", Printable(level->second), ", legal: 1 to 4"));
    options.dcgm.level = static_cast<unsigned>(*number);
  }
  options.dcgm.patience = DcgmPatience(options.dcgm.level);
  if (monitors && !options.dcgm.what.empty())
    return Fail(ErrorCode::kInvalid, "--dcgmi is of scan: a monitor leaves the GPUs to their job",
                "everstep-agent scan --dcgmi");
  return {};
}

std::string OneLineOf(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return Clip(text, 400);
}

int ExitCode(const ScanCommand& command, const ScanReport& report) {
  if (command.report_only) return 0;
  if (command.nagios) return NagiosCode(report);
  const State worst = Worst(report.verdicts);
  return worst == State::fail || (command.strict && worst != State::ok) ? 1 : 0;
}

}  // namespace

std::string HostName() {
  std::array<char, 256> buffer{};
  return gethostname(buffer.data(), buffer.size() - 1) == 0 ? std::string(buffer.data()) : std::string("?");
}

Result<ScanCommand> ScanCommandFrom(int argc, const char* const* argv) {
  const std::vector<yaml::FlagSpec> specs = Flags();
  EVERSTEP_ASSIGN(auto given, yaml::ParseFlags(argc, argv, specs));
  ScanCommand command;
  if (given.contains("help"))
    command.print = yaml::HelpText(kProgram, "Looks at this host once and judges it: no daemon, no launcher.", specs);
  ScanOptions& options = command.options;
  const auto take = [&](const char* name, std::string& into) {
    if (const auto found = given.find(name); found != given.end()) into = found->second;
  };
  take("profile", options.profile);
  take("catalogue", options.catalogue);
  take("root", options.root);
  take("kernel-log", options.kernel_log);
  take("nvml", options.nvml);
  take("cuda", options.cuda);
  const bool monitors = argc > 0 && std::string_view(argv[0]) == "monitor";
  EVERSTEP_TRY(TakeAdapters(given, monitors, options));
  EVERSTEP_TRY(TakePids(given["pid"], monitors, options));
  take("metadata", options.metadata);
  if (options.metadata == "on") options.metadata = kMetadataAddress;
  if (!options.metadata.empty() && options.metadata != "off")
    if (const Status legal = CheckMetadataAddress(options.metadata); !legal)
      return Fail(ErrorCode::kInvalid, Cat("--metadata: ", legal.error().message, "; or on, or off"));
  std::string unknown = "pass";
  take("unknown", unknown);
  command.unknown_blocks = unknown == "block";
  if (unknown != "pass" && unknown != "block")
    return Fail(ErrorCode::kInvalid, Cat("--unknown: found ", Printable(unknown), ", legal: pass or block"));
  take("feed", command.feed);
  take("boot-id", command.boot);
  if (given.contains("path") || given.contains("data") || given.contains("checkpoint")) options.paths.clear();
  TakePaths(given["path"], PathUse::plain, options.paths);
  TakePaths(given["data"], PathUse::data, options.paths);
  TakePaths(given["checkpoint"], PathUse::checkpoint, options.paths);
  for (const ScanPath& path : options.paths)
    if (!path.path.starts_with('/'))
      return Fail(ErrorCode::kInvalid, Cat("the path ", Printable(path.path), " is not absolute"),
                  "write it from the root: /data");
  if (const auto deadline = given.find("deadline"); deadline != given.end()) {
    EVERSTEP_ASSIGN(options.deadline, ParseDuration(deadline->second));
    if (options.deadline <= Duration() || options.deadline > 10min)
      return Fail(ErrorCode::kInvalid, Cat("--deadline: found ", deadline->second, ", legal: more than 0 s, at most 10min"));
  }
  EVERSTEP_TRY(TakeReportMax(given, command));
  if (const auto deep = given.find("deep"); deep != given.end()) {
    EVERSTEP_ASSIGN(options.deep.time, ParseDuration(deep->second));
    constexpr Duration kLeast = 200ms, kMost = std::chrono::hours(24);
    if (options.deep.time != Duration() && (options.deep.time < kLeast || options.deep.time > kMost))
      return Fail(ErrorCode::kInvalid, Cat("--deep: found ", deep->second, ", legal: 0s, or 200ms to 24h"));
  }
  for (const auto& [name, into] :
       {std::pair("json", &command.json), std::pair("nagios", &command.nagios), std::pair("all", &command.all),
        std::pair("strict", &command.strict), std::pair("report-only", &command.report_only), std::pair("idle", &options.idle)})
    *into = given.contains(name) && given[name] == "true";
  if (command.json && command.nagios) return Fail(ErrorCode::kInvalid, "--json and --nagios exclude each other", "choose one");
  return command;
}

int RunScanCommand(int argc, const char* const* argv) {
  // Who reads Nagios' codes takes a 2 for a host that is bad.
  const bool nagios = std::any_of(argv, argv + argc, [](const char* word) { return std::string_view(word) == "--nagios"; });
  const auto failed = [nagios](const Error& error) {
    const std::string why = Cat(kProgram, ": ", error.Str());
    if (nagios) std::printf("HEALTH UNKNOWN - %s\n", OneLineOf(why).c_str());
    if (!nagios) std::fprintf(stderr, "%s\n", why.c_str());
    return nagios ? kNagiosUnknown : 2;
  };
  const auto command = ScanCommandFrom(argc, argv);
  if (!command) return failed(command.error());
  if (!command->print.empty()) {
    std::fputs(command->print.c_str(), stdout);
    return 0;
  }
  const auto report = Scan(command->options);
  if (!report) return failed(report.error());
  const std::string text = command->json     ? ReportJson(*report, HostName(), command->report_max)
                           : command->nagios ? ReportNagios(*report)
                                             : ReportText(*report, command->all, command->report_max);
  std::fputs(text.c_str(), stdout);
  if (std::fflush(stdout) != 0) return failed({.message = "the report could not be written", .hint = ""});
  return ExitCode(*command, *report);
}

std::vector<std::string> PreflightFindings(const ScanReport& report, bool unknown_blocks) {
  std::vector<std::string> lines, unread;
  for (const Verdict& verdict : report.verdicts) {
    const bool open = verdict.state == State::unknown && !report.takes_longer.contains(verdict.check);
    if (open && std::find(unread.begin(), unread.end(), verdict.check) == unread.end()) unread.push_back(verdict.check);
    if (verdict.state == State::fail || (open && unknown_blocks))
      lines.push_back(Cat("FAIL ", Title(verdict), ": ", verdict.why, open ? " (preflight.unknown: block)" : ""));
  }
  if (unknown_blocks || unread.empty()) return lines;
  constexpr std::size_t kNamed = 4;
  const std::size_t more = unread.size() - std::min(unread.size(), kNamed);
  const std::string all = Count(unread.size(), "check");
  unread.resize(std::min(unread.size(), kNamed));
  lines.push_back(Cat("UNKNOWN ", all, ": ", Join(unread), more > 0 ? Cat(" and ", more, " more") : ""));
  return lines;
}

int RunPreflightCommand(int argc, const char* const* argv) {
  constexpr int kCannotRun = 2;
  const auto say = [](const std::string& text) { std::fprintf(stderr, "everstep-agent: %s\n", text.c_str()); };
  int own = 1;
  while (own < argc && std::string_view(argv[own]) != "--") ++own;
  const auto command = ScanCommandFrom(own, argv);
  if (!command) return say(command.error().Str()), kCannotRun;
  const auto report = Scan(command->options);
  if (!report) return say(report.error().Str()), kCannotRun;
  const std::vector<std::string> findings = PreflightFindings(*report, command->unknown_blocks);
  for (const std::string& finding : findings) say(finding);
  const bool fails = std::any_of(findings.begin(), findings.end(), [](const auto& line) { return line.starts_with("FAIL "); });
  // For who reads the lines: all of them, and on to the network whatever they say.
  if (command->json) std::fputs(ReportJson(*report, HostName()).c_str(), stdout);
  if (std::fflush(stdout) != 0) return say("the report could not be written"), kCannotRun;
  if (fails && !command->report_only) return kCannotRun;
  if (own + 1 >= argc) return 0;
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  const std::string program = (self.parent_path() / std::filesystem::path(argv[own + 1]).filename()).string();
  std::vector<char*> words;
  for (int i = own + 1; i < argc; ++i) words.push_back(const_cast<char*>(argv[i]));
  // The site's own floor, where its profile has one.
  std::string floor = report->profile.pair_gbps ? std::to_string(*report->profile.pair_gbps / 8) : std::string();
  std::string flag = "--floor";
  if (!floor.empty() && own + 2 < argc && std::string_view(argv[own + 2]) == "pairs")
    words.insert(words.end(), {flag.data(), floor.data()});
  words.push_back(nullptr);
  ::execv(program.c_str(), words.data());
  say(Cat("cannot run ", program, ": ", std::strerror(errno)));
  return kCannotRun;
}

}  // namespace everstep::health
