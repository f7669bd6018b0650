// What the launcher has been told and what it has not: the newest report, its number, and the checkpoints that it has not yet
// acknowledged. A report is sent whole when anything changed, and again every kResendAfter until it is acknowledged; a
// checkpoint stays in every report until one that had it is. Progress alone is told at most every kProgressEvery, whatever the
// number of gangs.
//
// Pure. Cost: O(size of the report) when something changed, else O(1).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/ids.h"
#include "base/messages.h"
#include "base/time.h"

namespace everstep {

class Reporter {
 public:
  static constexpr Duration kResendAfter = 1s;
  static constexpr Duration kProgressEvery = 1s;

  // The gangs of this host, as they are now.
  void SetGangs(std::vector<GangStatus> gangs);
  void SetHealth(HostHealth health);
  // A later finding about the same source of the same gang replaces an earlier one.
  void Add(CheckpointSeen seen);
  // The launcher says it has another state than our beats' hash: send again.
  void Wanted() { wanted_ = true; }
  void Acknowledged(Sequence seq);

  // Something is to be sent now.
  bool Due(Time now) const;
  // When Due() becomes true by itself.
  std::optional<Time> Deadline() const;
  // The report to send at `now`: everything, within the limits of a message. Same content, same number.
  const Report& Take(Time now);
  // Of the report taken last; what beats carry. 0 before the first.
  std::uint64_t hash() const { return hash_; }
  std::size_t unacknowledged() const { return checkpoints_.size(); }

 private:
  struct Kept {
    CheckpointSeen seen{};
    std::optional<Sequence> first{};  // of the reports that had it
  };

  std::vector<GangStatus> gangs_{};
  HostHealth health_{};
  std::vector<Kept> checkpoints_{};  // oldest first
  Report last_{};
  std::uint64_t hash_ = 0;
  bool changed_ = true;
  bool progressed_ = false;
  bool wanted_ = false;
  std::optional<Time> taken_{};                 // when last_ was sent last
  std::optional<Time> unacknowledged_since_{};  // when last_ was sent last, until it is acknowledged
};

}  // namespace everstep
