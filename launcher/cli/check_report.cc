#include "launcher/cli/check_report.h"

#include <algorithm>
#include <array>
#include <set>

#include "base/json/codec.h"
#include "base/text.h"
#include "health/core/fleet.h"
#include "launcher/cli/check_kinds.h"
#include "launcher/cli/host_list.h"
#include "launcher/core/sentence.h"

namespace everstep {

using Mark = health::State;
using health::VerdictLine;

namespace {

constexpr const char* kGpus = "gpu.count";
constexpr std::array<std::string_view, 3> kEqual{"cpu.online", kGpus, "pci.layout"};
// On demand (health/probe/deep.h, gpu_deep.h): numbers that should be no lower than the others', and what the same arithmetic
// gives.
struct Measured {
  const char* check;
  const char* what;
  const char* remedy;
};
constexpr std::array kMeasured{
    Measured{"deep.bandwidth", "its memory is", "look for a missing or slow DIMM, and for who else uses the memory"},
    Measured{"deep.gpu_bandwidth", "the memory of its slowest GPU is",
             "look for throttling, for row remapping, and for who else uses the GPU"},
    Measured{"deep.gpu_link", "the way between its memory and its slowest GPU is",
             "look at the PCIe width and generation, at the switch above, and at ACS"}};
struct Computed {
  const char* check;
  const char* part;
};
constexpr std::array kComputed{Computed{"deep.compute", "processor"}, Computed{"deep.gpu_compute", "GPU"}};
bool IsComputed(const std::string& check) {
  return std::any_of(kComputed.begin(), kComputed.end(), [&](const Computed& one) { return one.check == check; });
}
// Of an agent that does not say which of its values must be the same on all hosts.
bool ShouldBeEqual(const std::string& check) {
  return check.starts_with("version.") || std::find(kEqual.begin(), kEqual.end(), check) != kEqual.end();
}

int Rank(Mark state) { return state == Mark::fail ? 3 : state == Mark::warn ? 2 : state == Mark::unknown ? 1 : 0; }

std::vector<VerdictLine> Lines(const std::string& text) {
  std::vector<VerdictLine> lines;
  for (const std::string& line : Split(text, '\n'))
    if (auto read = FromJson<VerdictLine>(line)) lines.push_back(*std::move(read));
  return lines;
}

void Take(HostChecked& host, VerdictLine line) {
  switch (line.status) {
    case Mark::ok: ++host.ok; return;
    case Mark::warn: ++host.warn; break;
    case Mark::fail: ++host.fail; break;
    case Mark::unknown: ++host.unknown; break;
  }
  host.findings.push_back(std::move(line));
}

VerdictLine Finding(const std::string& check, Mark status, std::string why, std::string remedy) {
  VerdictLine line{.check = check, .status = status};
  line.why = std::move(why);
  line.remedy = std::move(remedy);
  return line;
}

// On which no GPU came up is like a host that never had one, to itself: the others know better.
void CountGpusOfAll(std::vector<std::vector<VerdictLine>>& lines) {
  for (std::vector<VerdictLine>& host : lines) {
    const bool counted = std::any_of(host.begin(), host.end(), [](const VerdictLine& line) { return line.check == kGpus; });
    if (!host.empty() && !counted) host.push_back({.check = kGpus, .value = "0", .same = true});
  }
}

// Which lines are to be compared: what their host's scan says, and of older agents' what any other says, or their list.
class Alike {
 public:
  explicit Alike(const std::vector<std::vector<VerdictLine>>& lines) {
    for (const std::vector<VerdictLine>& host : lines) {
      tells_.push_back(std::any_of(host.begin(), host.end(), Same));
      for (const VerdictLine& line : host)
        if (Same(line)) checks_.insert(line.check);
    }
  }
  bool ShouldBe(std::size_t host, const VerdictLine& line) const {
    // The same arithmetic is compared by model of CPU or GPU.
    if (line.value.empty() || IsComputed(line.check)) return false;
    return Same(line) || (!tells_[host] && (checks_.contains(line.check) || ShouldBeEqual(line.check)));
  }

