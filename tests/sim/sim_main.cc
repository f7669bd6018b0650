// everstep-sim: runs seeds. A seed that fails is one command that replays it.
//
//   everstep-sim --seeds A..B [--hosts N] [--jobs N] [--minutes N] [--calm] [--bug NAME] [--shrink] [--trace]
//
// Exit 0: every invariant held; 1: one did not; 2: usage.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/text.h"
#include "tests/sim/cluster.h"
#include "tests/sim/shrink.h"

namespace everstep::sim {
namespace {

struct Command {
  std::uint64_t first = 1, last = 100;
  RunOptions run{};
  bool trace = false;
  bool shrink = false;
};

std::optional<Command> Parse(int argc, char** argv) {
  Command command;
  for (int i = 1; i < argc; ++i) {
    const std::string_view flag = argv[i];
    if (flag == "--calm") {
      command.run.calm = true;
      continue;
    }
    if (flag == "--trace") {
      command.trace = true;
      continue;
    }
    if (flag == "--shrink") {
      command.shrink = true;
      continue;
    }
    if (++i == argc) return std::nullopt;
    const std::string_view value = argv[i];
    if (flag == "--seeds") {
      const std::size_t dots = value.find("..");
      const auto first = ParseUnsigned(value.substr(0, dots));
      const auto last = dots == std::string_view::npos ? first : ParseUnsigned(value.substr(dots + 2));
      if (!first || !last || *last < *first) return std::nullopt;
      command.first = *first;
      command.last = *last;
      continue;
    }
    if (flag == "--bug") {
      const auto bug = EnumNamed<Bug>(value);
      if (!bug) return std::nullopt;
      command.run.bug = *bug;
      continue;
    }
    const auto number = ParseUnsigned(value);
    if (!number || *number == 0 || *number > 10000) return std::nullopt;
    if (flag == "--hosts")
      command.run.hosts = static_cast<int>(*number);
    else if (flag == "--jobs")
      command.run.jobs = static_cast<int>(*number);
    else if (flag == "--minutes")
      command.run.fault_phase = std::chrono::minutes(*number);
    else
      return std::nullopt;
  }
  return command;
}

void Print(const Command& command, std::uint64_t seed, const Outcome& outcome) {
  std::printf("seed %llu:\n", static_cast<unsigned long long>(seed));
  for (const std::string& violation : outcome.violations) std::printf("  violated at %s\n", violation.c_str());
  std::printf("  faults:\n");
  for (const Fault& fault : outcome.faults) std::printf("    %s\n", fault.Str().c_str());
  std::printf("  again: everstep-sim --seeds %llu --hosts %d --jobs %d --minutes %lld%s --trace\n",
              static_cast<unsigned long long>(seed), command.run.hosts, command.run.jobs,
              static_cast<long long>(std::chrono::duration_cast<std::chrono::minutes>(command.run.fault_phase).count()),
              command.run.calm ? " --calm" : "");
}

int Main(int argc, char** argv) {
  const auto command = Parse(argc, argv);
  if (!command) {
    std::fprintf(stderr,
                 "usage: everstep-sim [--seeds A..B] [--hosts N] [--jobs N] [--minutes N] [--calm] [--bug NAME] "
                 "[--shrink] [--trace]\n");
    return 2;
  }
  const auto began = std::chrono::steady_clock::now();
  std::size_t bad = 0, evictions = 0, restarts = 0, done = 0, failed = 0, cancelled = 0;
  std::uint64_t events = 0;
  Duration time{0};
  for (std::uint64_t seed = command->first; seed <= command->last; ++seed) {
    RunOptions options = command->run;
    options.seed = seed;
    options.keep_trace = command->trace;
    const Outcome outcome = Cluster(options).Run();
    if (command->trace)
      for (const std::string& line : outcome.trace) std::printf("%s\n", line.c_str());
    if (!outcome.violations.empty()) {
      ++bad;
      Print(*command, seed, outcome);
      if (command->shrink)
        for (const Fault& fault : Shrink(options)) std::printf("  needed: %s\n", fault.Str().c_str());
    }
    events += outcome.events;
    time += outcome.virtual_time;
    evictions += outcome.evictions;
    restarts += outcome.restarts;
    done += outcome.done;
    failed += outcome.failed;
    cancelled += outcome.cancelled;
  }
  const Duration took = std::chrono::steady_clock::now() - began;
  const std::uint64_t seeds = command->last - command->first + 1;
  std::printf(
      "%llu seeds, %zu violated; %llu events, %s of virtual time in %s (%.0f x); %zu evictions, %zu restarts; jobs: %zu done, "
      "%zu "
      "failed, %zu cancelled\n",
      static_cast<unsigned long long>(seeds), bad, static_cast<unsigned long long>(events), Show(time).c_str(),
      Show(took).c_str(), Seconds(time) / Seconds(took), evictions, restarts, done, failed, cancelled);
  return bad == 0 ? 0 : 1;
}

}  // namespace
}  // namespace everstep::sim

int main(int argc, char** argv) { return everstep::sim::Main(argc, argv); }
