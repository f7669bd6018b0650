// How many agents one launcher carries: a real everstep-launcher on SQLite, a process of its own, and in this process a crowd
// of simulated agents, each with the real agent's stream over a connection of its own. They beat as Welcome tells, obey
// commands without doing anything, and answer for each other when they are asked who lives. For each size of the crowd:
//
//   join      all say hello at once, until all are members
//   beats     a window in which nothing else happens: the launcher's CPU, and beat -> acknowledgement as an agent sees it
//   gang      a job of 1,000 hosts at most, submitted until it runs
//   calls     a second window, now with the job and with a person's calls beside the beats
//   silence   one agent says nothing more (its connection stands): until it is lost
//             (with --jobs N: on a log in which N jobs have ended before)
//   restart   kill -9 of the launcher and its start: until it serves, until all are back; then whether anybody was lost
//
// Client and launcher share the machine's cores: the delays are those of both.
//
//   bench_agents LAUNCHER [-o table|json] [--agents "1000 3000 10000"] [--gang N] [--jobs N] [--seconds N] [--sharing N]
//
// LAUNCHER: everstep-launcher. --sharing: agents that share a connection, where a connection for each would be too much for the
// machine; then their cost to the launcher is not in the figures, but all that it does for their messages is.
#include <malloc.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/fields.h"
#include "base/json/codec.h"
#include "base/real/signals.h"
#include "base/text.h"
#include "launcher/rpc/client.h"
#include "tests/bench/agents/crowd.h"
#include "tests/bench/agents/past_jobs.h"
#include "tests/bench/launcher/launcher_process.h"
#include "tests/bench/launcher/waits.h"

