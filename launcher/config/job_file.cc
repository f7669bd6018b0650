#include "launcher/config/job_file.h"

#include <algorithm>
#include <filesystem>
#include <map>

#include "base/messages.h"
#include "base/progress/line_patterns.h"
#include "base/text.h"
#include "base/yaml/quantity.h"

namespace everstep {

namespace {

using yaml::Group;
using yaml::Integer;
using yaml::Key;
using yaml::ListOf;
using yaml::Nested;
using yaml::Path;
using yaml::Required;

constexpr const char* kNext = "everstep schema job prints every key and what is legal";

// "10 per 6h": restarts allowed within a window.
struct Budget {
  std::uint32_t restarts = 0;
  Duration window{0};
};

yaml::Type<Budget> BudgetType() {
  return yaml::Scalar<Budget>(
      "RESTARTS per DURATION such as 10 per 6h",
      [](std::string_view text) -> tl::expected<Budget, std::string> {
        const std::size_t per = text.find(" per ");
        const auto restarts = ParseUnsigned(Trim(text.substr(0, per)));
        if (restarts && per == std::string_view::npos) return tl::unexpected(Cat("write ", *restarts, " per 6h"));
        if (!restarts || *restarts > 10000) return tl::unexpected(std::string());
        const auto window = ParseDuration(Trim(text.substr(per + 5)));
        if (!window) return tl::unexpected(window.error().hint);
        return Budget{.restarts = static_cast<std::uint32_t>(*restarts), .window = *window};
      },
      [](const Budget& budget) { return Cat(budget.restarts, " per ", WriteDuration(budget.window)); },
      yaml::TextSchema("^[0-9]+ +per +[0-9]+(\\.[0-9]+)?(d|h|min|s|ms)$"));
}

// auto | {glob: PATTERN} | {marker: FILE}
yaml::Type<CompleteWhen> CompleteWhenType() {
  const auto way = [](CompleteWhenKind kind, yaml::Type<CompleteWhen> type) {
    return yaml::Way<CompleteWhen>{.covers = [kind](const CompleteWhen& when) { return when.kind == kind; },
                                   .type = std::move(type)};
  };
  const auto pattern = [](CompleteWhenKind kind) {
    return yaml::As<CompleteWhen, std::string>(
        yaml::Text(), [kind](std::string text) { return CompleteWhen{.kind = kind, .pattern = std::move(text)}; },
        [](const CompleteWhen& when) { return when.pattern; });
  };
  return yaml::AnyOf<CompleteWhen>(
      {way(CompleteWhenKind::automatic, yaml::Word("auto", CompleteWhen{})),
       way(CompleteWhenKind::glob, yaml::Under("glob", "PATTERN", pattern(CompleteWhenKind::glob))),
       way(CompleteWhenKind::marker, yaml::Under("marker", "FILE", pattern(CompleteWhenKind::marker)))});
}

// off | DURATION
yaml::Type<std::optional<Duration>> TimeLimitType() {
  using Limit = std::optional<Duration>;
  return yaml::AnyOf<Limit>(
      {{.covers = [](const Limit& limit) { return !limit.has_value(); }, .type = yaml::Word("off", Limit())},
       {.covers = [](const Limit& limit) { return limit.has_value(); },
        .type = yaml::As<Limit, Duration>(
            yaml::DurationBetween(1s, kTimeLimitMost), [](Duration d) { return Limit(d); },
            [](const Limit& limit) { return limit.value_or(1s); })}});
}

// auto | off | DURATION
yaml::Type<std::optional<Duration>> HangAfterType() {
  using After = std::optional<Duration>;
  const auto given = [](const After& after) { return after.has_value() && *after != 0ns; };
  return yaml::AnyOf<After>({
      {.covers = [](const After& after) { return !after.has_value(); }, .type = yaml::Word("auto", After())},
      {.covers = [](const After& after) { return after == Duration(0); }, .type = yaml::Word("off", After(Duration(0)))},
      {.covers = given,
       .type = yaml::As<After, Duration>(
           yaml::DurationBetween(kHangAfterLeast, kHangAfterMost), [](Duration d) { return After(d); },
           [](const After& after) { return after.value_or(kHangAfterLeast); })},
  });
}

yaml::Table<CheckpointSpec> CheckpointTable() {
  return {{
      Required("dir", &CheckpointSpec::dir, Path(), "where the script saves; every host of the job must see it"),
      Key("complete_when", &CheckpointSpec::complete_when, CompleteWhenType(),
          "how a complete checkpoint is told; auto knows torch.save, safetensors, and directories with a marker or manifest"),
      Key("isolate", &CheckpointSpec::isolate, yaml::EnumOf<Isolate>(),
          "pin: a complete checkpoint is linked into DIR/.everstep/, out of reach of later writers; mount: and ranks see a "
          "directory of their generation's own as DIR (needs CAP_SYS_ADMIN)"),
  }};
}

yaml::Table<RestartSpec> RestartTable() {
  const auto codes = ListOf(Integer<std::uint32_t>(1, 255), 255, "[93, 17]");
  return {{
      yaml::KeyThrough<RestartSpec, Budget>(
          "budget",
          [](const RestartSpec& restart) {
            return Budget{restart.budget, restart.window};
          },
          [](RestartSpec& restart, Budget budget) {
            restart.budget = budget.restarts;
            restart.window = budget.window;
          },
          BudgetType(), "restarts allowed within a time"),
      Key("no_progress", &RestartSpec::no_progress, Integer<std::uint32_t>(1, 1000),
          "failures of the code in a row, without a newer checkpoint or step, that end the job"),
      Group("exit_codes",
            yaml::Table<RestartSpec>{{
                Key("no_restart", &RestartSpec::no_restart, codes, "exit codes that end the job at once"),
                Key("new_host", &RestartSpec::new_host, codes, "exit codes that blame the host"),
            }},
            "exit codes with a meaning"),
      Key("warm", &RestartSpec::warm, ListOf(yaml::Text(), 64, "[torch]"),
          "modules that Pythons on each host have imported already when a restart comes; costs their memory all the time"),
  }};
}

// An argv. Who wrote it as one line for a shell is told how it is written.
yaml::Type<std::vector<std::string>> Arguments(std::string example) {
  yaml::Type<std::vector<std::string>> type = ListOf(yaml::Text(), limit::kArguments, std::move(example));
  type.read = [read = type.read, legal = type.legal](const yaml::Node& node, yaml::Problems& problems) {
    if (node.kind != yaml::Node::Kind::scalar || node.text.empty() || node.text.size() > 200) return read(node, problems);
    std::vector<std::string> words = Split(node.text, ' ');
    std::erase(words, "");
    for (std::string& word : words) word = yaml::WriteText(word);
    yaml::Refuse(node, problems, legal, Cat("no shell splits it: write [", Join(words), "]"));
    return std::optional<std::vector<std::string>>();
  };
  return type;
}

// The same as ValidateJob asks for, told to editors.
yaml::Type<std::vector<std::string>> Command() {
  yaml::Type<std::vector<std::string>> type = Arguments("[python3, train.py]");
  type.schema = Cat("{\"type\":\"array\",\"minItems\":1,\"maxItems\":", limit::kArguments,
                    ",\"items\":[{\"type\":[\"string\",\"number\",\"boolean\"],\"minLength\":1}],\"additionalItems\":",
                    yaml::AnyScalarSchema(), '}');
  return type;
}
yaml::Type<std::map<std::string, std::string>> Variables() {
  auto type = yaml::MapOf(yaml::Text(), "{NCCL_DEBUG: WARN}");
  type.schema = Cat("{\"type\":\"object\",\"propertyNames\":{\"pattern\":\"^[^=]{1,255}$\"},\"additionalProperties\":",
                    yaml::AnyScalarSchema(), '}');
  return type;
}

// One exit code cannot both end the job and move it to another host.
Status CheckExitCodes(const RestartSpec& restart) {
  for (const std::uint32_t code : restart.new_host)
    if (std::find(restart.no_restart.begin(), restart.no_restart.end(), code) != restart.no_restart.end())
      return Fail(ErrorCode::kInvalid, Cat("restart.exit_codes.new_host: found ", code,
                                           ", which stands in no_restart too, legal: each code in one of the two"));
  return {};
}

yaml::Table<JobSpec> MakeTable() {
  return {{
      Required("command", &JobSpec::command, Command(),
               "argv, never a shell string; {rank} {local_rank} {nnodes} {resume} are replaced"),
      Key("resume_args", &JobSpec::resume_args, Arguments("[--resume, \"{resume}\"]"),
          "appended to the command only when there is a checkpoint to resume from"),
      Key("name", &JobSpec::name, yaml::Name(), "the job's name; its id is the name and a number"),
      Key("nodes", &JobSpec::nodes, Integer<std::uint32_t>(1, limit::kHostsPerJob), "whole hosts, one job each"),
      Key("processes_per_node", &JobSpec::processes_per_node, yaml::AutoOr(Integer<std::uint32_t>(1, limit::kRanksPerHost)),
          "ranks on each host; auto: one for each accelerator, else 1"),
      Key("spares", &JobSpec::spares, Integer<std::uint32_t>(0, limit::kHostsPerJob), "hosts kept idle for this job"),
      Key("hosts", &JobSpec::hosts, ListOf(yaml::Name(), limit::kHostsPerJob, "[gpu-01, gpu-02]"),
          "only these are taken, spares too; missing: any"),
      Key("workdir", &JobSpec::workdir, Path(), "where the ranks run; missing: the directory of the job file"),
      Key("env", &JobSpec::env, Variables(), "environment of the ranks; no secrets"),
      Key("env_from", &JobSpec::env_from, ListOf(yaml::Under("file", "PATH", Path()), 64, "[{file: /etc/run1.env}]"),
          "files with NAME=value lines, read on the hosts at each start; their values are never stored or shown"),
      Key("priority", &JobSpec::priority, Integer<std::uint32_t>(0, 100), "higher first; equal: first come, first served"),
      Nested("checkpoint", &JobSpec::checkpoint, CheckpointTable(), "what a restart resumes from"),
      Nested("progress", &JobSpec::progress,
             yaml::Table<ProgressSpec>{{
                 Key("step", &ProgressSpec::step, yaml::AutoOr(yaml::Text()),
                     "auto knows the usual trainers' lines; or a regular expression with one group, the step"),
                 Key("hang_after", &ProgressSpec::hang_after, HangAfterType(),
                     "ranks that told of a step and tell of no new one for so long are started again; auto: 40min, or 100 "
                     "steps; off: never"),
             }},
             "how the ranks' progress is read from what they print; the file $EVERSTEP_PROGRESS always counts"),
      Nested(
          "preflight", &JobSpec::preflight,
          yaml::Table<PreflightSpec>{{
              Key("level", &PreflightSpec::level, yaml::AutoOr(yaml::EnumOf<PreflightLevel>()),
                  "each host by itself, then the network between them, before the ranks start: off; quick: four rounds of "
                  "pairs; full: each pair. A bad host is swapped for a good one. auto: as the launcher's file says"),
              Key("unknown", &PreflightSpec::unknown, yaml::AutoOr(yaml::EnumOf<PreflightUnknown>()),
                  "what a host could not read of itself; pass: it is told, and the job starts; block: it is as bad as what "
                  "fails; auto: as the launcher's file says"),
              Key("valid_for", &PreflightSpec::valid_for,
                  yaml::AutoOr(yaml::DurationBetween(kPreflightHoldsLeast, kPreflightHoldsMost)),
                  "hosts that passed so long ago, and were not rebooted since, are not checked again; auto: as the launcher's "
                  "file says"),
              Key("data", &PreflightSpec::data, ListOf(Path(), kPreflightDataMost, "[/data]"),
                  "where training data is: the mounts are judged, nothing is written there"),
          }},
          "what is proven before the start"),
      Nested("restart", &JobSpec::restart, RestartTable(), "when a failed job starts again"),
      Key("time_limit", &JobSpec::time_limit, TimeLimitType(),
          "from the first start on, restarts included: then it is stopped with its grace, and ends with code 124"),
      Key("stop_grace", &JobSpec::stop_grace, yaml::DurationBetween(0s, 24h), "from SIGTERM to SIGKILL when the job is ended"),
  }};
}

void MakeAbsolute(std::string& path, std::string_view directory) {
  if (!path.empty() && path.front() != '/') path = (std::filesystem::path(directory) / path).lexically_normal().string();
}

}  // namespace

const yaml::Table<JobSpec>& JobFileTable() {
  static const yaml::Table<JobSpec> table = MakeTable();
  return table;
}

Result<JobSpec> ReadJobFile(std::string_view text, std::string_view file, std::string_view directory) {
  const auto finish = [directory](JobSpec& spec) -> Status {
    MakeAbsolute(spec.workdir, directory);
    for (std::string& path : spec.env_from) MakeAbsolute(path, directory);
    if (spec.checkpoint) MakeAbsolute(spec.checkpoint->dir, directory);
    for (std::string& path : spec.preflight.data) MakeAbsolute(path, directory);
    EVERSTEP_TRY(ValidateJob(spec));
    EVERSTEP_TRY(CheckExitCodes(spec.restart));
    return spec.progress.step ? CheckStepPattern(*spec.progress.step) : Status();
  };
  auto spec = yaml::Read<JobSpec>(JobFileTable(), text, file, {.workdir = std::string(directory)}, finish);
  if (spec) return spec;
  Error error = std::move(spec).error();
  if (error.hint.empty()) error.hint = kNext;
  return Fail(std::move(error));
}

std::string WriteJobFile(const JobSpec& spec) { return yaml::Print(yaml::EntriesOf(JobFileTable(), spec)); }

}  // namespace everstep
