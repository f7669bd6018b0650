// Do beats suffer when ranks flood their logs? A real everstep-agent with a real keeper and 64 ranks, under a launcher's gRPC
// server that only listens to it. The loads take turns, so that a slow minute of the machine hits all of them:
//
//   quiet      64 ranks that sleep
//   busy       64 ranks that print as much, into /dev/null: what so many busy processes cost, without a byte of logs
//   lines      64 ranks that print lines as fast as they can, to both streams
//   rubbish    64 ranks that print binary rubbish
//   no-newline 64 ranks that print without ever ending a line
//   one        one rank alone that prints lines as fast as it can
//
// Measured at the launcher, for each beat: the gap since the one before (silence is what a failure detector goes by), and its
// delay since it was sent (agent and launcher share the host's clock). Also what was logged a second, and the most memory that
// the keeper ever held.
//
//   bench_beats AGENT [-o table|json] [--rounds N] [--seconds N]     AGENT: everstep-agent, with everstep-keeper beside it
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <deque>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/check.h"
#include "base/fields.h"
#include "base/json/codec.h"
#include "base/real/clock.h"
#include "base/text.h"
#include "launcher/cli/local_end.h"
#include "launcher/rpc/server.h"

namespace everstep {

struct LoadMeasured {
  std::string load{};
  std::uint64_t beats = 0;
  double gap_milliseconds_median = 0;
  double gap_milliseconds_p99 = 0;
  double gap_milliseconds_max = 0;
  double delay_milliseconds_median = 0;
  double delay_milliseconds_p99 = 0;
  double logged_megabytes_per_second = 0;
  double keeper_megabytes_max = 0;
};
EVERSTEP_FIELDS(LoadMeasured, load, beats, gap_milliseconds_median, gap_milliseconds_p99, gap_milliseconds_max,
                delay_milliseconds_median, delay_milliseconds_p99, logged_megabytes_per_second, keeper_megabytes_max)

struct BeatsMeasured {
  std::uint32_t rounds = 0;
  std::uint32_t seconds = 0;  // of each load in each round
  std::uint32_t beat_milliseconds = 0;
  std::vector<LoadMeasured> loads{};
};
EVERSTEP_FIELDS(BeatsMeasured, rounds, seconds, beat_milliseconds, loads)

namespace {

namespace fs = std::filesystem;

constexpr Duration kBeatEvery = 100ms;
constexpr Duration kPatience = 30s;
constexpr std::uint32_t kRanks = 64;

struct Load {
  std::string name{};
  std::uint32_t ranks = kRanks;
  std::string script{};
};
const std::vector<Load> kLoads = {
    {"quiet", kRanks, "exec sleep 1000"},
    {"busy", kRanks, "exec yes 'iter 100: loss 2.5, time 3ms, and so on to a line of the usual length' > /dev/null"},
    {"lines", kRanks,
     "yes 'iter 100: loss 2.5, time 3ms, and so on to a line of the usual length' >&2 & "
     "exec yes 'iter 100: loss 2.5, time 3ms, and so on to a line of the usual length'"},
    {"rubbish", kRanks, "exec cat /dev/urandom"},
    {"no-newline", kRanks, "exec cat /dev/zero"},
    {"one", 1, "exec yes 'iter 100: loss 2.5, time 3ms, and so on to a line of the usual length'"},
};

// The launcher's side: lets the agent in, has it run one gang, listens to its beats.
class Listener {
 public:
  Listener() {
    const auto serving = server_.Start({.listen = "127.0.0.1:0"}, [this](LauncherInput input) { Post(std::move(input)); });
    Check(serving.has_value(), "the server starts");
    address_ = serving->address;
    worker_ = std::thread([this] { Work(); });
  }
  ~Listener() {
    server_.Shutdown();
    {
      const std::lock_guard lock(queue_mutex_);
      ending_ = true;
    }
    queued_.notify_all();
    worker_.join();
  }
  const std::string& address() const { return address_; }