 private:
  static bool Same(const VerdictLine& line) { return line.same.value_or(false); }
  std::vector<bool> tells_{};
  std::set<std::string> checks_{};
};

void TakeOdd(const health::OddHost& odd, const VerdictLine& finding, std::vector<HostChecked>& hosts) {
  for (HostChecked& host : hosts)
    if (host.node == odd.host.value) Take(host, finding);
}

// "the others", or those of its profile where there are several.
std::string Others(const HostKinds& kinds, const std::string& profile) {
  return kinds.Several() && !profile.empty() ? Cat("the others of ", profile) : std::string("the others");
}

void CompareHosts(const HostKinds& kinds, std::vector<std::vector<VerdictLine>> lines, std::vector<HostChecked>& hosts) {
  struct Compared {
    std::string check{}, scope{}, kind{};
    auto operator<=>(const Compared&) const = default;
  };
  std::map<Compared, std::vector<health::HostReading>> readings;
  const Alike alike(lines);
  CountGpusOfAll(lines);
  for (std::size_t i = 0; i < lines.size(); ++i)
    for (const VerdictLine& line : lines[i])
      if (alike.ShouldBe(i, line))
        readings[{line.check, line.scope, kinds.For(i, line.check)}].push_back(
            {NodeId(hosts[i].node), {.check = line.check, .scope = line.scope, .word = line.value}});
  for (const auto& [key, values] : readings)
    for (const health::OddHost& odd : health::Compare(values, health::Unit::word).odd) {
      VerdictLine line =
          Finding(key.check, Mark::warn, Cat(key.check, " differs from ", Others(kinds, key.kind), ": ", odd.why),
                  "make the hosts of a job alike");
      line.scope = key.scope;
      TakeOdd(odd, line, hosts);
    }
}

// What the same arithmetic gives, by model of CPU or GPU: nothing but a fault makes a difference. Where nobody has a majority
// all are told of it.
void CompareSums(const Computed& what, const std::vector<std::vector<VerdictLine>>& lines, std::vector<HostChecked>& hosts) {
  std::map<std::string, std::vector<health::HostReading>> models;
  std::map<std::string, std::set<std::string>> values;
  for (std::size_t i = 0; i < lines.size(); ++i)
    for (const VerdictLine& line : lines[i])
      if (line.check == what.check && line.status == Mark::ok && !line.value.empty()) {
        models[line.scope].push_back({NodeId(hosts[i].node), {.check = line.check, .word = line.value}});
        values[line.scope].insert(line.value);
      }
  for (const auto& [model, readings] : models) {
    if (values[model].size() < 2) continue;
    const health::Comparisons found = health::Compare(readings, health::Unit::word);
    for (const health::OddHost& odd : found.odd)
      TakeOdd(odd,
              Finding(what.check, Mark::fail, Cat("computes something else than the other hosts with ", model, ": ", odd.why),
                      Cat("take the host out of work and replace the ", what.part)),
              hosts);
    if (!found.odd.empty()) continue;
    for (const health::HostReading& one : readings)
      TakeOdd({.host = one.host},
              Finding(what.check, Mark::warn, Cat("hosts with ", model, " compute different results, and none has a majority"),
                      Cat("check them together with others of that ", what.part, ": one of them is wrong")),
              hosts);
  }
}

// Measured on demand: who is far below the others. More is no fault.
void CompareMeasured(const Measured& what, const HostKinds& kinds, const std::vector<std::vector<VerdictLine>>& lines,
                     std::vector<HostChecked>& hosts) {
  constexpr double kMads = 5, kLeast = 0.1;  // a host that is 10 % slower is worth a look, and less is noise
  std::map<std::string, std::vector<health::HostReading>> readings;  // by kind
  for (std::size_t i = 0; i < lines.size(); ++i)
    for (const VerdictLine& line : lines[i])
      if (line.check == what.check && line.measured)
        readings[kinds.For(i, line.check)].push_back({NodeId(hosts[i].node), {.check = line.check, .number = line.measured}});
  for (const auto& [kind, values] : readings)
    for (const health::OddHost& odd : health::Compare(values, health::Unit::bytes, kMads, kLeast).odd) {
      const std::string why = Cat(what.what, " slower than ", Others(kinds, kind), "': ", odd.why);
      if (odd.below) TakeOdd(odd, Finding(what.check, Mark::warn, why, what.remedy), hosts);
    }
}

void TakeFabric(const std::optional<std::vector<ProbeVerdict>>& verdicts, std::vector<HostChecked>& hosts) {
  for (HostChecked& host : hosts) host.fabric = verdicts ? "passed" : "not checked";
  if (!verdicts) return;
  for (const ProbeVerdict& verdict : *verdicts)
    for (const std::uint32_t rank : verdict.ranks) {
      if (rank >= hosts.size()) continue;
      const bool unknown = verdict.kind == "unknown" || verdict.kind == "unproven";
      hosts[rank].fabric = unknown ? "unknown" : "failed";
      Take(hosts[rank], Finding(Cat("fabric.", verdict.kind), unknown ? Mark::unknown : Mark::fail, verdict.why,
                                "look at its cable, port and NIC; everstep bench pairs shows each pair"));
    }
}

std::string Upper(Mark state) {
  std::string word(Name(state));
  for (char& c : word) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  return word;
}

// Silence about them would look like a pass. A host alone was not to be compared with any.
std::string NotCompared(const std::vector<HostChecked>& hosts) {
  std::map<std::string, std::vector<std::string>> kinds;
  for (const HostChecked& host : hosts)
    if (!host.compared && hosts.size() > 1) kinds[host.profile].push_back(host.node);
  std::string text;
  for (const auto& [profile, nodes] : kinds) {
    const std::string which =
        profile.empty() ? std::string("of a profile that its agent does not tell") : Cat("of profile ", profile);
    text += Cat(FoldHostList(nodes), ": not compared with others: ", Count(nodes.size(), "host"), ' ', which, ", and it takes ",
                health::kCompareMin, " to tell who is odd\n");
  }
  return text;
}

}  // namespace

std::vector<HostChecked> Checked(const CheckInput& input) {
  std::vector<HostChecked> hosts;
  std::vector<std::vector<VerdictLine>> lines;
  for (std::uint32_t rank = 0; rank < input.nodes.size(); ++rank) {
    hosts.push_back({.node = input.nodes[rank]});
    const auto scan = input.scans.find(rank);
    lines.push_back(scan == input.scans.end() ? std::vector<VerdictLine>() : Lines(scan->second));
    for (const VerdictLine& line : lines.back()) Take(hosts.back(), line);
    if (lines.back().empty())
      Take(hosts.back(), Finding("scan", Mark::unknown, "its scan has said nothing", "everstep-agent scan, on the host"));
  }
  const HostKinds kinds(lines);
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    hosts[i].profile = kinds.NameOf(i);
    const std::size_t alike = kinds.Alike(i);
    if (alike == 0 || alike >= health::kCompareMin) hosts[i].compared = static_cast<std::uint32_t>(alike);
  }
  CompareHosts(kinds, lines, hosts);
  for (const Computed& what : kComputed) CompareSums(what, lines, hosts);
  for (const Measured& what : kMeasured) CompareMeasured(what, kinds, lines, hosts);
  TakeFabric(input.fabric, hosts);
  for (HostChecked& host : hosts) {
    host.status = Mark::ok;
    for (VerdictLine& line : host.findings) {
      line.host = host.node;
      if (Rank(line.status) > Rank(host.status)) host.status = line.status;
    }
    std::stable_sort(host.findings.begin(), host.findings.end(),
                     [](const VerdictLine& a, const VerdictLine& b) { return Rank(a.status) > Rank(b.status); });
  }
  return hosts;
}

