#include "collectives/probe/verdict_lines.h"

#include <algorithm>
#include <set>

#include "base/text.h"

namespace everstep {

namespace {

constexpr std::size_t kOneByOne = 7, kRanksBytes = 350, kWhyBytes = 300;

// "0-7,9"
std::string Ranges(const std::vector<std::uint32_t>& ranks) {
  const std::set<std::uint32_t> sorted(ranks.begin(), ranks.end());
  std::vector<std::string> ranges;
  for (auto it = sorted.begin(); it != sorted.end();) {
    const std::uint32_t first = *it;
    std::uint32_t last = first;
    while (++it != sorted.end() && *it == last + 1) ++last;
    ranges.push_back(last == first ? std::to_string(first) : Cat(first, '-', last));
  }
  return Join(ranges, ",");
}

}  // namespace

std::string MeasuredLine(const BaselineKey& key, const MeasuredRun& run) {
  return Cat("everstep-probe: measured ", TextOf(key, run), "\n");
}

std::string RemarkLine(std::string_view text) { return Cat("everstep-probe: remark ", Clip(Printable(text), 360), "\n"); }

std::string RoundLine(const PairStep& step) {
  return Cat("everstep-probe: round ", step.round, " of ", step.of, ": ", step.stage, "\n");
}

std::string WaitsLine(const std::vector<std::uint32_t>& ranks) {
  const std::string told = Ranges(ranks);
  return told.size() > kRanksBytes ? std::string() : Cat("everstep-probe: waits ", told, "\n");
}

std::string VerdictLine(std::string_view kind, const std::vector<std::uint32_t>& ranks, std::string_view why) {
  std::string told = Ranges(ranks);
  if (told.size() > kRanksBytes) {
    kind = "unknown";
    told.clear();
  }
  std::string line = Clip(Printable(why), kWhyBytes);
  std::replace(line.begin(), line.end(), '\n', ' ');
  return Cat("everstep-probe: verdict ", kind, " ", told, ": ", line, "\n");
}

std::string VerdictLines(const std::vector<Verdict>& verdicts) {
  std::vector<const Verdict*> sorted;
  for (const Verdict& verdict : verdicts) sorted.push_back(&verdict);
  std::stable_sort(sorted.begin(), sorted.end(), [](const Verdict* a, const Verdict* b) { return a->kind < b->kind; });
  const auto why = [](const Verdict& verdict) { return Cat(Title(verdict.kind), ": ", verdict.why); };
  std::string lines;
  std::vector<std::uint32_t> others;
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    if (i < kOneByOne)
      lines += VerdictLine(Name(sorted[i]->kind), sorted[i]->hosts, why(*sorted[i]));
    else
      others.insert(others.end(), sorted[i]->hosts.begin(), sorted[i]->hosts.end());
  }
  if (sorted.size() <= kOneByOne) return lines;
  return lines + VerdictLine("others", others, Cat(sorted.size() - kOneByOne, " more, the first: ", why(*sorted[kOneByOne])));
}

}  // namespace everstep
