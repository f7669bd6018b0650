#include "collectives/probe/verdict_lines.h"

#include <algorithm>

#include "base/text.h"

namespace everstep {

std::string MeasuredLine(const BaselineKey& key, const MeasuredRun& run) {
  return Cat("everstep-probe: measured ", TextOf(key, run), "\n");
}

std::string RemarkLine(std::string_view text) { return Cat("everstep-probe: remark ", Clip(Printable(text), 360), "\n"); }

std::string VerdictLine(std::string_view kind, const std::vector<std::uint32_t>& ranks, std::string_view why) {
  std::vector<std::string> numbers;
  for (const std::uint32_t rank : ranks) numbers.push_back(std::to_string(rank));
  if (numbers.size() > 32) numbers.resize(32);
  std::string line = Clip(Printable(why), 360);
  std::replace(line.begin(), line.end(), '\n', ' ');
  return Cat("everstep-probe: verdict ", kind, " ", Join(numbers, ","), ": ", line, "\n");
}

std::string VerdictLines(const std::vector<Verdict>& verdicts) {
  constexpr std::size_t kMost = 8;
  std::vector<const Verdict*> sorted;
  for (const Verdict& verdict : verdicts) sorted.push_back(&verdict);
  std::stable_sort(sorted.begin(), sorted.end(), [](const Verdict* a, const Verdict* b) { return a->kind < b->kind; });
  if (sorted.size() > kMost) sorted.resize(kMost);
  std::string lines;
  for (const Verdict* verdict : sorted)
    lines += VerdictLine(Name(verdict->kind), verdict->hosts, Cat(Title(verdict->kind), ": ", verdict->why));
  return lines;
}

}  // namespace everstep
