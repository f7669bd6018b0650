#include "agent/checkpoint/adopt.h"

#include <algorithm>
#include <tuple>

#include "agent/checkpoint/recognise.h"

namespace everstep {

namespace {

// Greater is newer. Modification times are a fallback only: they follow the clock of whoever wrote.
using Age = std::tuple<std::optional<std::uint64_t>, std::int64_t>;

Age AgeOf(const std::string& name, const Survey& survey) {
  std::int64_t newest = 0;
  for (const SurveyFile& file : survey.files) newest = std::max(newest, file.mtime_ns);
  return {StepOf(name), newest};
}

bool WasIn(const std::optional<Before>& before, const FoundSource& found) {
  if (!before) return false;
  const auto at = before->sources.find(found.name);
  return at != before->sources.end() && at->second == found.survey;
}

bool Pinned(const std::vector<Pin>& pins, const FoundSource& found) {
  return std::any_of(pins.begin(), pins.end(),
                     [&](const Pin& pin) { return pin.source == found.name && pin.was == found.survey; });
}

}  // namespace

Adoption ChooseWhatWasThere(const std::vector<FoundSource>& found, const BeforeRecords& before, const std::vector<Pin>& pins,
                            std::size_t adopted_max) {
  Adoption adoption;
  std::optional<Age> newest_pin, newest_of_others;
  for (const Pin& pin : pins) newest_pin = std::max(newest_pin, std::optional(AgeOf(pin.source, pin.was)));
  std::vector<std::pair<Age, std::string>> candidates;
  for (const FoundSource& source : found) {
    const Age age = AgeOf(source.name, source.survey);
    if (Pinned(pins, source)) continue;
    if (WasIn(before.job, source)) {
      adoption.passed_over.push_back(source.name);
      ++adoption.others;
      if (newest_of_others < age) newest_of_others = age, adoption.newest_of_others = source.name;
    } else if (!before.generation || WasIn(before.generation, source)) {
      if (newest_pin < age)
        candidates.emplace_back(age, source.name);
      else
        adoption.passed_over.push_back(source.name);
    }
  }
  std::sort(candidates.rbegin(), candidates.rend());
  for (std::size_t i = 0; i < candidates.size(); ++i)
    (i < adopted_max ? adoption.adopted : adoption.passed_over).push_back(candidates[i].second);
  return adoption;
}

}  // namespace everstep
