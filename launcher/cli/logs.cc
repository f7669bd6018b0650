// everstep logs: what the ranks wrote.

#include <re2/re2.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>

#include "base/real/clock.h"
#include "launcher/cli/flags.h"
#include "launcher/cli/follow.h"
#include "launcher/cli/host_list.h"
#include "launcher/cli/log_lines.h"
#include "launcher/cli/verbs.h"
#include "launcher/cli/when.h"

namespace everstep {

namespace {

struct LogsFlags {
  LogsRequest request{};
  std::optional<std::uint64_t> generation{};
  bool all = false;
  bool prefix = true;
  std::string grep{};  // RE2; empty: all lines
  std::string since{};
  std::vector<std::string> ranks{};  // lists of them
};

// An expression that RE2 takes as it is: no line can make it slow.
Result<LogLines::Wanted> WantedBy(const std::string& expression) {
  if (expression.empty()) return LogLines::Wanted();
  const auto pattern = std::make_shared<RE2>(expression, RE2::Quiet);
  if (!pattern->ok())
    return Fail(ErrorCode::kInvalid, Cat("--grep: found \"", Printable(expression), "\": ", pattern->error()),
                "legal: a regular expression as RE2 reads them: no look-around, no back-references");
  return [pattern](std::string_view line) { return RE2::PartialMatch({line.data(), line.size()}, *pattern); };
}

// All of it is data: also what was written to stderr goes to stdout.
void Print(const std::vector<LogLine>& lines) {
  for (const LogLine& line : lines) WriteOut(line.text);
}

Status Show(const Cli& cli, const LogsFlags& flags, const LogsRequest& request) {
  Interrupts interrupts;
  RealClock clock;
  NewsQueue queue;
  EVERSTEP_ASSIGN(auto wanted, WantedBy(flags.grep));
  LogLines lines(flags.prefix, cli.console.out, std::move(wanted));
  const Follower follower(ClientOptionsOf(cli), queue, Topic::logs, LogNews(request));
  Status how;
  for (bool ended = false; !ended;) {
    ended = interrupts.Wait(1h, queue.fd()).has_value() || OutputIsGone();
    for (int burst = 0; burst < 256; ++burst) {
      const auto news = queue.Take();
      if (!news) break;
      if (const auto* chunk = std::get_if<LogChunk>(&*news)) {
        if (!chunk->note.empty()) WriteErr(Cat(Printable(chunk->note), '\n'));
        Print(lines.Take(*chunk, clock.Now()));
      } else if (const auto* end = std::get_if<StreamEnded>(&*news)) {
        ended = true;
        how = end->how;
      } else if (const auto* silence = std::get_if<Silence>(&*news)) {
        if (!request.follow) return Fail(silence->error);
        WriteErr(Cat("the launcher does not answer (", silence->error.message, "), trying again\n"));
      }
    }
  }
  Print(lines.TakeRest());
  return how;
}

// A rank that the job does not have would only show nothing.
Status CheckRanks(const Cli& cli, const LogsRequest& request) {
  if (request.ranks.empty()) return {};
  EVERSTEP_ASSIGN(const JobReply reply, Ask<JobReply>(cli, GetJob{.job = request.job}));
  const std::uint32_t ranks = reply.job.world_size;
  const auto unknown =
      std::find_if(request.ranks.begin(), request.ranks.end(), [&](std::uint32_t rank) { return rank >= ranks; });
  if (ranks == 0 || unknown == request.ranks.end()) return {};  // not placed yet: who knows
  return Fail(ErrorCode::kInvalid,
              Cat("--rank: found ", *unknown, ", legal: 0 to ", ranks - 1, ": ", reply.job.id, " has ", Count(ranks, "rank")),
              Cat("everstep job ", reply.job.id));
}

Result<int> Logs(const Cli& cli, const LogsFlags& flags) {
  LogsRequest request = flags.request;
  for (const std::string& list : flags.ranks) {
    EVERSTEP_ASSIGN(const auto ranks, ExpandRankList(list));
    request.ranks.insert(request.ranks.end(), ranks.begin(), ranks.end());
  }
  if (!flags.since.empty()) {
    const Result<When> when = ParseWhen(flags.since, RealClock().Wall());
    if (!when) return Fail(ErrorCode::kInvalid, Cat("--since: ", when.error().message), when.error().hint);
    request.within = when->ago;
    request.since = when->at;
  }
  EVERSTEP_TRY(CheckRanks(cli, request));
  if (flags.generation) request.generation = Generation(*flags.generation);
  if (!flags.all) {
    EVERSTEP_TRY(Show(cli, flags, request));
    return exit_code::kGood;
  }
  EVERSTEP_ASSIGN(const JobReply reply, Ask<JobReply>(cli, GetJob{.job = request.job}));
  for (Generation g(1); g < reply.job.generation; g = g.Next()) {
    request.generation = g;
    if (Status shown = Show(cli, flags, request); !shown) WriteErr(Cat("generation ", g, ": ", shown.error().Str(), '\n'));
  }
  request.generation = flags.request.follow ? std::nullopt : std::optional(reply.job.generation);
  EVERSTEP_TRY(Show(cli, flags, request));
  return exit_code::kGood;
}

}  // namespace

void AddLogs(CLI::App& app, Cli& cli) {
  auto flags = std::make_shared<LogsFlags>();
  CLI::App* verb = app.add_subcommand("logs", "show what the ranks of a job wrote");
  verb->add_option("JOB", flags->request.job.value, kJobWords)->required();
  verb->add_flag("-f,--follow", flags->request.follow, "go on with what is written, through restarts, until the job has ended");
  verb->add_option("--rank", flags->ranks, "only these ranks: 3, 0,2 or 0-3; may be repeated")
      ->type_name("R")
      ->check(CLI::Validator(
          [](const std::string& text) {
            const auto ranks = ExpandRankList(text);
            return ranks ? std::string() : ranks.error().message;
          },
          ""))
      ->take_all();
  verb->add_option("--tail", flags->request.tail_lines, "begin with the last N lines of each rank")
      ->type_name("N")
      ->check(Between(0, UINT32_MAX));
  verb->add_option("--since", flags->since,
                   "begin with what was written so long ago (10min), or then (10:30, 2026-11-26T10:30:00Z), to the second")
      ->type_name("AGO|TIME");
  verb->add_option("--grep", flags->grep, "only lines in which this regular expression is found; --tail counts before it")
      ->type_name("REGEX");
  CLI::Option* generation = verb->add_option("--generation", flags->generation, "of this start of the job, not the newest")
                                ->type_name("G")
                                ->check(Between(1, UINT32_MAX));
  verb->add_flag("--all", flags->all, "of all starts of the job, the first one first")->excludes(generation);
  CLI::Option* without = verb->add_flag_callback(
      "--no-prefix", [flags] { flags->prefix = false; }, "without [rank R HOST] in front of each line");
  verb->add_flag_callback(
          "--prefix", [flags] { flags->prefix = true; }, "with it, also where EVERSTEP_LOGS_NO_PREFIX is set")
      ->excludes(without);
  verb->callback([&cli, flags] { cli.verb = [&cli, flags] { return Logs(cli, *flags); }; });
}

}  // namespace everstep
