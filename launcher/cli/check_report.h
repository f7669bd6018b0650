// What a check of hosts has found, for people and programs. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "health/core/verdict_line.h"
#include "launcher/cli/text_table.h"
#include "launcher/core/preflight.h"

namespace everstep {

struct HostChecked {
  std::string node{};
  health::State status = health::State::unknown;  // the worst of all below
  std::uint32_t ok = 0, warn = 0, fail = 0, unknown = 0;
  std::string fabric{};                     // "passed", "failed", "not checked"
  std::string profile{};                    // "p5.48xlarge"; empty: an older agent does not say
  std::optional<std::uint32_t> compared{};  // among so many of its profile; nullopt: those are too few; 0: it says nothing
  std::vector<health::VerdictLine> findings{};
};
EVERSTEP_FIELDS(HostChecked, node, status, ok, warn, fail, unknown, fabric, profile, compared, findings)

struct CheckInput {
  std::vector<std::string> nodes{};                   // by rank
  std::map<std::uint32_t, std::string> scans{};       // what each rank's scan has written
  std::optional<std::vector<ProbeVerdict>> fabric{};  // nullopt: it was not checked
};

// In the order of the nodes. Compared are hosts of one profile, three at least: of versions and sizes that should be equal, who
// differs from more than half of them is warned of; and so is, of what was measured on demand, who is far below the median.
// Hosts of one CPU model must compute the same, whatever their profile: who does not, fails.
std::vector<HostChecked> Checked(const CheckInput& input);

bool Fit(const std::vector<HostChecked>& hosts, bool strict);

// The table's rows; then, a finding at a time, on which hosts, what is bad, its evidence and what to do, and at last who was
// compared with nobody.
TextTable CheckedTable(const std::vector<HostChecked>& hosts);
std::string FindingsText(const std::vector<HostChecked>& hosts);

}  // namespace everstep
