// everstep-sim: runs seeds. A seed that fails is one command that replays it.
//
//   everstep-sim [--seeds A..B] [--hosts N] [--jobs N] [--minutes N] [--calm] [--faults KIND,KIND…] [--bug NAME] [--shrink]
//                [--trace]
//   everstep-sim --replay llama3|rsc|finetune|all [--runs N]
//
// Exit 0: every invariant held; 1: one did not; 2: usage.
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "base/version.h"
#include "tests/sim/cluster.h"
#include "tests/sim/replay.h"
#include "tests/sim/shrink.h"

namespace everstep::sim {
namespace {

struct Command {
  std::uint64_t first = 1, last = 100;
  RunOptions run{};
  bool trace = false;
  bool shrink = false;
  std::string faults{};  // as given
  std::string replay{};
  std::uint64_t runs = 30;
};

bool TakeSeeds(Command& command, std::string_view value) {
  const std::size_t dots = value.find("..");
  const auto first = ParseUnsigned(value.substr(0, dots));
  const auto last = dots == std::string_view::npos ? first : ParseUnsigned(value.substr(dots + 2));
  if (!first || !last || *last < *first) return false;
  command.first = *first;
  command.last = *last;
  return true;
}

bool TakeFaults(Command& command, std::string_view value) {
  command.faults = value;
  for (const std::string& name : Split(value, ',')) {
    const auto kind = EnumNamed<FaultKind>(name);
    if (!kind) return std::fprintf(stderr, "everstep-sim: --faults: no fault is called %s\n", name.c_str()), false;
    command.run.only.push_back(*kind);
  }
  return true;
}

bool TakeNumber(Command& command, std::string_view flag, std::string_view value) {
  const auto number = ParseUnsigned(value);
  if (!number || *number == 0 || *number > 10000) return false;
  if (flag == "--hosts")
    command.run.hosts = static_cast<int>(*number);
  else if (flag == "--jobs")
    command.run.jobs = static_cast<int>(*number);
  else if (flag == "--minutes")
    command.run.fault_phase = std::chrono::minutes(*number);
  else if (flag == "--runs")
    command.runs = *number;
  else
    return false;
  return command.run.hosts >= 2;
}

bool TakeValue(Command& command, std::string_view flag, std::string_view value) {
  if (flag == "--seeds") return TakeSeeds(command, value);
  if (flag == "--faults") return TakeFaults(command, value);
  if (flag == "--replay") return command.replay = value, true;
  if (flag != "--bug") return TakeNumber(command, flag, value);
  const auto bug = EnumNamed<Bug>(value);
  if (bug) command.run.bug = *bug;
  return bug.has_value();
}

std::optional<Command> Parse(int argc, char** argv) {
  Command command;
  for (int i = 1; i < argc; ++i) {
    const std::string_view flag = argv[i];
    if (flag == "--calm")
      command.run.calm = true;
    else if (flag == "--trace")
      command.trace = true;
    else if (flag == "--shrink")
      command.shrink = true;
    else if (++i == argc || !TakeValue(command, flag, argv[i]))
      return std::nullopt;
  }
  return command;
}

// Of the tree that this was built from, as git names it now.
std::string Commit() {
  int ends[2] = {-1, -1};
  if (pipe(ends) != 0) return "unknown";
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_addclose(&actions, ends[0]);
  std::string words[] = {"git", "-C", EVERSTEP_SOURCE_DIR, "describe", "--always", "--dirty"};
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  char* no_environment[] = {nullptr};
  pid_t git = 0;
  const bool runs = posix_spawnp(&git, "git", &actions, nullptr, argv.data(), no_environment) == 0;
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  std::string name;
  char c = 0;
  while (runs && read(ends[0], &c, 1) == 1 && c != '\n') name += c;
  close(ends[0]);
  if (runs) waitpid(git, nullptr, 0);
  return name.empty() ? "unknown" : name;
}

std::string Again(const Command& command, std::uint64_t seed) {
  const auto minutes = std::chrono::duration_cast<std::chrono::minutes>(command.run.fault_phase).count();
  return Cat("everstep-sim --seeds ", seed, " --hosts ", command.run.hosts, " --jobs ", command.run.jobs, " --minutes ",
             minutes, command.run.calm ? " --calm" : "", command.faults.empty() ? "" : Cat(" --faults ", command.faults),
             command.run.bug == Bug::none ? "" : Cat(" --bug ", Name(command.run.bug)), " --trace");
}

void PrintFailure(const Command& command, std::uint64_t seed, const Outcome& outcome) {
  std::printf("seed %llu of commit %s, version %s:\n", static_cast<unsigned long long>(seed), Commit().c_str(),
              std::string(Version()).c_str());
  for (const std::string& violation : outcome.violations) std::printf("  violated at %s\n", violation.c_str());
  std::printf("  what led there:\n");
  const std::size_t last = std::min<std::size_t>(outcome.trace.size(), 12);
  for (std::size_t i = outcome.trace.size() - last; i < outcome.trace.size(); ++i)
    std::printf("    %s\n", outcome.trace[i].c_str());
  std::printf("  %s\n  faults:\n", outcome.swarm.c_str());
  for (const Fault& fault : outcome.faults) std::printf("    %s\n", fault.Str().c_str());
  std::printf("  again: %s\n", Again(command, seed).c_str());
}

struct Sum {
  std::size_t bad = 0, halted = 0;
  Outcome all{};
  void Add(const Outcome& one) {
    bad += one.violations.empty() ? 0u : 1u;
    all.events += one.events;
    all.virtual_time += one.virtual_time;
    all.evictions += one.evictions;
    all.evictions_false += one.evictions_false;
    all.restarts += one.restarts;
    all.done += one.done;
    all.failed += one.failed;
    all.cancelled += one.cancelled;
    halted += one.halted ? 1u : 0u;
    all.steps += one.steps;
    all.steps_lost += one.steps_lost;
    all.useful += one.useful;
    all.lasted += one.lasted;
    all.saving += one.saving;
    all.detections.insert(all.detections.end(), one.detections.begin(), one.detections.end());
    all.recoveries.insert(all.recoveries.end(), one.recoveries.begin(), one.recoveries.end());
  }
};

std::string Spread(std::vector<Duration> all) {
  if (all.empty()) return "none";
  std::sort(all.begin(), all.end());
  const auto at = [&all](std::size_t percent) { return Show(all[(all.size() - 1) * percent / 100]); };
  return Cat("p50 ", at(50), ", p99 ", at(99), ", max ", Show(all.back()), " (", all.size(), ")");
}

void PrintSummary(const Sum& sum, std::uint64_t seeds, Duration took) {
  const Outcome& all = sum.all;
  std::printf("%llu seeds, %zu violated; %llu events, %s of virtual time in %s (%.0f x)\n",
              static_cast<unsigned long long>(seeds), sum.bad, static_cast<unsigned long long>(all.events),
              Show(all.virtual_time).c_str(), Show(took).c_str(), Seconds(all.virtual_time) / Seconds(took));
  std::printf("jobs       %zu done, %zu failed, %zu cancelled; %zu restarts\n", all.done, all.failed, all.cancelled,
              all.restarts);
  if (sum.halted > 0) std::printf("halted     %zu seeds: two launchers had a log each\n", sum.halted);
  std::printf("evictions  %zu true, %zu false\n", all.evictions - all.evictions_false, all.evictions_false);
  std::printf("detection  %s, of hosts that stood still or lost their power\n", Spread(all.detections).c_str());
  std::printf("recovery   %s, from the first sign to the next start\n", Spread(all.recoveries).c_str());
  const double steps = static_cast<double>(std::max<std::uint64_t>(all.steps, 1));
  std::printf("steps      %llu, %llu of them lost (%.1f %%)\n", static_cast<unsigned long long>(all.steps),
              static_cast<unsigned long long>(all.steps_lost), 100 * static_cast<double>(all.steps_lost) / steps);
  if (all.lasted > Duration(0))
    std::printf(
        "ETTR       %.1f %%, of jobs that are done, imports and waiting included; %.1f %% of their time waited for saves\n",
        100 * Seconds(all.useful) / Seconds(all.lasted), 100 * Seconds(all.saving) / Seconds(all.lasted));
}

void ShowProgress(std::uint64_t done, std::uint64_t all, std::size_t bad) {
  constexpr std::uint64_t kWidth = 40;
  const std::uint64_t filled = kWidth * done / all;
  std::fprintf(stderr, "\r[%s%s] %llu of %llu seeds, %zu violated", std::string(filled, '#').c_str(),
               std::string(kWidth - filled, ' ').c_str(), static_cast<unsigned long long>(done),
               static_cast<unsigned long long>(all), bad);
  if (done == all) std::fprintf(stderr, "\r\x1b[K");
}

int RunSeeds(const Command& command) {
  const auto began = std::chrono::steady_clock::now();
  const bool bar = isatty(STDERR_FILENO) == 1 && command.last > command.first;
  const std::uint64_t seeds = command.last - command.first + 1;
  Sum sum;
  for (std::uint64_t seed = command.first; seed <= command.last; ++seed) {
    RunOptions options = command.run;
    options.seed = seed;
    options.keep_trace = command.trace;
    const Outcome outcome = Cluster(options).Run();
    sum.Add(outcome);
    if (command.trace)
      for (const std::string& line : outcome.trace) std::printf("%s\n", line.c_str());
    if (!outcome.violations.empty()) {
      PrintFailure(command, seed, outcome);
      if (command.shrink)
        for (const Fault& fault : Shrink(options)) std::printf("  needed: %s\n", fault.Str().c_str());
    }
    if (bar) ShowProgress(seed - command.first + 1, seeds, sum.bad);
  }
  PrintSummary(sum, seeds, std::chrono::steady_clock::now() - began);
  return sum.bad == 0 ? 0 : 1;
}

int Main(int argc, char** argv) {
  const auto command = Parse(argc, argv);
  if (!command) {
    std::fprintf(stderr,
                 "usage: everstep-sim [--seeds A..B] [--hosts N] [--jobs N] [--minutes N] [--calm] [--faults KIND,KIND] "
                 "[--bug NAME] [--shrink] [--trace]\n"
                 "       everstep-sim --replay llama3|rsc|finetune|all [--runs N]\n");
    return 2;
  }
  if (command->replay.empty()) return RunSeeds(*command);
  return Replay(command->replay, command->runs) ? 0 : 2;
}

}  // namespace
}  // namespace everstep::sim

int main(int argc, char** argv) { return everstep::sim::Main(argc, argv); }