namespace everstep {

struct Spread {
  std::uint64_t count = 0;
  double p50 = 0;
  double p99 = 0;
  double max = 0;
};
EVERSTEP_FIELDS(Spread, count, p50, p99, max)

// Cores are those of one core: 0.5 is half of one.
struct CrowdMeasured {
  std::uint32_t agents = 0;
  double beat_milliseconds = 0;
  double join_seconds = 0;
  double join_launcher_cpu_seconds = 0;
  double join_megabytes_max = 0;
  double beats_per_second = 0;
  double launcher_cores = 0;
  double launcher_microseconds_per_beat = 0;
  double crowd_cores = 0;
  Spread ack_milliseconds{};
  double megabytes = 0;
  std::uint32_t gang_hosts = 0;
  double gang_seconds = 0;
  double gang_launcher_cpu_seconds = 0;
  double launcher_cores_with_calls = 0;
  Spread ack_milliseconds_with_calls{};
  Spread get_node_milliseconds{};
  Spread get_job_milliseconds{};
  Spread list_nodes_milliseconds{};
  double silent_to_lost_seconds = 0;
  double restart_serving_seconds = 0;
  double restart_all_back_seconds = 0;
  double restart_launcher_cpu_seconds = 0;
  std::uint64_t lost_falsely = 0;
  std::uint64_t job_restarts = 0;
  double megabytes_max = 0;
};
EVERSTEP_FIELDS(CrowdMeasured, agents, beat_milliseconds, join_seconds, join_launcher_cpu_seconds, join_megabytes_max,
                beats_per_second, launcher_cores, launcher_microseconds_per_beat, crowd_cores, ack_milliseconds, megabytes,
                gang_hosts, gang_seconds, gang_launcher_cpu_seconds, launcher_cores_with_calls, ack_milliseconds_with_calls,
                get_node_milliseconds, get_job_milliseconds, list_nodes_milliseconds, silent_to_lost_seconds,
                restart_serving_seconds, restart_all_back_seconds, restart_launcher_cpu_seconds, lost_falsely, job_restarts,
                megabytes_max)

struct AgentsMeasured {
  std::uint32_t seconds = 0;    // of each window
  std::uint32_t gang = 1000;    // hosts at most; 0: none
  std::uint32_t past_jobs = 0;  // in the log from the start
  std::uint32_t sharing = 1;    // agents on a connection
  double load_before = 0;       // of the machine: the 1-minute average
  std::vector<CrowdMeasured> crowds{};
};
EVERSTEP_FIELDS(AgentsMeasured, seconds, gang, past_jobs, sharing, load_before, crowds)

namespace {

constexpr std::uint32_t kAgentsMax = 20'000;

double CpuSecondsHere() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

Spread SpreadOf(std::vector<Duration> values) {
  if (values.empty()) return {};
  std::sort(values.begin(), values.end());
  const auto at = [&](double quantile) {
    return Seconds(values[static_cast<std::size_t>(quantile * static_cast<double>(values.size() - 1) + 0.5)]) * 1e3;
  };
  return {values.size(), at(0.5), at(0.99), at(1)};
}

// One connection of a person's.
class Person {
 public:
  explicit Person(const std::string& launcher) {
    auto client = ControlClient::Connect({.address = launcher, .deadline = 120s});
    Check(client.has_value(), "a client");
    client_ = *std::move(client);
  }
  template <class Reply>
  std::optional<Reply> Ask(const ApiRequest& request, std::vector<Duration>* took = nullptr) {
    const Time since = NowIs();
    Result<ApiReply> reply = client_->Call(request);
    if (took != nullptr) took->push_back(NowIs() - since);
    if (!reply) {
      if (failed_++ == 0) std::fprintf(stderr, "call: %s\n", reply.error().Str().c_str());
      return std::nullopt;
    }
    return std::get<Reply>(*std::move(reply));
  }
  LogIndex LogEnd() {
    const auto info = Ask<InfoReply>(GetInfo{});
    return info ? info->index : LogIndex();
  }
  std::uint64_t LostSince(LogIndex after) {
    const auto events = Ask<EventsReply>(ListEvents{.after = after, .rows_max = 10'000});
    if (!events) return 0;
    return static_cast<std::uint64_t>(
        std::count_if(events->events.begin(), events->events.end(), [](const EventView& e) { return e.kind == "node_lost"; }));
  }

 private:
  std::unique_ptr<ControlClient> client_;
  std::uint64_t failed_ = 0;
};

void MeasureJoin(LauncherProcess& launcher, Crowd& crowd, CrowdMeasured& out) {
  const double before = launcher.CpuSeconds();
  const auto address = ParseHostPort("launcher", launcher.address());
  Check(address.has_value(), "the launcher's address");
  const Time since = NowIs();
  crowd.Join(*address);
  Await("all are members", [&] { return crowd.Members() == out.agents; });
  out.join_seconds = Seconds(NowIs() - since);
  // The last of them are told to all.
  Person person(launcher.address());
  Await("all beat as slowly as so many must",
        [&] { return crowd.BeatEvery() >= std::max<Duration>(500ms, std::chrono::microseconds(100) * out.agents); });
  Measure(3s);
  out.join_launcher_cpu_seconds = launcher.CpuSeconds() - before;
  out.join_megabytes_max = launcher.Megabytes("VmHWM");
  out.beat_milliseconds = Seconds(crowd.BeatEvery()) * 1e3;
}

void MeasureBeats(LauncherProcess& launcher, Crowd& crowd, Duration window, CrowdMeasured& out) {
  crowd.Clear();
  const double launcher_before = launcher.CpuSeconds();
  const double crowd_before = CpuSecondsHere();
  const Time since = NowIs();
  Measure(window);
  const double seconds = Seconds(NowIs() - since);
  const double used = launcher.CpuSeconds() - launcher_before;
  out.crowd_cores = (CpuSecondsHere() - crowd_before) / seconds;
  out.ack_milliseconds = SpreadOf(crowd.Delays());
  out.launcher_cores = used / seconds;
  out.beats_per_second = static_cast<double>(out.ack_milliseconds.count) / seconds;
  out.launcher_microseconds_per_beat = 1e6 * used / static_cast<double>(std::max<std::uint64_t>(out.ack_milliseconds.count, 1));
  out.megabytes = launcher.Megabytes("VmRSS");
}

JobId MeasureGang(LauncherProcess& launcher, Crowd& crowd, CrowdMeasured& out) {
  Person person(launcher.address());
  if (out.gang_hosts == 0) return JobId();
  JobSpec spec{.name = "gang", .command = {"/bin/true"}, .nodes = out.gang_hosts, .processes_per_node = 1, .workdir = "/"};
  const double before = launcher.CpuSeconds();
  const Time since = NowIs();
  const auto submitted = person.Ask<Submitted>(SubmitJob{.spec = spec, .request_id = "bench"});
  if (!submitted) return JobId();
  // Asked as an agent sees it: a person who asks all the time how 1,000 ranks are costs more than their start.
  Await("the gang runs", [&] { return crowd.Running() == out.gang_hosts; });
  out.gang_seconds = Seconds(NowIs() - since);
  out.gang_launcher_cpu_seconds = launcher.CpuSeconds() - before;
  Await(
      "the launcher knows it",
      [&] {
        const auto reply = person.Ask<JobReply>(GetJob{.job = submitted->job});
        return reply && reply->job.phase == JobPhase::running &&
               std::all_of(reply->job.ranks.begin(), reply->job.ranks.end(),
                           [](const RankView& rank) { return rank.pid != 0; });
      },
      100ms);
  return submitted->job;
}

// A person who looks twice a second at all hosts, and twenty times at one or at the job.
void MeasureCalls(LauncherProcess& launcher, Crowd& crowd, const JobId& job, Duration window, CrowdMeasured& out) {
  Person person(launcher.address());
  static_cast<void>(person.LogEnd());  // connects
  std::vector<Duration> node;
  std::vector<Duration> jobs;
  std::vector<Duration> nodes;
  crowd.Clear();
  const double before = launcher.CpuSeconds();
  const Time since = NowIs();
  for (std::uint32_t i = 0; !g_stop && NowIs() - since < window; ++i) {
    if (i % 20 == 0) person.Ask<NodesReply>(ListNodes{}, &nodes);
    if (i % 2 == 0) person.Ask<NodesReply>(GetNode{crowd.NameOf(i % out.agents)}, &node);
    if (i % 2 == 1 && !job.empty()) person.Ask<JobReply>(GetJob{.job = job}, &jobs);
    Measure(std::max<Duration>(since + (i + 1) * Duration(25ms) - NowIs(), 0ms));
  }
  out.launcher_cores_with_calls = (launcher.CpuSeconds() - before) / Seconds(NowIs() - since);
  out.ack_milliseconds_with_calls = SpreadOf(crowd.Delays());
  out.get_node_milliseconds = SpreadOf(std::move(node));
  out.get_job_milliseconds = SpreadOf(std::move(jobs));
  out.list_nodes_milliseconds = SpreadOf(std::move(nodes));
}

// The last one by name has no part in the gang, unless placement has chosen it: then the job goes on without it.
void MeasureSilence(LauncherProcess& launcher, Crowd& crowd, CrowdMeasured& out) {
  Person person(launcher.address());
  static_cast<void>(person.LogEnd());
  const NodeId& victim = crowd.NameOf(out.agents - 1);
  const Time since = NowIs();
  crowd.Mute(out.agents - 1);
  Await(
      "the silent one is lost",
      [&] {
        const auto reply = person.Ask<NodesReply>(GetNode{victim});
        return reply && !reply->nodes.empty() && reply->nodes.front().phase == NodePhase::lost;
      },
      20ms);
  out.silent_to_lost_seconds = Seconds(NowIs() - since);
}

void MeasureRestart(LauncherProcess& launcher, Crowd& crowd, CrowdMeasured& out) {
  launcher.Kill();
  const Time since = NowIs();
  Await(
      "all have seen its end", [&] { return crowd.Members() == 0; }, 1ms);
  out.restart_serving_seconds = launcher.Restart();
  Await("all but the silent one are back", [&] { return crowd.Members() == out.agents - 1; });
  out.restart_all_back_seconds = Seconds(NowIs() - since);
  out.restart_launcher_cpu_seconds = launcher.CpuSeconds();
  Measure(20s);  // longer than the launcher waits for those that have not come back
}

CrowdMeasured MeasureCrowd(const std::string& program, std::uint32_t agents, const AgentsMeasured& how) {
  CrowdMeasured out{.agents = agents, .gang_hosts = std::min(how.gang, agents - 1)};
  const Duration window = std::chrono::seconds(how.seconds);
  const auto say = [&](const char* what) { std::fprintf(stderr, "%u agents: %s\n", agents, what); };
  LauncherProcess launcher(program, "/tmp", [&](const std::string& state) {
    if (how.past_jobs > 0) WritePastJobs(state, how.past_jobs);
  });
  Crowd crowd(agents, how.sharing);
  say("join");
  MeasureJoin(launcher, crowd, out);
  const LogIndex joined = Person(launcher.address()).LogEnd();
  say("beats");
  MeasureBeats(launcher, crowd, window, out);
  say("gang");
  const JobId job = MeasureGang(launcher, crowd, out);
  say("calls");
  MeasureCalls(launcher, crowd, job, window, out);
  say("silence");
  MeasureSilence(launcher, crowd, out);
  const double megabytes_max = launcher.Megabytes("VmHWM");
  say("restart");
  MeasureRestart(launcher, crowd, out);
  out.megabytes_max = std::max(megabytes_max, launcher.Megabytes("VmHWM"));
  Person person(launcher.address());
  const std::uint64_t lost = person.LostSince(joined);
  out.lost_falsely = lost - std::min<std::uint64_t>(lost, 1);
  if (job.empty()) return out;
  if (const auto reply = person.Ask<JobReply>(GetJob{.job = job})) out.job_restarts = reply->job.generation.value - 1;
  return out;
}

void Print(const AgentsMeasured& all) {
  std::printf("windows of %u s; %u jobs in the log; %u agents on a connection; load of the machine before: %.1f\n\n%-44s",
              all.seconds, all.past_jobs, all.sharing, all.load_before, "agents");
  const auto row = [&](const char* what, const auto& value) {
    std::printf("\n%-44s", what);
    for (const CrowdMeasured& crowd : all.crowds) std::printf(" %10.2f", static_cast<double>(value(crowd)));
  };
  for (const CrowdMeasured& crowd : all.crowds) std::printf(" %10u", crowd.agents);
  row("a beat every, ms", [](const auto& c) { return c.beat_milliseconds; });
  row("join: until all are members, s", [](const auto& c) { return c.join_seconds; });
  row("join: launcher's CPU, s", [](const auto& c) { return c.join_launcher_cpu_seconds; });
  row("join: launcher's most memory, MB", [](const auto& c) { return c.join_megabytes_max; });
  row("beats a second", [](const auto& c) { return c.beats_per_second; });
  row("beats: launcher, cores", [](const auto& c) { return c.launcher_cores; });
  row("beats: launcher, us a beat", [](const auto& c) { return c.launcher_microseconds_per_beat; });
  row("beats: the crowd itself, cores", [](const auto& c) { return c.crowd_cores; });
  row("beats: memory, MB", [](const auto& c) { return c.megabytes; });
  row("beat -> ack, ms: p50", [](const auto& c) { return c.ack_milliseconds.p50; });
  row("beat -> ack, ms: p99", [](const auto& c) { return c.ack_milliseconds.p99; });
  row("beat -> ack, ms: max", [](const auto& c) { return c.ack_milliseconds.max; });
  row("gang: hosts", [](const auto& c) { return c.gang_hosts; });
  row("gang: submit -> all run, s", [](const auto& c) { return c.gang_seconds; });
  row("gang: launcher's CPU, s", [](const auto& c) { return c.gang_launcher_cpu_seconds; });
  row("calls: launcher, cores", [](const auto& c) { return c.launcher_cores_with_calls; });
  row("calls: beat -> ack, ms: p99", [](const auto& c) { return c.ack_milliseconds_with_calls.p99; });
  row("calls: node, ms: p50", [](const auto& c) { return c.get_node_milliseconds.p50; });
  row("calls: node, ms: p99", [](const auto& c) { return c.get_node_milliseconds.p99; });
  row("calls: job, ms: p50", [](const auto& c) { return c.get_job_milliseconds.p50; });
  row("calls: job, ms: p99", [](const auto& c) { return c.get_job_milliseconds.p99; });
  row("calls: nodes, ms: p50", [](const auto& c) { return c.list_nodes_milliseconds.p50; });
  row("calls: nodes, ms: p99", [](const auto& c) { return c.list_nodes_milliseconds.p99; });
  row("silence -> lost, s", [](const auto& c) { return c.silent_to_lost_seconds; });
  row("restart: until it serves, s", [](const auto& c) { return c.restart_serving_seconds; });
  row("restart: kill -> all are back, s", [](const auto& c) { return c.restart_all_back_seconds; });
  row("restart: launcher's CPU by then, s", [](const auto& c) { return c.restart_launcher_cpu_seconds; });
  row("lost though they lived", [](const auto& c) { return c.lost_falsely; });
  row("restarts of the job", [](const auto& c) { return c.job_restarts; });
  row("most memory of all, MB", [](const auto& c) { return c.megabytes_max; });
  std::printf("\n");
}

// Two files an agent in the crowd, one in the launcher, which inherits this.
void RaiseFiles() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  rlimit wanted{.rlim_cur = 65'536, .rlim_max = std::max<rlim_t>(limit.rlim_max, 65'536)};
  if (::setrlimit(RLIMIT_NOFILE, &wanted) == 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

std::vector<std::uint32_t> Numbers(const std::string& text) {
  std::vector<std::uint32_t> numbers;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    const auto number = static_cast<std::uint32_t>(ParseUnsigned(word).value_or(0));
    if (number >= 2 && number <= kAgentsMax) numbers.push_back(number);
  }
  return numbers;
}

int Main(const std::vector<std::string>& arguments) {
  StopSignals signals;  // before any thread: they inherit its mask
  // Lists of all hosts come and go, one for each agent: pages that are given back each time would be most of what the crowd
  // costs.
  ::mallopt(M_MMAP_THRESHOLD, 64 << 20);
  ::mallopt(M_TRIM_THRESHOLD, 512 << 20);
  AgentsMeasured all{.seconds = 20};
  std::vector<std::uint32_t> sizes = {1000};
  bool json = false;
  for (std::size_t i = 2; i + 1 < arguments.size(); i += 2) {
    if (arguments[i] == "--agents") sizes = Numbers(arguments[i + 1]);
    if (arguments[i] == "--seconds") all.seconds = static_cast<std::uint32_t>(ParseUnsigned(arguments[i + 1]).value_or(0));
    if (arguments[i] == "--gang") all.gang = static_cast<std::uint32_t>(ParseUnsigned(arguments[i + 1]).value_or(0));
    if (arguments[i] == "--jobs") all.past_jobs = static_cast<std::uint32_t>(ParseUnsigned(arguments[i + 1]).value_or(0));
    if (arguments[i] == "--sharing")
      all.sharing = static_cast<std::uint32_t>(std::max<std::uint64_t>(ParseUnsigned(arguments[i + 1]).value_or(1), 1));
    if (arguments[i] == "-o") json = arguments[i + 1] == "json";
  }
  if (arguments.size() < 2 || !arguments[1].starts_with('/') || sizes.empty() || all.seconds == 0) {
    std::fprintf(stderr,
                 "usage: bench_agents /PATH/TO/everstep-launcher [-o table|json] [--agents \"1000 3000\"] [--gang N] "
                 "[--jobs N] [--seconds N] [--sharing N]\n"
                 "found: sizes or seconds that are not legal; legal: sizes of 2 to %u, seconds above 0\n",
                 kAgentsMax);
    return 2;
  }
  RaiseFiles();
  signals.OnStop([](int) { g_stop = true; });
  ::getloadavg(&all.load_before, 1);
  for (const std::uint32_t size : sizes) {
    all.crowds.push_back(MeasureCrowd(arguments[1], size, all));
    if (!g_stop) continue;
    Print(all);  // as far as it came: what is 0 was not reached
    return 1;
  }
  signals.OnStop(nullptr);
  if (json)
    std::printf("%s\n", ToJson(all).c_str());
  else
    Print(all);
  return 0;
}

}  // namespace
}  // namespace everstep

int main(int argc, char** argv) { return everstep::Main({argv, argv + argc}); }
