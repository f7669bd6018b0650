// What RunPairs and RunLoopback found, for people and for programs. Pure.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdarg>
#include <cstdio>

#include "base/text.h"
#include "collectives/core/robust.h"
#include "collectives/probe/pair_bench.h"

namespace everstep {
namespace {

// Light for as fast as the median, heavy for slow: what is bad stands out. '!' is wrong data, 'x' silence.
constexpr std::string_view kHeat = " .:-=+*#%@";

[[gnu::format(printf, 1, 2)]] std::string Print(const char* format, ...) {
  std::array<char, 512> text{};
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(text.data(), text.size(), format, arguments);
  va_end(arguments);
  return text.data();
}

struct Cell {
  bool tested = false;
  bool wrong = false;
  std::optional<double> bytes_per_second{};
};

// Of a rail, by sender, by receiver; of several tests of a pair the last.
std::vector<std::vector<Cell>> Matrix(const PairFindings& findings, std::uint32_t rail) {
  const std::size_t n = findings.hosts.names.size();
  std::vector<std::vector<Cell>> cells(n, std::vector<Cell>(n));
  for (const PairMeasurement& m : findings.pairs) {
    if (m.rail != rail) continue;
    cells[m.pair.a][m.pair.b] = {true, m.wrong[0], m.one_way[0]};
    cells[m.pair.b][m.pair.a] = {true, m.wrong[1], m.one_way[1]};
  }
  return cells;
}

char Heat(const Cell& cell, double median) {
  if (!cell.tested) return '?';
  if (cell.wrong) return '!';
  if (!cell.bytes_per_second || median <= 0) return 'x';
  const double slower = std::clamp(1 - *cell.bytes_per_second / median, 0.0, 0.999);
  return kHeat[static_cast<std::size_t>(slower * static_cast<double>(kHeat.size()))];
}

// "rail 1: " in front of a line, where there are several.
std::string Rail(const PairFindings& findings, std::size_t rail) {
  return findings.scores.size() > 1 ? Cat("rail ", rail, ": ") : "";
}

std::size_t Tests(const PairFindings& findings) { return findings.pairs.size() / findings.scores.size(); }

std::string MatrixText(const PairFindings& findings, std::uint32_t rail) {
  const std::vector<std::vector<Cell>> cells = Matrix(findings, rail);
  const std::size_t n = cells.size();
  std::string text = Cat("# ", Rail(findings, rail), "GB/s from (row) to (column)\n#      ");
  for (std::size_t to = 0; to < n; ++to) text += Print(" %6zu", to);
  text += "\n";
  for (std::size_t from = 0; from < n; ++from) {
    text += Print("  %5zu", from);
    for (std::size_t to = 0; to < n; ++to) {
      const Cell& cell = cells[from][to];
      text += from == to || !cell.tested ? "      -"
              : cell.bytes_per_second    ? Print(" %6.2f", *cell.bytes_per_second / 1e9)
                                         : "      x";
    }
    text += "  |";
    for (std::size_t to = 0; to < n; ++to) text += from == to ? '\\' : Heat(cells[from][to], findings.scores[rail].median);
    text += Cat("|  ", findings.hosts.names[from], "\n");
  }
  return text;
}

// A bad host may have got wrong data from everybody: a few lines of it are enough.
std::string WrongText(const PairFindings& findings) {
  constexpr std::size_t kLinesMax = 8;
  std::string text;
  for (std::size_t i = 0; i < std::min(findings.wrong.size(), kLinesMax); ++i)
    text += Cat("# wrong: ", findings.wrong[i], "\n");
  if (findings.wrong.size() > kLinesMax)
    text += Cat("# wrong: in ", Count(findings.wrong.size() - kLinesMax, "more test"), "\n");
  return text;
}

}  // namespace

std::string BelowText(const PairFindings& findings) {
  return findings.below.empty()
             ? std::string()
             : Cat("# ", findings.below_profile ? "TOO SLOW: " : "slower than usual: ", findings.below, "\n");
}

std::string PairSummary(const PairFindings& findings) {
  std::vector<std::string> whys;
  for (std::size_t rail = 0; rail < findings.scores.size(); ++rail)
    whys.push_back(Cat(Rail(findings, rail), findings.scores[rail].why));
  return Cat("# ", Count(findings.hosts.names.size(), "rank"), ", ", Count(Tests(findings), "test"), ", ", Join(whys, "; "),
             "; no host and no link is bad\n", BelowText(findings));
}

std::string PairText(const PairFindings& findings) {
  std::string text = Print("# %zu rounds, %zu tests, seed %llu\n", findings.rounds, Tests(findings),
                           static_cast<unsigned long long>(findings.seed));
  for (std::size_t rail = 0; rail < findings.scores.size(); ++rail)
    text += Cat("# ", Rail(findings, rail), findings.scores[rail].why, "\n");
  if (!findings.note.empty()) text += Cat("# note: ", findings.note, "\n");
  text += BelowText(findings);
  for (std::uint32_t rail = 0; rail < findings.scores.size(); ++rail) text += MatrixText(findings, rail);
  text += Cat("# heat: \"", kHeat, "\" from like the median to ten times slower, ! wrong data, x no answer, ? not tested\n");
  std::vector<double> p50, p99;
  for (const PairMeasurement& m : findings.pairs) {
    if (m.latency_p50 <= 0) continue;
    p50.push_back(m.latency_p50 * 1e6);
    p99.push_back(m.latency_p99 * 1e6);
  }
  if (!p50.empty())
    text += Print("# latency: median pair p50 %.1f us, p99 %.1f us; worst pair p50 %.1f us, p99 %.1f us\n", MedianOf(p50),
                  MedianOf(p99), *std::max_element(p50.begin(), p50.end()), *std::max_element(p99.begin(), p99.end()));
  for (const Verdict& verdict : findings.verdicts) text += Cat("# ", Title(verdict.kind), ": ", verdict.why, "\n");
  for (const std::string& reason : findings.reasons) text += Cat("# why: ", reason, "\n");
  text += WrongText(findings);
  if (findings.verdicts.empty())
    text += findings.pairs.empty() ? "# UNKNOWN: nothing was tested\n" : "# no host and no link is bad\n";
  return text;
}

std::string LoopbackText(const ProbeGroup& group, const std::vector<LoopbackMeasurement>& all) {
  std::string text = Print("# %4s  %10s  %10s  %8s  %6s  device\n", "rank", "p50(us)", "p99(us)", "GB/s", "#wrong");
  for (const LoopbackMeasurement& one : all) {
    text += Print("  %4u  %10.2f  %10.2f  %8.2f  %6d  ", one.rank, one.latency_p50 * 1e6, one.latency_p99 * 1e6,
                  one.bytes_per_second.value_or(0) / 1e9, one.wrong.empty() ? 0 : 1);
    text += Cat(one.nic.empty() ? group.devices[one.rank] : one.nic, " of ", group.company.hosts[one.rank], "\n");
    const std::string who = group.company.Who(one.rank);
    for (const Registered& memory : one.registered)
      text += memory.error.empty() ? Cat("# ", memory.nic.empty() ? "" : Cat(who, "'s ", memory.nic, " "),
                                         Print("registers %zu MiB in %.2f ms, gives it back in %.2f ms\n", memory.bytes >> 20,
                                               memory.register_seconds * 1e3, memory.deregister_seconds * 1e3))
                                   : Cat("# HOST: ", who, " ", memory.error, "\n");
    const std::string blamed = one.nic.empty() ? Cat("# HOST: ", who) : Cat("# NIC: ", who, "'s ", one.nic);
    if (!one.error.empty()) text += Cat(blamed, " failed its own test, without any other host: ", one.error, "\n");
    if (!one.wrong.empty()) text += Cat(blamed, " does not get from itself what it sends\n# wrong: ", one.wrong, "\n");
  }
  return text;
}

}  // namespace everstep
