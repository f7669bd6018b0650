#include "launcher/cli/check_progress.h"

#include <algorithm>
#include <utility>

#include "base/json/codec.h"
#include "base/text.h"
#include "health/core/verdict_line.h"
#include "launcher/cli/host_list.h"
#include "launcher/cli/terminal.h"
#include "launcher/cli/text_table.h"

namespace everstep {

CheckProgress::CheckProgress(std::vector<std::string> hosts, bool network) : hosts_(std::move(hosts)), network_(network) {}

void CheckProgress::On(const JobView& job) {
  job_ = job;
  if (job.hosts.empty()) return;
  hosts_.clear();
  for (const HostView& host : job.hosts) hosts_.push_back(host.node.value);
}

// All of a scan comes at its end.
void CheckProgress::On(const LogChunk& chunk) {
  if (chunk.is_stderr) return;
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

std::string CheckProgress::PhaseOf(const Scan* scan) const {
  if (!job_ || job_->phase == JobPhase::queued) return "waiting";
  if (job_->phase == JobPhase::preparing) return "preparing";
  const bool over = Ended(job_->phase) || job_->phase == JobPhase::stopping;
  if (!scan || !scan->Said()) return over ? "over" : "scanning";
  if (network_ && !over) return "network";
  return scan->fail > 0 ? "FAIL" : scan->warn > 0 ? "WARN" : "OK";
}

std::vector<CheckProgress::Row> CheckProgress::Rows() const {
  std::vector<Row> rows;
  for (std::uint32_t rank = 0; rank < hosts_.size(); ++rank) {
    const auto found = scans_.find(rank);
    const Scan* scan = found == scans_.end() ? nullptr : &found->second;
    Row& row = rows.emplace_back(Row{.node = hosts_[rank], .phase = PhaseOf(scan)});
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
  std::map<std::string, std::string> phases;
  for (const auto& row : before) phases[row.node] = row.phase;
  std::map<std::string, std::vector<std::string>> news;
  for (const auto& row : now)
    if (phases[row.node] != row.phase) news[row.phase].push_back(row.node);
  std::vector<std::string> lines;
  for (const auto& [phase, nodes] : news) lines.push_back(Cat(FoldHostList(nodes), ": ", phase));
  return lines;
}

}  // namespace everstep
