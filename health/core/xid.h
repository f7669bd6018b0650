// Errors that NVIDIA's driver writes to the kernel's log, and what is done about each (configs/xid.yaml).
//
//   NVRM: Xid (PCI:0000:18:00): 79, pid=1234, name=python3, GPU has fallen off the bus.
//   NVRM: Xid (PCI:0009:01:00): 149, NETIR_LINK_EVT  Fatal   XC0 i0 Link 01 (0x021425c6 …)      NVLink 5
//   NVRM: Xid (PCI:0000:01:00): 154, GPU recovery action changed from 0x0 (None) to 0x1 (GPU Reset Required)
//   NVRM: Xid (0000:03:00): 13, Graphics Exception                                               old drivers
//   NVRM: GPU 0000:5e:00.0: GPU has fallen off the bus.                                          counts as 79
//   nvidia-nvswitch3: SXid (PCI:0000:c1:00.0): 20034, Fatal, Link 30 LTSSM Fault Up
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "health/core/check.h"

namespace everstep::health {

struct Xid {
  bool of_switch = false;  // an SXid
  std::uint32_t code = 0;
  std::string device{};         // "0000:18:00"
  std::optional<bool> fatal{};  // where the line says so
  std::optional<std::uint32_t> link{};
  std::string text{};  // behind the code
};

// nullopt: no such line. Only the line's own text: no record header.
std::optional<Xid> ParseXid(std::string_view line);

struct XidRow {
  struct Range {
    std::uint32_t first = 0, last = 0;
    friend bool operator==(const Range&, const Range&) = default;
  };
  std::vector<Range> codes{};
  std::string about{};
  Action action = Action::note;
  std::optional<Action> nonfatal{};  // where the line says Nonfatal
  std::optional<Action> a100{};      // on that model
  bool follow_text = false;          // 154: the line says which
  std::optional<Action> repeat{};    // after one remedy for the same code; without it, one step up after two
  std::string nvidia{};              // NVIDIA's own immediate action, as one letter
  friend bool operator==(const XidRow&, const XidRow&) = default;
};

struct XidTable {
  std::vector<XidRow> rows{};
  Action unlisted = Action::note;
  Action switch_fatal = Action::reboot;  // of an SXid
  Action switch_nonfatal = Action::note;
  friend bool operator==(const XidTable&, const XidTable&) = default;
};

// What this GPU (or switch) has seen before.
struct XidHistory {
  std::uint32_t remedies = 0;  // resets and reboots for the same code
  std::uint32_t jobs = 0;      // different jobs within 24 h that this code has hit, this one included
};

struct XidDecision {
  Action action = Action::note;
  std::string why{};  // one sentence
};

// The action that follows from what was seen before instead of `decided`; nullopt: nothing does. `who`: "Xid 79 of 0000:18:00".
std::optional<XidDecision> Escalated(const XidTable& table, std::uint32_t code, Action decided, std::string_view who,
                                     const XidHistory& history);
// Of a decision's own sentence. nullopt: it is none of a GPU's.
std::optional<std::uint32_t> XidCodeIn(std::string_view why);

XidDecision DecideXid(const XidTable& table, const Xid& xid, std::string_view model = {}, const XidHistory& history = {});

const XidRow* FindXid(const XidTable& table, std::uint32_t code);

}  // namespace everstep::health
