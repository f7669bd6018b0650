// everstep-probe: bandwidth and correctness of the network between the ranks that are started with it. Stands alone: under
// torchrun, mpirun, srun, or a shell that sets RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT.

#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>

#include "base/real/clock.h"
#include "base/text.h"
#include "base/version.h"
#include "collectives/backends.h"
#include "collectives/probe/collective_bench.h"
#include "collectives/probe/compare.h"
#include "collectives/probe/device_watch.h"
#include "collectives/probe/group.h"
#include "collectives/probe/options.h"
#include "collectives/probe/pair_bench.h"
#include "collectives/probe/table.h"
#include "collectives/probe/verdict_lines.h"

namespace everstep {
namespace {

std::map<std::string, std::string> Environment(char** variables) {
  std::map<std::string, std::string> environment;
  for (char** variable = variables; *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    const std::size_t equals = text.find('=');
    if (equals != std::string_view::npos) environment.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return environment;
}

std::string HostName() {
  char name[256] = {};
  if (::gethostname(name, sizeof name - 1) != 0) return "?";
  return name;
}

std::string TimeOfDay(Clock& clock) {
  const std::time_t seconds = clock.Wall().ns / 1'000'000'000;
  std::tm local{};
  ::localtime_r(&seconds, &local);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &local);
  return text;
}

constexpr int kBecauseOfAnother = 3;  // exit code: another rank went away, or could not start

// What is said to whom.
struct Voice {
  bool json_only = false;      // JSON takes the table's place
  bool verdicts_read = false;  // whoever has started this reads verdicts from stderr

  void Say(const std::string& text) const {
    if (json_only) return;
    std::fputs(text.c_str(), stdout);
    std::fflush(stdout);
  }
  void Verdicts(const std::string& lines) const {
    if (verdicts_read) std::fputs(lines.c_str(), stderr);
  }
};

// Rank 0 tells whoever reads verdicts how far the pairs are.
class RoundsTold {
 public:
  RoundsTold(const Voice& voice, bool wanted, Clock& clock) : voice_(voice), wanted_(wanted), clock_(clock) {}

  void operator()(const PairStep& step) {
    constexpr Duration kApart = 200ms;
    const bool first = step.round == 1;
    if (!wanted_ || (!first && told_ && clock_.Now() - *told_ < kApart)) return;
    told_ = clock_.Now();
    voice_.Verdicts(RoundLine(step));
  }