  void Begin(GangSpec gang) {
    const std::lock_guard lock(mutex_);
    gang_ = std::move(gang);
    Command();
  }
  void AwaitRunning() {
    std::unique_lock lock(mutex_);
    const bool runs =
        changed_.wait_for(lock, std::chrono::nanoseconds(kPatience), [this] { return phase_ == GangPhase::running; });
    Check(runs, "the gang runs");
  }
  // From now on beats count.
  void Clear() {
    const std::lock_guard lock(mutex_);
    gaps_.clear();
    delays_.clear();
    last_.reset();
  }
  void TakeInto(std::vector<Duration>& gaps, std::vector<Duration>& delays) {
    const std::lock_guard lock(mutex_);
    gaps.insert(gaps.end(), gaps_.begin(), gaps_.end());
    delays.insert(delays.end(), delays_.begin(), delays_.end());
  }

 private:
  // The server calls this with locks of its own, which answering takes too: so the queue has its own mutex, under which nothing
  // is called, and answers come from another thread.
  void Post(LauncherInput input) {
    const Time now = clock_.Now();
    {
      const std::lock_guard lock(queue_mutex_);
      inputs_.emplace_back(now, std::move(input));
    }
    queued_.notify_all();
  }
  void Work() {
    for (;;) {
      std::unique_lock queue(queue_mutex_);
      queued_.wait(queue, [this] { return ending_ || !inputs_.empty(); });
      if (ending_) return;
      const auto [at, input] = std::move(inputs_.front());
      inputs_.pop_front();
      queue.unlock();
      const std::lock_guard lock(mutex_);
      Heard(at, input);
    }
  }
  void Heard(Time now, const LauncherInput& input) {
    if (const auto* opened = std::get_if<SessionOpened>(&input)) {
      session_ = opened->session;
      server_.Send(session_, Welcome{.epoch = Epoch(1), .beat_every = kBeatEvery, .fence_after = 20s});
      Look(opened->hello.report);
    } else if (const auto* message = std::get_if<SessionMessage>(&input)) {
      if (const auto* beat = std::get_if<Beat>(&message->message)) OnBeat(now, *beat);
      if (const auto* report = std::get_if<Report>(&message->message)) {
        server_.Send(session_, ReportAck{.epoch = Epoch(1), .seq = report->seq});
        Look(*report);
      }
    }
  }
  void OnBeat(Time now, const Beat& beat) {
    server_.Send(session_, BeatAck{.epoch = Epoch(1), .seq = beat.seq, .sent = beat.sent});
    if (last_) gaps_.push_back(now - *last_);
    last_ = now;
    delays_.push_back(now - beat.sent);
  }
  void Look(const Report& report) {
    phase_.reset();
    for (const GangStatus& gang : report.gangs) phase_ = gang.phase;
    Command();
    changed_.notify_all();
  }
  void Command() {
    if (!gang_ || session_ == SessionId()) return;
    if (!phase_) server_.Send(session_, Prepare{.epoch = Epoch(1), .gang = *gang_});
    if (phase_ == GangPhase::prepared)
      server_.Send(session_, Start{.epoch = Epoch(1), .job = gang_->job, .generation = gang_->generation});
  }

