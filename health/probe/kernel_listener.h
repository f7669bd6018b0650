// What the kernel's log says for each check: lines by pattern, Xids by device. Told of records, it tells readings: all of them
// for a scan, or those that the newest records have changed for who follows the log.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "health/core/check.h"
#include "health/core/xid.h"
#include "health/probe/kernel_lines.h"
#include "health/probe/kmsg.h"
#include "health/probe/root.h"
#include "health/probe/sink.h"

namespace everstep::health {

struct KernelLogAsked {
  std::string log{};  // a device or a file of such records, as this process sees it; empty: the root's /dev/kmsg
  std::vector<Check> checks{};
  XidTable xids{};
  std::string model{};  // of the GPUs
};

class KernelListener {
 public:
  // Records from before `since` (microseconds since the boot) are history: they are not told, but lines of checks that count
  // them over a time count with the next one.
  static Result<KernelListener> Make(const KernelLogAsked& asked, std::int64_t since = 0);

  void Take(const KernelRecord& record);

  // A reading for every check of lines, and for Xids. `now`: seconds since the boot.
  void Tell(const Root& root, Sink& sink) const;
  // Only what has changed since the last call.
  void TellNew(double now, Sink& sink);

  // When the newest record was written, in microseconds since the boot; 0: there was none.
  std::int64_t last() const { return last_; }

 private:
  struct Said {
    std::vector<std::int64_t> times{};
    std::string last{};
  };
  struct WorstXid {
    Action action = Action::note;
    std::string why{};
    std::string line{};
    std::size_t count = 0;
  };
  // The site's list of harmless lines, one check for each pattern.
  struct Ignored {
    std::size_t check = 0;  // kIgnoredLines, of asked_.checks
    KernelLines patterns{};
    std::map<std::size_t, std::size_t> counts{};  // by pattern
  };
  KernelListener(const KernelLogAsked& asked, KernelLines lines, std::optional<Ignored> ignored, std::int64_t since)
      : asked_(asked), lines_(std::move(lines)), ignored_(std::move(ignored)), since_(since) {}
  void Recall(const KernelRecord& record);
  bool Ignore(const KernelRecord& record);
  void Count(std::size_t check, const KernelRecord& record);
  std::string WhatIsIgnored() const;
  void TakeXid(const Xid& xid, const KernelRecord& record);
  void TellLines(std::size_t index, double now, Duration reach, Sink& sink) const;
  void TellXid(bool of_switch, const std::string& scope, Sink& sink) const;
  void TellXids(const Root& root, bool of_switch, Sink& sink) const;

  KernelLogAsked asked_;
  KernelLines lines_;
  std::optional<Ignored> ignored_{};
  std::int64_t since_ = 0;
  std::map<std::size_t, Said> said_{};
  std::map<std::string, WorstXid> xids_[2]{};  // of GPUs, of switches
  std::set<std::size_t> new_lines_{};
  std::set<std::pair<bool, std::string>> new_xids_{};
  std::int64_t first_ = -1, last_ = 0;
};

}  // namespace everstep::health
