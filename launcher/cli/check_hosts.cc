#include "launcher/cli/check_hosts.h"

#include "launcher/cli/check_report.h"
#include "launcher/cli/follow.h"
#include "launcher/cli/host_list.h"
#include "launcher/cli/output.h"
#include "launcher/cli/probe_job.h"
#include "launcher/cli/view_json.h"
#include "launcher/core/sentence.h"

namespace everstep {

namespace {

constexpr const char* kScanProgram = "everstep-agent";

struct Heard {
  JobView job{};
  std::map<std::uint32_t, std::string> out{};  // by rank
  std::map<std::uint32_t, std::string> err{};
};

// Runs it to its end and keeps what its ranks write.
Result<Heard> Listen(const Cli& cli, ControlClient& client, const JobSpec& spec, bool waits, Interrupts& interrupts) {
  constexpr std::size_t kMost = 8u << 20;  // of a rank
  EVERSTEP_ASSIGN(const Placed placed, Place(client, spec, waits));
  Heard heard;
  FollowOptions options{.job = placed.job, .events_after = placed.before, .output = {}, .bare = true};
  options.sink = [&heard](const LogChunk& chunk) {
    std::string& text = (chunk.is_stderr ? heard.err : heard.out)[chunk.rank];
    if (text.size() < kMost) text += chunk.bytes;
  };
  EVERSTEP_ASSIGN(const auto job, FollowJob(cli, options, interrupts));
  if (!job || job->phase == JobPhase::cancelled)
    return Fail(ErrorCode::kConflict, Cat(placed.job, " was not waited for"), Cat("everstep job ", placed.job));
  heard.job = *job;
  return heard;
}

std::vector<std::string> NodesOf(const JobView& job) {
  std::vector<std::string> nodes;
  for (const HostView& host : job.hosts) nodes.push_back(host.node.value);
  return nodes;
}

// What rank 0 said of the network. Without a verdict the probe's exit code is the answer.
Result<std::vector<ProbeVerdict>> FabricOf(const Heard& heard) {
  const auto words = heard.err.find(0);
  const std::string text = words == heard.err.end() ? std::string() : words->second;
  std::vector<ProbeVerdict> verdicts = VerdictsIn(text);
  if (heard.job.phase == JobPhase::done || !verdicts.empty()) return verdicts;
  return Fail(ErrorCode::kUnavailable, Cat("the network was not checked: ", OneLine(heard.job.why, 600)),
              Cat("everstep logs ", heard.job.id));
}

}  // namespace

Result<int> CheckHosts(const Cli& cli, const HostCheckFlags& flags) {
  Interrupts interrupts;
  EVERSTEP_ASSIGN(const auto client, Connect(cli));
  EVERSTEP_ASSIGN(std::vector<std::string> hosts, ExpandHostLists(flags.hosts));
  if (hosts.empty()) {
    EVERSTEP_ASSIGN(hosts, FreeHosts(*client));
  }
  std::vector<std::string> scan{kScanProgram, "scan", "--json", "--all", "--report-only"};
  const bool deep = flags.level == "deep";
  if (deep) scan.insert(scan.end(), {"--deep", flags.stress});
  if (!flags.profile.empty()) scan.insert(scan.end(), {"--profile", flags.profile});
  EVERSTEP_ASSIGN(Heard scanned, Listen(cli, *client, ProbeJob(cli, "check-hosts", scan, hosts), flags.waits, interrupts));
  const bool scanned_all = scanned.job.phase == JobPhase::done;
  if (!scanned_all && scanned.out.empty())
    return Fail(ErrorCode::kUnavailable, Cat("the hosts were not scanned: ", OneLine(scanned.job.why, 600)),
                Cat("everstep logs ", scanned.job.id));
  CheckInput input{.nodes = NodesOf(scanned.job), .scans = std::move(scanned.out), .fabric = {}};
  std::optional<Error> not_made;  // of the network's check; what is known of the hosts is told all the same
  if (hosts.size() > 1) {
    const std::vector<std::string> pairs{
        std::string(kProbeProgram), "pairs", "--level", deep ? "full" : flags.level, "-e", "1M", "--quiet", "1"};
    EVERSTEP_ASSIGN(const Heard probed, Listen(cli, *client, ProbeJob(cli, "check-fabric", pairs, hosts), true, interrupts));
    auto fabric = FabricOf(probed);
    if (fabric) input.fabric = *std::move(fabric);
    if (!fabric) not_made = fabric.error();
  }
  const std::vector<HostChecked> checked = Checked(input);
  WriteOut(ForPeople(cli.output) ? Render(CheckedTable(checked), StyleOf(cli)) : ViewData(cli.output, checked));
  if (ForPeople(cli.output)) WriteOut(FindingsText(checked));
  if (not_made) return Fail(*not_made);
  return Fit(checked, flags.strict) ? exit_code::kGood : exit_code::kBad;
}

}  // namespace everstep
