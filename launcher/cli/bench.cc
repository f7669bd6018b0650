// everstep bench: everstep-probe on hosts of the cluster, as a job of theirs: nccl-tests' flags, its table, no ssh.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>

#include "launcher/cli/flags.h"
#include "launcher/cli/follow.h"
#include "launcher/cli/globals.h"
#include "launcher/cli/host_list.h"
#include "launcher/cli/incident_text.h"
#include "launcher/cli/output.h"
#include "launcher/cli/probe_job.h"
#include "launcher/cli/verbs.h"

namespace everstep {

namespace {

constexpr const char* kBenchFooter =
    "Each host gets one rank, and no job while this lasts. Returns 0 when all is well, 1 when data were wrong or a host or "
    "link "
    "is bad, 2 when it could not be started. --output json prints nccl-tests' JSON in place of the table.\n"
    "\n"
    "  everstep bench allreduce -b 1K -e 64M -f 4\n"
    "  everstep bench pairs n[1-8]\n";

// Handed on as they are: the probe knows what is legal.
struct ProbeFlag {
  const char* names;
  const char* about;
  const char* value;
};
constexpr ProbeFlag kProbeFlags[] = {
    {"-b,--minbytes", "smallest size, such as 8, 4K, 32M [32M]", "SIZE"},
    {"-e,--maxbytes", "largest size; of pairs and loopback the only one [32M; 1M]", "SIZE"},
    {"-i,--stepbytes", "from size to size, added [1M]", "SIZE"},
    {"-f,--stepfactor", "from size to size, multiplied", "N"},
    {"-n,--iters", "timed runs a size [20, and 100 ms]", "N"},
    {"-w,--warmup-iters", "runs before them [5]", "N"},
    {"-c,--check", "runs whose every hop is checked [1]", "N"},
    {"-d,--datatype", "float, double, half, bfloat16, int8, uint8, int32, uint32, int64, uint64, all [float]", "TYPE"},
    {"--op", "sum, prod, max, min, avg, all [sum]", "OP"},
    {"-T,--timeout", "seconds without progress until the test ends [10]", "N"},
    {"--backend", "ofi (libfabric), nccl (GPU memory), mpi (by mpirun, without ssh) [ofi]", "NAME"},
    {"--compare", "the same afterwards through gloo, mpi, nccl: its columns, or why it does not run here", "PEER,PEER"},
    {"--provider", "efa, verbs, tcp or a whole name: this one or an error", "NAME"},
    {"--interface", "by which to send, or several, a rail each [efa, verbs: all; tcp: by which the ranks meet]", "NAME"},
    {"--rails", "NICs of a host at most", "N"},
    {"--algorithm", "ring, recursive_doubling, halving_doubling, direct, star [by what the pairs measure]", "NAME"},
    {"--chunk", "largest message [4M]", "SIZE"},
    {"--register", "of loopback: most memory that is registered [1G]", "SIZE"},
    {"--level", "of pairs: quick (four rounds) or full [full]", "quick|full"},
    {"--seed", "of the order of pairs [1]", "N"},
};

struct BenchFlags {
  std::string test{};
  std::vector<std::string> hosts{};
  std::vector<std::pair<std::string, std::string>> probe{};  // long name, as given; empty: not
  bool waits = false;
};

std::vector<std::string> CommandOf(const Cli& cli, const BenchFlags& flags) {
  const auto backend =
      std::find_if(flags.probe.begin(), flags.probe.end(), [](const auto& flag) { return flag.first == "--backend"; });
  std::vector<std::string> command{std::string(kProbeProgram), flags.test};
  if (backend->second == "mpi") command = {"everstep-mpi", "--", "everstep-probe-mpi", flags.test};
  for (const auto& [name, value] : flags.probe)
    if (!value.empty()) command.insert(command.end(), {name, value});
  if (!ForPeople(cli.output)) command.insert(command.end(), {"-J", "-"});
  return command;
}

// The probe's own, but for what only ends with it: because of another rank, by a signal.
int CodeOf(const JobView& job) {
  constexpr int kBecauseOfAnother = 3;
  const int code = ExitCodeOf(job);
  return code == kBecauseOfAnother ? exit_code::kCouldNotRun : std::min(code, exit_code::kCouldNotRun);
}

void TellCauses(ControlClient& client, const JobId& job) {
  if (const auto reply = Ask<IncidentsReply>(client, ListIncidents{.job = job})) WriteErr(UnseenCauses(reply->incidents));
}

Result<int> Bench(const Cli& cli, BenchFlags& flags) {
  Interrupts interrupts;
  EVERSTEP_ASSIGN(const auto client, Connect(cli));
  EVERSTEP_ASSIGN(std::vector<std::string> hosts, ExpandHostLists(flags.hosts));
  if (hosts.empty()) {
    EVERSTEP_ASSIGN(hosts, FreeHosts(*client));
  }
  const JobSpec spec = ProbeJob(cli, Cat("bench-", flags.test), CommandOf(cli, flags), std::move(hosts));
  EVERSTEP_ASSIGN(const Placed placed, Place(*client, spec, flags.waits));
  const FollowOptions options{.job = placed.job, .events_after = placed.before, .output = {}, .sink = {}, .bare = true};
  EVERSTEP_ASSIGN(const auto job, FollowJob(cli, options, interrupts));
  if (job && job->phase == JobPhase::failed) TellCauses(*client, placed.job);
  if (job) return CodeOf(*job);
  WriteErr(Cat("left ", placed.job, " to the launcher: everstep job ", placed.job, '\n'));
  return exit_code::kCouldNotRun;
}

}  // namespace

void AddBench(CLI::App& app, Cli& cli) {
  auto flags = std::make_shared<BenchFlags>();
  CLI::App* verb = app.add_subcommand("bench", "measure the network between hosts, every byte checked");
  verb->add_option("TEST", flags->test, "what is measured")
      ->required()
      ->type_name("allreduce|reducescatter|allgather|alltoall|pairs|loopback")
      ->check(OneOf({"allreduce", "reducescatter", "allgather", "alltoall", "pairs", "loopback"}));
  verb->add_option("HOST", flags->hosts, "names, or a list such as n[1-3] [all that are free]")->type_name("HOST");
  flags->probe.reserve(std::size(kProbeFlags));
  for (const ProbeFlag& flag : kProbeFlags) {
    const std::string names = flag.names;
    std::string name = names.substr(names.find("--"));
    if (name == "--warmup-iters") name = "--warmup_iters";
    auto& [probe_name, value] = flags->probe.emplace_back(std::move(name), "");
    verb->add_option(names, value, flag.about)->type_name(flag.value);
  }
  verb->add_flag("--wait", flags->waits, "wait until the hosts are free");
  AddOutputFlags(*verb, cli, false);
  verb->footer(kBenchFooter);
  verb->callback([&cli, flags] { cli.verb = [&cli, flags] { return Bench(cli, *flags); }; });
}

}  // namespace everstep
