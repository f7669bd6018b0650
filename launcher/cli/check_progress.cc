#include "launcher/cli/check_progress.h"

#include <algorithm>
#include <utility>

#include "base/contains.h"
#include "base/json/codec.h"
#include "base/text.h"
#include "health/core/verdict_line.h"
#include "launcher/cli/host_list.h"
#include "launcher/cli/terminal.h"
#include "launcher/cli/text_table.h"
#include "launcher/core/preflight.h"

namespace everstep {

namespace {

constexpr std::size_t kWordsBytes = 64u << 10;  // of a line; more is none

// "3 of 63: pairs"
std::optional<CheckProgress::Network> RoundIn(std::string_view text) {
  const std::size_t between = text.find(" of "), colon = text.find(": ");
  if (between == std::string_view::npos || colon == std::string_view::npos || colon < between) return std::nullopt;
  const auto round = ParseUnsigned(text.substr(0, between));
  const auto of = ParseUnsigned(text.substr(between + 4, colon - between - 4));
  if (!round || !of || *round == 0 || *round > *of) return std::nullopt;
  return CheckProgress::Network{.stage = Clip(Printable(text.substr(colon + 2)), 80), .round = *round, .of = *of};
}

std::string RoundText(const CheckProgress::Network& rounds) {
  const std::string round = rounds.round == 0 ? std::string("network: the hosts meet")
                                              : Cat("network: round ", rounds.round, " of ", rounds.of, ": ", rounds.stage);
  return rounds.awaited.empty() ? round : Cat(round, ", waits for ", FoldHostList(rounds.awaited));
}

}  // namespace

CheckProgress::CheckProgress(std::vector<std::string> hosts, bool network) : hosts_(std::move(hosts)), network_(network) {}

void CheckProgress::On(const JobView& job) {
  job_ = job;
  if (job.hosts.empty()) return;
  hosts_.clear();
  for (const HostView& host : job.hosts) hosts_.push_back(host.node.value);
}

// All of a scan comes at its end.
void CheckProgress::On(const LogChunk& chunk) {
  if (chunk.is_stderr) {
    if (chunk.rank != 0) return;
    words_ += chunk.bytes;
    for (std::size_t end = words_.find('\n'); end != std::string::npos; end = words_.find('\n')) {
      Hear(std::string_view(words_).substr(0, end));
      words_.erase(0, end + 1);
    }
    if (words_.size() > kWordsBytes) words_.clear();
    return;
  }
  Scan& scan = scans_[chunk.rank];
  scan.rest += chunk.bytes;
  for (std::size_t end = scan.rest.find('\n'); end != std::string::npos; end = scan.rest.find('\n')) {
    if (const auto line = FromJson<health::VerdictLine>(std::string_view(scan.rest).substr(0, end))) switch (line->status) {
        case CheckState::ok: ++scan.ok; break;
        case CheckState::warn: ++scan.warn; break;
        case CheckState::fail: ++scan.fail; break;
        case CheckState::unknown: ++scan.unknown; break;
      }
    scan.rest.erase(0, end + 1);
  }
}

void CheckProgress::Hear(std::string_view line) {
  if (line.starts_with(kProbeRound)) {
    if (auto round = RoundIn(line.substr(kProbeRound.size()))) rounds_ = std::move(round);
    awaited_.clear();
  }
  if (line.starts_with(kProbeWaits)) awaited_ = RanksIn(line.substr(kProbeWaits.size())).value_or(std::vector<std::uint32_t>());
}

bool CheckProgress::Over() const { return job_ && (Ended(job_->phase) || job_->phase == JobPhase::stopping); }

std::optional<CheckProgress::Network> CheckProgress::Rounds() const {
  if ((!rounds_ && awaited_.empty()) || Over()) return std::nullopt;
  Network rounds = rounds_.value_or(Network());
  for (const std::uint32_t rank : awaited_)
    if (rank < hosts_.size()) rounds.awaited.push_back(hosts_[rank]);
  return rounds;
}

std::string CheckProgress::PhaseOf(std::uint32_t rank, const Scan* scan) const {
  if (!job_ || job_->phase == JobPhase::queued) return "waiting";
  if (job_->phase == JobPhase::preparing) return "preparing";
  if (!scan || !scan->Said()) return Over() ? "over" : "scanning";
  if (network_ && !Over()) return awaited_.empty() ? "network" : Contains(awaited_, rank) ? "awaited" : "waits";
  return scan->fail > 0 ? "FAIL" : scan->warn > 0 ? "WARN" : "OK";
}

std::vector<CheckProgress::Row> CheckProgress::Rows() const {
  std::vector<Row> rows;
  for (std::uint32_t rank = 0; rank < hosts_.size(); ++rank) {
    const auto found = scans_.find(rank);
    const Scan* scan = found == scans_.end() ? nullptr : &found->second;
    Row& row = rows.emplace_back(Row{.node = hosts_[rank], .phase = PhaseOf(rank, scan)});
    if (!scan || !scan->Said()) continue;
    std::vector<std::string> parts{Cat(scan->ok, " OK")};
    if (scan->warn > 0) parts.push_back(Cat(scan->warn, " WARN"));
    if (scan->fail > 0) parts.push_back(Cat(scan->fail, " FAIL"));
    if (scan->unknown > 0) parts.push_back(Cat(scan->unknown, " UNKNOWN"));
    row.found = Join(parts);
  }
  return rows;
}

std::string CheckProgress::Waits() const { return job_ && job_->phase == JobPhase::queued ? job_->why : std::string(); }

std::vector<std::string> CheckLines(const CheckProgress& progress, Duration since, std::size_t rows, std::size_t columns) {
  const auto all = progress.Rows();
  const std::string waits = progress.Waits();
  std::string title = Cat("checking ", Count(all.size(), "host"), " · ", Show(std::chrono::floor<std::chrono::seconds>(since)),
                          waits.empty() ? "" : " · ", waits);
  if (const auto rounds = progress.Rounds()) title += Cat(" · ", RoundText(*rounds));
  TextTable table{.titles = {"NODE", "PHASE", "ITS OWN CHECKS"}};
  if (all.size() + 2 <= rows) {
    for (const auto& row : all) table.rows.push_back({row.node, row.phase, row.found});
  } else {
    std::map<std::string, std::vector<std::string>> phases;
    for (const auto& row : all) phases[row.phase].push_back(row.node);
    table.titles = {"PHASE", "HOSTS", "WHICH"};
    for (const auto& [phase, nodes] : phases) table.rows.push_back({phase, Cat(nodes.size()), FoldHostList(nodes)});
  }
  std::vector<std::string> lines{CutToColumns(title, columns)};
  for (const std::string& line : Split(Render(table, {.columns = columns}), '\n'))
    if (!line.empty()) lines.push_back(CutToColumns(line, columns));
  return lines;
}

std::vector<std::string> CheckNews(const std::vector<CheckProgress::Row>& before, const std::vector<CheckProgress::Row>& now) {
  // Who waits for whom in a round is told by RoundNews.
  const auto phase_of = [](const CheckProgress::Row& row) {
    return row.phase == "awaited" || row.phase == "waits" ? std::string("network") : row.phase;
  };
  std::map<std::string, std::string> phases;
  for (const auto& row : before) phases[row.node] = phase_of(row);
  std::map<std::string, std::vector<std::string>> news;
  for (const auto& row : now)
    if (phases[row.node] != phase_of(row)) news[phase_of(row)].push_back(row.node);
  std::vector<std::string> lines;
  for (const auto& [phase, nodes] : news) lines.push_back(Cat(FoldHostList(nodes), ": ", phase));
  return lines;
}

std::optional<std::string> RoundNews::Of(const std::optional<CheckProgress::Network>& rounds, Time now) {
  constexpr Duration kNowAndThen = 10s;
  if (!rounds || *rounds == told_) return std::nullopt;
  const bool news = rounds->stage != told_.stage || rounds->round < told_.round ||
                    (!rounds->awaited.empty() && rounds->awaited != told_.awaited);
  if (!news && now - told_at_ < kNowAndThen) return std::nullopt;
  told_ = *rounds;
  told_at_ = now;
  return RoundText(*rounds);
}

}  // namespace everstep