 private:
  const Voice& voice_;
  bool wanted_;
  Clock& clock_;
  std::optional<Time> told_{};
};

int Told(const Error& error, int code) {
  std::fprintf(stderr, "everstep-probe: %s\n", error.Str().c_str());
  return code;
}

// Nothing where no file was asked for.
bool Written(const ProbeOptions& options, const std::string& json) {
  if (options.json_file.empty()) return true;
  if (options.json_file == "-") return std::printf("%s\n", json.c_str()) > 0 && std::fflush(stdout) == 0;
  std::ofstream file(options.json_file);
  file << json << "\n";
  if (file.flush()) return true;
  Told({ErrorCode::kIo, Cat("cannot write ", options.json_file), ""}, 1);
  return false;
}

int Failed(const ProbeGroup& group, const Error& error) {
  group.meeting->GiveUp(Cat(group.company.Who(group.rank()), ": ", error.Str()));
  return Told(error, 1);
}

ProbeTable EmptyTable(const ProbeGroup& group, const ProbeOptions& options, const std::vector<std::string>& arguments,
                      Clock& clock) {
  ProbeTable table;
  table.program = Cat("everstep-probe ", Version(), ", ", group.backend->Library());
  table.started = TimeOfDay(clock);
  table.arguments = arguments;
  table.options = options;
  for (std::uint32_t rank = 0; rank < group.ranks(); ++rank)
    table.ranks.push_back(
        {.rank = rank, .pid = group.pids[rank], .host = group.company.hosts[rank], .device = group.devices[rank]});
  return table;
}

// Whether all bytes went over the devices that were meant; rank 0 says which did not.
Result<bool> Proven(const ProbeGroup& group, const DeviceWatch& watch, const Voice& voice) {
  EVERSTEP_ASSIGN(const std::vector<std::string> not_proven, watch.NotProven());
  if (group.rank() == 0)
    for (const std::string& line : not_proven) {
      voice.Say(Cat("# NOT PROVEN: ", line, "\n"));
      voice.Verdicts(VerdictLine("unproven", {0}, line));
    }
  return not_proven.empty();
}

int RunCollective(ProbeGroup& group, const ProbeOptions& options, const std::vector<std::string>& arguments, Clock& clock,
                  const Voice& voice, const PeerSurroundings& around) {
  const bool speaks = group.rank() == 0;
  const DeviceWatch watch(group, options);
  ProbeTable table = EmptyTable(group, options, arguments, clock);
  const Time begin = clock.Now();
  if (speaks) voice.Say(TableHead(table));
  const Status done =
      RunCollectiveBench(group, options, clock, table, [&](const TableRow& row, const std::vector<std::string>& wrong) {
        if (!speaks) return;
        voice.Say(TableLine(table, row));
        for (const std::string& line : wrong) voice.Say(Cat("# wrong: ", line, "\n"));
      });
  if (!done) return Failed(group, done.error());
  const Result<bool> proven = Proven(group, watch, voice);
  if (!proven) return Failed(group, proven.error());
  table.ended = TimeOfDay(clock);
  if (speaks) voice.Say(TableFoot(table));
  std::string json = TableJson(table);
  if (!options.compare.empty()) {
    const auto peers = RunPeers(group, options, around, table, Seconds(clock.Now() - begin), clock);
    if (!peers) return Failed(group, peers.error());
    if (speaks) voice.Say(CompareText(table, *peers));
    json = WithCompare(std::move(json), table, *peers);
  }
  if (speaks && !Written(options, json)) return 1;
  return table.Wrong() == 0 && *proven ? 0 : 1;
}

int RunPairTests(ProbeGroup& group, const ProbeOptions& options, Clock& clock, const Voice& voice) {
  const bool speaks = group.rank() == 0;
  const DeviceWatch watch(group, options);
  if (options.test == ProbeTest::loopback) {
    const auto all = RunLoopback(group, options, clock);
    if (!all) return Failed(group, all.error());
    if (speaks) voice.Say(LoopbackText(group, *all));
    bool good = true;
    for (const LoopbackMeasurement& one : *all) {
      good = good && one.error.empty() && one.wrong.empty();
      for (const Registered& memory : one.registered) good = good && memory.error.empty();
    }
    const Result<bool> proven = Proven(group, watch, voice);
    if (!proven) return Failed(group, proven.error());
    if (speaks && !Written(options, LoopbackJson(group, *all))) return 1;
    return good && *proven ? 0 : 1;
  }
  RoundsTold told(voice, speaks && options.quiet, clock);
  const Result<PairFindings> findings = RunPairs(group, options, clock, std::ref(told));
  if (!findings) return Failed(group, findings.error());
  const bool summary = options.quiet && findings->verdicts.empty() && !findings->pairs.empty();
  if (speaks) voice.Say(summary ? PairSummary(*findings) : PairText(*findings));
  const bool too_slow = !findings->below.empty() && findings->below_profile;
  if (speaks) voice.Verdicts(VerdictLines(findings->verdicts));
  if (speaks && too_slow) voice.Verdicts(VerdictLine("below_floor", {0}, findings->below));
  const Result<bool> proven = Proven(group, watch, voice);
  if (!proven) return Failed(group, proven.error());
  if (speaks && !too_slow && !findings->below.empty()) voice.Verdicts(RemarkLine(findings->below));
  if (speaks && findings->measured) voice.Verdicts(MeasuredLine(findings->measured->first, findings->measured->second));
  if (speaks && !Written(options, PairJson(*findings))) return 1;
  // One host alone has no pairs: of its network nothing is known, which is no pass.
  return findings->verdicts.empty() && group.ranks() > 1 && !too_slow && *proven ? 0 : 1;
}

// MPI is asked where nothing else says where rank 0 is, if it can be.
Result<ProbeIdentity> IdentityOf(ProbeBackend backend, char** argv, char** variables) {
  const std::map<std::string, std::string> environment = Environment(variables);
  const bool by_mpi = backend == ProbeBackend::mpi;
  Result<ProbeIdentity> own = by_mpi ? ProbeIdentity() : IdentityFrom(environment);
  if (!by_mpi && (own || own.error().code != ErrorCode::kNotFound)) return own;
  Result<ProbeIdentity> told = IdentityByMpi(HostName(), argv, variables, by_mpi);
  // One rank alone: whoever has started this is no launcher of the MPI that it is linked with.
  const bool cannot = told ? told->ranks == 1 : told.error().code == ErrorCode::kNotFound;
  if (!by_mpi && cannot) return own;
  if (told) told->rack = RackFrom(environment);
  return told;
}

int Run(const std::vector<std::string>& arguments, char** argv, char** variables) {
  const Result<ProbeOptions> options = ParseProbeOptions(arguments);
  if (!options && options.error().code == ErrorCode::kNotFound) {
    Voice().Say(options.error().message + "\n");
    return 0;
  }
  if (!options) return Told(options.error(), 2);
  const Result<ProbeIdentity> identity = IdentityOf(options->backend, argv, variables);
  if (!identity) return Told(identity.error(), 2);
  const Voice voice{.json_only = options->json_file == "-",
                    .verdicts_read = Environment(variables).contains("EVERSTEP_JOB_ID")};
  RealClock clock;
  const BackendMaker make = MakerOf(options->backend);
  const auto blames = [&voice](const std::vector<std::uint32_t>& ranks, bool came, const std::string& why) {
    voice.Verdicts(VerdictLine(came ? "gone" : "absent", ranks, why));
  };
  const auto waits = [&](const std::vector<std::uint32_t>& ranks) {
    if (options->quiet) voice.Verdicts(WaitsLine(ranks));
  };
  Result<ProbeGroup> group =
      JoinGroup(*identity, *options, HostName(), static_cast<std::uint64_t>(::getpid()), clock, make, blames, waits);
  if (!group) {
    const ErrorCode code = group.error().code;
    return Told(group.error(), code == ErrorCode::kUnavailable || code == ErrorCode::kTimeout ? kBecauseOfAnother : 2);
  }
  if (options->test == ProbeTest::pairs || options->test == ProbeTest::loopback)
    return RunPairTests(*group, *options, clock, voice);
  std::error_code error;
  const PeerSurroundings around{.folder = std::filesystem::read_symlink("/proc/self/exe", error).parent_path(),
                                .master = identity->master_host,
                                .environment = Environment(variables)};
  return RunCollective(*group, *options, arguments, clock, voice, around);
}

}  // namespace
}  // namespace everstep

int main(int argc, char** argv, char** variables) {
  // The PSM libraries, which libfabric brings along, print a backtrace from handlers of their own: seen on a GPU host, where
  // one crash in another library became a rank that hung for ever in malloc.
  for (const int number : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGINT, SIGTERM})
    if (::signal(number, SIG_DFL) == SIG_IGN) ::signal(number, SIG_IGN);  // as whoever started it has said
  return everstep::Run({argv + 1, argv + argc}, argv, variables);
}