  RealClock clock_;
  std::mutex mutex_;
  std::condition_variable changed_;  // phase_
  std::mutex queue_mutex_;
  std::condition_variable queued_;
  std::deque<std::pair<Time, LauncherInput>> inputs_{};
  bool ending_ = false;
  std::optional<GangSpec> gang_{};
  std::optional<GangPhase> phase_{};
  std::optional<Time> last_{};
  std::vector<Duration> gaps_{};
  std::vector<Duration> delays_{};
  SessionId session_{};
  std::string address_;
  LauncherServer server_;
  std::thread worker_;
};

// An agent of its own with a state directory of its own, and all that it started: gone at the end.
class Agent {
 public:
  Agent(const std::string& program, const std::string& launcher) {
    char name[] = "/tmp/everstep-beats-XXXXXX";
    Check(mkdtemp(name) != nullptr, "a directory in /tmp");
    directory_ = name;
    std::ofstream(directory_ / "agent.yaml") << "logs: {bytes_max: 1MiB, files_max: 1}\n";
    const std::vector<std::string> words = {program,  "--config", directory_ / "agent.yaml", "--node", "n1", "--launcher",
                                            launcher, "--state",  directory_ / "state"};
    std::vector<char*> argv;
    for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    char path[] = "PATH=/usr/bin:/bin";
    char* environment[] = {path, nullptr};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 2, (directory_ / "agent.log").c_str(), O_WRONLY | O_CREAT, 0600);
    Check(posix_spawn(&pid_, program.c_str(), &actions, nullptr, argv.data(), environment) == 0, "the agent starts");
    posix_spawn_file_actions_destroy(&actions);
  }
  ~Agent() {
    ::kill(pid_, SIGKILL);  // its keepers live on, on purpose
    ::waitpid(pid_, nullptr, 0);
    if (const Status ended = EndLeftovers(directory_); !ended) std::fprintf(stderr, "%s\n", ended.error().Str().c_str());
    std::error_code ignored;
    fs::remove_all(directory_, ignored);
  }

  pid_t Keeper() const {
    pid_t keeper = 0;
    std::error_code ignored;
    for (const auto& spool : fs::directory_iterator(directory_ / "state/gangs", ignored))
      std::ifstream(spool.path() / "keeper.pid") >> keeper;
    return keeper;
  }
  // VmHWM, in megabytes.
  double KeeperMegabytesMax() const {
    std::ifstream status(Cat("/proc/", Keeper(), "/status"));
    for (std::string line; std::getline(status, line);)
      if (line.starts_with("VmHWM:")) return std::strtod(line.c_str() + 6, nullptr) / 1024;
    return 0;
  }
  // What the keeper has written so far, logs and records.
  double KeeperMegabytesWritten() const {
    std::ifstream io(Cat("/proc/", Keeper(), "/io"));
    for (std::string line; std::getline(io, line);)
      if (line.starts_with("wchar:")) return std::strtod(line.c_str() + 6, nullptr) / 1e6;
    return 0;
  }

 private:
  fs::path directory_;
  pid_t pid_ = 0;
};

struct Samples {
  std::vector<Duration> gaps{};
  std::vector<Duration> delays{};
  double megabytes = 0;
  double keeper_megabytes_max = 0;
};

// A wait, not for something: this long is measured.
void Measure(Duration time) {
  timespec left{.tv_sec = time / 1s, .tv_nsec = (time % 1s).count()};
  ::clock_nanosleep(CLOCK_MONOTONIC, 0, &left, nullptr);
}

void RunLoad(const std::string& program, const Load& load, Duration time, Samples& samples) {
  Listener listener;
  Agent agent(program, listener.address());
  listener.Begin({.job = JobId("beats"),
                  .generation = Generation(1),
                  .command = {"/bin/sh", "-c", load.script},
                  .workdir = "/",
                  .env = {{"PATH", "/usr/bin:/bin"}},
                  .local_world_size = load.ranks,
                  .world_size = load.ranks,
                  .master_address = "127.0.0.1",
                  .master_port = 29500});
  listener.AwaitRunning();
  Measure(1s);  // the start is no steady state
  listener.Clear();
  const double before = agent.KeeperMegabytesWritten();
  Measure(time);
  listener.TakeInto(samples.gaps, samples.delays);
  samples.megabytes += agent.KeeperMegabytesWritten() - before;
  samples.keeper_megabytes_max = std::max(samples.keeper_megabytes_max, agent.KeeperMegabytesMax());
}

double Milliseconds(std::vector<Duration>& values, double quantile) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const auto at = static_cast<std::size_t>(quantile * static_cast<double>(values.size() - 1) + 0.5);
  return Seconds(values[at]) * 1e3;
}

