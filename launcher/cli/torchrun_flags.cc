#include "launcher/cli/torchrun_flags.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <filesystem>

#include "base/text.h"
#include "launcher/cli/host_list.h"

namespace everstep {

namespace {

constexpr std::string_view kPlaced =
    "the launcher places the ranks, and chooses MASTER_ADDR and MASTER_PORT anew for each start";
constexpr std::string_view kOnce = "everstep run is typed once, anywhere, and not on each host";
constexpr std::string_view kSeen = "the end of a rank is seen at once";
constexpr std::string_view kPrograms = "each rank is a program of its own";

struct Ignored {
  const char* flag;
  bool takes_value;
  std::string_view why;
};
constexpr std::array<Ignored, 17> kIgnored{{{"--standalone", false, kPlaced},
                                            {"--rdzv-backend", true, kPlaced},
                                            {"--rdzv-endpoint", true, kPlaced},
                                            {"--rdzv-id", true, kPlaced},
                                            {"--rdzv-conf", true, kPlaced},
                                            {"--master-addr", true, kPlaced},
                                            {"--master-port", true, kPlaced},
                                            {"--local-addr", true, kPlaced},
                                            {"--node-rank", true, kOnce},
                                            {"--monitor-interval", true, kSeen},
                                            {"--start-method", true, kPrograms},
                                            {"--role", true, kPrograms},
                                            {"--run-path", false, kPrograms},
                                            {"--virtual-local-rank", false, "every rank sees its own LOCAL_RANK"},
                                            {"--logs-specs", true, "the hosts keep all output: everstep logs"},
                                            {"--event-log-handler", true, "everstep events has what happened"},
                                            {"--signals-to-handle", true, "SIGTERM goes to every rank when the job is ended"}}};

std::optional<std::uint32_t> Streams(std::string_view text) {
  const auto number = ParseUnsigned(text);
  return number && *number <= 3 ? std::optional(static_cast<std::uint32_t>(*number)) : std::nullopt;
}

}  // namespace

bool StreamChoice::Has(std::uint32_t local_rank, bool is_stderr) const {
  const auto own = by_rank.find(local_rank);
  const std::uint32_t streams = own != by_rank.end() ? own->second : everyone;
  return (streams & (is_stderr ? 2u : 1u)) != 0;
}

Result<StreamChoice> ParseStreams(std::string_view text) {
  StreamChoice choice;
  const auto bad = [&] {
    return Fail(ErrorCode::kInvalid, Cat("found \"", Clip(Printable(text), 60),
                                         "\", legal: 0, 1 (stdout), 2 (stderr) or 3 (both), or by local rank 0:1,1:3"));
  };
  if (const auto all = Streams(text)) return StreamChoice{.everyone = *all};
  for (const std::string& part : Split(text, ',')) {
    const std::size_t colon = part.find(':');
    const auto rank = ParseUnsigned(part.substr(0, colon));
    const auto streams = colon == std::string::npos ? std::nullopt : Streams(part.substr(colon + 1));
    if (!rank || *rank > 1023 || !streams) return bad();
    if (!choice.by_rank.emplace(static_cast<std::uint32_t>(*rank), *streams).second) return bad();
  }
  return choice;
}

bool OutputChoice::Shows(std::uint32_t local_rank, bool is_stderr) const {
  if (only && !only->contains(local_rank)) return false;
  return !redirects.Has(local_rank, is_stderr) || tee.Has(local_rank, is_stderr);
}

bool OutputChoice::Files(std::uint32_t local_rank, bool is_stderr) const {
  if (directory.empty()) return false;
  return files_all || redirects.Has(local_rank, is_stderr) || tee.Has(local_rank, is_stderr);
}

void AddTorchrunFlags(CLI::App& verb, TorchrunFlags& flags) {
  const std::string shown = "What is shown";
  verb.add_option("-r,--redirects", flags.redirects, "do not show 1: stdout, 2: stderr, 3: both; or by local rank: 0:1,1:3")
      ->type_name("STREAMS")
      ->group(shown);
  verb.add_option("-t,--tee", flags.tee, "show also what -r takes away, written the same way")
      ->type_name("STREAMS")
      ->group(shown);
  verb.add_option("--log-dir", flags.log_dir,
                  "file what -r and -t name, or everything, as DIR/JOB/attempt_N/RANK/stdout.log and stderr.log")
      ->type_name("DIR")
      ->group(shown);
  verb.add_option("--local-ranks-filter", flags.local_ranks, "show only these ranks of each host: 0,1 or 0-3")
      ->type_name("RANKS")
      ->group(shown);
  for (const Ignored& ignored : kIgnored) {
    const char* name = ignored.flag;
    CLI::Option* option = ignored.takes_value
                              ? verb.add_option_function<std::string>(
                                        name, [&flags, name](const std::string&) { flags.ignored.emplace_back(name); })
                                    ->type_name("VALUE")
                              : verb.add_flag_callback(name, [&flags, name] { flags.ignored.emplace_back(name); });
    option->description("no effect")->group("torchrun's, accepted and not needed");
  }
}

Result<OutputChoice> OutputOf(const TorchrunFlags& flags, const std::string& directory) {
  OutputChoice choice;
  const auto named = [](std::string_view flag, Error error) {
    error.message = Cat(flag, ": ", error.message);
    return Fail(std::move(error));
  };
  auto redirects = ParseStreams(flags.redirects), tee = ParseStreams(flags.tee);
  if (!redirects) return named("--redirects", redirects.error());
  if (!tee) return named("--tee", tee.error());
  choice.redirects = *std::move(redirects);
  choice.tee = *std::move(tee);
  if (!flags.log_dir.empty()) choice.directory = (std::filesystem::path(directory) / flags.log_dir).lexically_normal().string();
  choice.files_all = flags.redirects == "0" && flags.tee == "0";
  if (flags.local_ranks.empty()) return choice;
  const auto ranks = ExpandRankList(flags.local_ranks);
  if (!ranks) return named("--local-ranks-filter", ranks.error());
  choice.only.emplace(ranks->begin(), ranks->end());
  return choice;
}

std::string WhyIgnored(const std::vector<std::string>& flags) {
  std::string out;
  std::set<std::string_view> told;
  for (const Ignored& first : kIgnored) {
    if (!told.insert(first.why).second) continue;
    std::vector<std::string> names;
    for (const Ignored& ignored : kIgnored)
      if (ignored.why == first.why && std::find(flags.begin(), flags.end(), ignored.flag) != flags.end())
        names.emplace_back(ignored.flag);
    if (!names.empty())
      out += Cat(Join(names, ", ", " and "), names.size() > 1 ? " have" : " has", " no effect: ", first.why, '\n');
  }
  return out;
}

}  // namespace everstep
