#include "agent/checkpoint/passed_over.h"

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

PassedOver PassOver(const std::vector<FoundSource>& found, const BeforeRecords& before, const std::vector<Pin>& pins) {
  PassedOver passed_over;
  std::optional<Age> newest_pin, newest_of_others;
  for (const Pin& pin : pins) newest_pin = std::max(newest_pin, std::optional(AgeOf(pin.source, pin.was)));
  for (const FoundSource& source : found) {
    if (Pinned(pins, source)) continue;
    const Age age = AgeOf(source.name, source.survey);
    const bool others = WasIn(before.job, source);
    // Without a record nobody knows what was there: better nothing than another history.
    const bool was_there = others || !before.generation || WasIn(before.generation, source);
    if (was_there || age < newest_pin) passed_over.names.push_back(source.name);
    if (!others) continue;
    ++passed_over.others;
    if (newest_of_others < age) newest_of_others = age, passed_over.newest_of_others = source.name;
  }
  return passed_over;
}

}  // namespace everstep
