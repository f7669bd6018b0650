// Follows a job to its end for `run`, `wait` and `events -f`: which streams are open, what is printed where.
#pragma once

#include <functional>
#include <optional>

#include "base/result.h"
#include "launcher/cli/cli.h"
#include "launcher/cli/interrupts.h"
#include "launcher/cli/news.h"
#include "launcher/cli/torchrun_flags.h"

namespace everstep {

ClientOptions ClientOptionsOf(const Cli& cli);

// The exit code that a job stands for: 0 when done, else the culprit's, 1 where there is none.
int ExitCodeOf(const JobView& job);

struct FollowOptions {
  JobId job{};
  LogIndex events_after{};                      // what was known before the job was submitted
  OutputChoice output{};                        // which of the ranks' output is shown and filed
  std::function<void(const LogChunk&)> sink{};  // gets what the ranks write, in place of the screen
  // Called a few times a second instead of showing the line at the bottom, and once when it has ended.
  std::function<void(const std::optional<JobView>&)> progress{};
  bool bare = false;  // rank 0's output as it is; of all else only how the job ended, unless it is done
};

// Shows output, decisions and progress until the job has ended; returns it as it ended, or nullopt: left running (lost
// terminal, or a third Ctrl-C). The first Ctrl-C cancels with grace, the second kills.
Result<std::optional<JobView>> FollowJob(const Cli& cli, const FollowOptions& options, Interrupts& interrupts);

struct Awaited {
  std::optional<JobView> ended{};  // nullopt: not within the time
  bool unheard = false;            // nobody answered, at least at the end of it
};
// Waits for the end; that the launcher does not answer is said once, on stderr.
Result<Awaited> AwaitJob(const Cli& cli, const JobId& job, std::optional<Duration> timeout);

}  // namespace everstep
