// How far a check of hosts is, host by host, while it runs: from the job's view and from what its ranks write. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "launcher/core/api.h"
#include "launcher/rpc/logs.h"

namespace everstep {

class CheckProgress {
 public:
  // `network`: it is tried after the hosts have looked at themselves.
  CheckProgress(std::vector<std::string> hosts, bool network);

  void On(const JobView& job);
  void On(const LogChunk& chunk);

  struct Row {
    std::string node{};
    std::string phase{};  // waiting, preparing, scanning, network; at its end the worst state of its own checks, or over
    std::string found{};  // by its own scan: "58 OK, 1 WARN"; empty: it has not said anything yet
    friend bool operator==(const Row&, const Row&) = default;
  };
  // In the order of the ranks once that is known.
  std::vector<Row> Rows() const;
  // Why it does not run yet; empty: it does.
  std::string Waits() const;

 private:
  struct Scan {
    std::string rest{};  // of a line
    std::uint32_t ok = 0, warn = 0, fail = 0, unknown = 0;
    bool Said() const { return ok + warn + fail + unknown > 0; }
  };
  std::string PhaseOf(const Scan* scan) const;

  std::vector<std::string> hosts_;
  bool network_;
  std::optional<JobView> job_{};
  std::map<std::uint32_t, Scan> scans_{};  // by rank
};

// For a terminal: what it is and for how long, then a line a host; where those are more than `rows`, the phases are counted.
std::vector<std::string> CheckLines(const CheckProgress& progress, Duration since, std::size_t rows, std::size_t columns);
// For who reads no terminal: the hosts that have come into another phase since `before`, phase by phase. "n[1-3]: scanning"
std::vector<std::string> CheckNews(const std::vector<CheckProgress::Row>& before, const std::vector<CheckProgress::Row>& now);

}  // namespace everstep
