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
    // waiting, preparing, scanning, network (of those that wait for others of them in a round: waits; of those others:
    // awaited); at its end the worst state of its own checks, or over
    std::string phase{};
    std::string found{};  // by its own scan: "58 OK, 1 WARN"; empty: it has not said anything yet
    friend bool operator==(const Row&, const Row&) = default;
  };
  // In the order of the ranks once that is known.
  std::vector<Row> Rows() const;
  // Why it does not run yet; empty: it does.
  std::string Waits() const;

  // The test of pairs between the hosts.
  struct Network {
    std::string stage{};                 // in the probe's words: "pairs"
    std::uint64_t round = 0, of = 0;     // 0: none has begun, the hosts meet
    std::vector<std::string> awaited{};  // by all others, for a second or longer
    friend bool operator==(const Network&, const Network&) = default;
  };
  // nullopt: it has not begun, is over, or the probe tells nothing of it, as older ones.
  std::optional<Network> Rounds() const;

 private:
  struct Scan {
    std::string rest{};  // of a line
    std::uint32_t ok = 0, warn = 0, fail = 0, unknown = 0;
    bool Said() const { return ok + warn + fail + unknown > 0; }
  };
  void Hear(std::string_view line);
  bool Over() const;
  std::string PhaseOf(std::uint32_t rank, const Scan* scan) const;

  std::vector<std::string> hosts_;
  bool network_;
  std::optional<JobView> job_{};
  std::map<std::uint32_t, Scan> scans_{};  // by rank
  std::string words_{};                    // of rank 0 on stderr: the rest of a line
  std::optional<Network> rounds_{};        // but for who is awaited
  std::vector<std::uint32_t> awaited_{};   // ranks
};

// For a terminal: what it is and for how long, then a line a host; where those are more than `rows`, the phases are counted.
std::vector<std::string> CheckLines(const CheckProgress& progress, Duration since, std::size_t rows, std::size_t columns);
// For who reads no terminal: the hosts that have come into another phase since `before`, phase by phase. "n[1-3]: scanning"
std::vector<std::string> CheckNews(const std::vector<CheckProgress::Row>& before, const std::vector<CheckProgress::Row>& now);

// Likewise of the rounds: each stage, who is awaited, and where they take long how far they are, now and then. "network: round
// 31 of 63: pairs". Told of as often as anybody likes.
class RoundNews {
 public:
  std::optional<std::string> Of(const std::optional<CheckProgress::Network>& rounds, Time now);

 private:
  CheckProgress::Network told_{};
  Time told_at_{};
};

}  // namespace everstep
