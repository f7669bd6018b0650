#include "launcher/cli/check_hosts.h"

#include "base/real/clock.h"
#include "launcher/cli/check_progress.h"
#include "launcher/cli/check_report.h"
#include "launcher/cli/follow.h"
#include "launcher/cli/host_list.h"
#include "launcher/cli/live_lines.h"
#include "launcher/cli/output.h"
#include "launcher/cli/probe_job.h"
#include "launcher/cli/view_json.h"
#include "launcher/core/preflight.h"
#include "launcher/core/sentence.h"

namespace everstep {

namespace {

struct Heard {
  JobView job{};
  std::map<std::uint32_t, std::string> out{};  // by rank
  std::map<std::uint32_t, std::string> err{};
};

// How far it is: lines that change in place on a terminal, else a line for each change.
class CheckScreen {
 public:
  CheckScreen(const Terminal& terminal, const JobSpec& spec)
      : terminal_(terminal), progress_(spec.hosts, spec.hosts.size() > 1), began_(clock_.Now()) {}
  ~CheckScreen() { live_.Erase(); }
  CheckScreen(const CheckScreen&) = delete;
  CheckScreen& operator=(const CheckScreen&) = delete;

  void Take(const LogChunk& chunk) { progress_.On(chunk); }
  void Show(const std::optional<JobView>& job) {
    if (job) progress_.On(*job);
    if (terminal_.attended && terminal_.columns) {
      live_.Show(CheckLines(progress_, clock_.Now() - began_, terminal_.rows - 1, *terminal_.columns - 1));
      return;
    }
    const auto rows = progress_.Rows();
    for (const std::string& line : CheckNews(told_, rows)) WriteErr(line + '\n');
    told_ = rows;
    if (const auto line = rounds_told_.Of(progress_.Rounds(), clock_.Now())) WriteErr(*line + '\n');
  }

 private:
  const Terminal terminal_;
  RealClock clock_{};
  CheckProgress progress_;
  std::vector<CheckProgress::Row> told_{};
  RoundNews rounds_told_{};
  Time began_;
  LiveLines live_{};
};

// Runs it to its end and keeps what its ranks write.
Result<Heard> Listen(const Cli& cli, ControlClient& client, const JobSpec& spec, bool waits, Interrupts& interrupts) {
  constexpr std::size_t kMost = 8u << 20;  // of a rank
  EVERSTEP_ASSIGN(const Placed placed, Place(client, spec, waits));
  Heard heard;
  FollowOptions options{.job = placed.job, .events_after = placed.before, .output = {}, .bare = true};
  CheckScreen screen(cli.console.err, spec);
  options.progress = [&screen](const std::optional<JobView>& job) { screen.Show(job); };
  options.sink = [&](const LogChunk& chunk) {
    screen.Take(chunk);
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
  const bool deep = flags.level == "deep";
  const CheckOrder check{.level = deep ? "full" : flags.level, .deep = deep ? flags.stress : "", .profile = flags.profile};
  const JobSpec spec = ProbeJob(cli, "check", HostCheckCommand(check, hosts.size()), hosts);
  EVERSTEP_ASSIGN(Heard heard, Listen(cli, *client, spec, flags.waits, interrupts));
  if (heard.out.empty())
    return Fail(ErrorCode::kUnavailable, Cat("the hosts were not scanned: ", OneLine(heard.job.why, 600)),
                Cat("everstep logs ", heard.job.id));
  CheckInput input{.nodes = NodesOf(heard.job), .scans = {}, .fabric = {}};
  std::optional<Error> not_made;  // of the network's check; what is known of the hosts is told all the same
  if (auto fabric = FabricOf(heard)) {
    if (hosts.size() > 1) input.fabric = *std::move(fabric);
  } else {
    not_made = fabric.error();
  }
  input.scans = std::move(heard.out);
  const std::vector<HostChecked> checked = Checked(input);
  WriteOut(ForPeople(cli.output) ? Render(CheckedTable(checked), StyleOf(cli)) : ViewData(cli.output, checked));
  if (ForPeople(cli.output)) WriteOut(FindingsText(checked));
  if (not_made) return Fail(*not_made);
  return Fit(checked, flags.strict) ? exit_code::kGood : exit_code::kBad;
}

}  // namespace everstep