bool Fit(const std::vector<HostChecked>& hosts, bool strict) {
  return std::none_of(hosts.begin(), hosts.end(), [strict](const HostChecked& host) {
    return host.status == Mark::fail || (strict && host.status != Mark::ok);
  });
}

TextTable CheckedTable(const std::vector<HostChecked>& hosts) {
  TextTable table{.titles = {"NODE", "STATUS", "OK", "WARN", "FAIL", "UNKNOWN", "FABRIC", "WHY"}, .states = 1};
  std::set<std::string> profiles;
  for (const HostChecked& host : hosts)
    if (host.compared != 0u) profiles.insert(host.profile);
  const bool several = profiles.size() > 1;
  if (several) table.titles.insert(std::prev(table.titles.end()), "PROFILE");
  for (const HostChecked& host : hosts) {
    const std::string why = host.findings.empty() || host.status == Mark::ok ? "" : OneLine(host.findings.front().why, 200);
    auto& row = table.rows.emplace_back(std::vector<std::string>{host.node, Upper(host.status), Cat(host.ok), Cat(host.warn),
                                                                 Cat(host.fail), Cat(host.unknown), host.fabric, why});
    if (several) row.insert(std::prev(row.end()), host.profile);
  }
  return table;
}

std::string FindingsText(const std::vector<HostChecked>& hosts) {
  std::vector<std::pair<VerdictLine, std::vector<std::string>>> same;  // but for their host
  for (const HostChecked& host : hosts)
    for (VerdictLine line : host.findings) {
      if (line.status != Mark::fail && line.status != Mark::warn) continue;
      line.host.clear();
      const auto known = std::find_if(same.begin(), same.end(), [&](const auto& one) {
        return one.first.status == line.status && one.first.check == line.check && one.first.scope == line.scope &&
               one.first.why == line.why && one.first.evidence == line.evidence;
      });
      if (known == same.end())
        same.push_back({std::move(line), {host.node}});
      else
        known->second.push_back(host.node);
    }
  std::stable_sort(same.begin(), same.end(),
                   [](const auto& a, const auto& b) { return Rank(a.first.status) > Rank(b.first.status); });
  std::string text;
  for (const auto& [line, nodes] : same) {
    const std::string scope = line.scope.empty() ? "" : Cat(line.scope, ": ");
    text += Cat(FoldHostList(nodes), ": ", Upper(line.status), " ", scope, line.check, ": ", line.why, "\n");
    if (!line.evidence.empty()) text += Cat("    evidence: ", line.evidence, "\n");
    if (!line.remedy.empty()) text += Cat("    to do: ", line.remedy, "\n");
  }
  return text + NotCompared(hosts);
}

}  // namespace everstep