LoadMeasured Summary(const std::string& load, Samples samples, double seconds) {
  return {.load = load,
          .beats = samples.delays.size(),
          .gap_milliseconds_median = Milliseconds(samples.gaps, 0.5),
          .gap_milliseconds_p99 = Milliseconds(samples.gaps, 0.99),
          .gap_milliseconds_max = Milliseconds(samples.gaps, 1),
          .delay_milliseconds_median = Milliseconds(samples.delays, 0.5),
          .delay_milliseconds_p99 = Milliseconds(samples.delays, 0.99),
          .logged_megabytes_per_second = samples.megabytes / seconds,
          .keeper_megabytes_max = samples.keeper_megabytes_max};
}

void Print(const BeatsMeasured& all) {
  std::printf("%u rounds of %u s, a beat every %u ms\n\n", all.rounds, all.seconds, all.beat_milliseconds);
  std::printf("%-11s %7s %10s %10s %10s %11s %11s %9s %11s\n", "load", "beats", "gap p50", "gap p99", "gap max", "delay p50",
              "delay p99", "MB/s", "keeper MB");
  for (const LoadMeasured& load : all.loads)
    std::printf("%-11s %7llu %7.1f ms %7.1f ms %7.1f ms %8.2f ms %8.2f ms %9.1f %11.1f\n", load.load.c_str(),
                static_cast<unsigned long long>(load.beats), load.gap_milliseconds_median, load.gap_milliseconds_p99,
                load.gap_milliseconds_max, load.delay_milliseconds_median, load.delay_milliseconds_p99,
                load.logged_megabytes_per_second, load.keeper_megabytes_max);
  const auto p99 = [&](std::size_t i) { return all.loads[i].gap_milliseconds_p99; };
  std::printf("\nthe p99 of the gap, against quiet:");
  for (std::size_t i = 1; i < all.loads.size(); ++i)
    std::printf("  %s %+.1f %%", all.loads[i].load.c_str(), 100 * (p99(i) / p99(0) - 1));
  std::printf("\n");
}

int Main(const std::vector<std::string>& arguments) {
  BeatsMeasured all{.rounds = 5, .seconds = 5, .beat_milliseconds = static_cast<std::uint32_t>(kBeatEvery / 1ms)};
  bool json = false;
  for (std::size_t i = 2; i + 1 < arguments.size(); i += 2) {
    const auto number = static_cast<std::uint32_t>(ParseUnsigned(arguments[i + 1]).value_or(0));
    if (arguments[i] == "--rounds" && number > 0) all.rounds = number;
    if (arguments[i] == "--seconds" && number > 0) all.seconds = number;
    if (arguments[i] == "-o") json = arguments[i + 1] == "json";
  }
  if (arguments.size() < 2 || !arguments[1].starts_with('/')) {
    std::fprintf(stderr, "usage: bench_beats /PATH/TO/everstep-agent [-o table|json] [--rounds N] [--seconds N]\n");
    return 2;
  }
  std::vector<Samples> samples(kLoads.size());
  for (std::uint32_t round = 0; round < all.rounds; ++round)
    for (std::size_t i = 0; i < kLoads.size(); ++i)
      RunLoad(arguments[1], kLoads[i], std::chrono::seconds(all.seconds), samples[i]);
  for (std::size_t i = 0; i < kLoads.size(); ++i)
    all.loads.push_back(Summary(kLoads[i].name, samples[i], static_cast<double>(all.rounds) * all.seconds));
  if (json)
    std::printf("%s\n", ToJson(all).c_str());
  else
    Print(all);
  return 0;
}

}  // namespace
}  // namespace everstep

int main(int argc, char** argv) { return everstep::Main({argv, argv + argc}); }
