#include "agent/checkpoint/inspect.h"

#include <algorithm>

#include "agent/checkpoint/rank_files.h"
#include "agent/checkpoint/recognise.h"
#include "agent/checkpoint/survey.h"
#include "base/text.h"

namespace everstep {

namespace {

// Where the watch of an agent keeps what it pinned (agent/checkpoint/layout.h).
constexpr std::string_view kPins = ".everstep/pins";

std::string NameOf(const std::string& path) { return path.substr(path.find_last_of('/') + 1); }

Inspected Judge(std::string name, const std::string& path, const Survey& survey, const CompleteWhen& when, Depth depth,
                std::stop_token stop) {
  Inspected found{.name = std::move(name), .path = path, .step = StepOf(NameOf(path)), .files = survey.files.size()};
  for (const SurveyFile& file : survey.files) found.bytes += file.size;
  const Result<Recognised> recognised = Recognise(path, survey, when, depth, stop);
  if (recognised) found.completeness = recognised->completeness;
  found.why = recognised ? recognised->why : recognised.error().message;
  return found;
}

// Those of `names` in `directory` that may be checkpoints.
void InspectEach(const std::string& directory, const std::string& prefix, const std::vector<std::string>& names,
                 const CompleteWhen& when, Depth depth, std::stop_token stop, std::vector<Inspected>& all) {
  for (const std::string& name : names) {
    const std::string path = PathIn(directory, name);
    const Result<Survey> survey = SurveyOf(path);
    if (!survey && survey.error().code != ErrorCode::kNotFound)
      all.push_back({.name = prefix + name, .path = path, .step = StepOf(name), .why = survey.error().message});
    if (survey && MayBeCheckpoint(name, *survey, when)) all.push_back(Judge(prefix + name, path, *survey, when, depth, stop));
  }
}

bool BySource(const Inspected& a, const Inspected& b) { return std::tie(a.step, a.name) < std::tie(b.step, b.name); }

}  // namespace

Result<Inspected> Inspect(const std::string& path, const CompleteWhen& when, Depth depth, std::stop_token stop) {
  const Result<Survey> survey = SurveyOf(path);
  if (survey) return Judge(path, path, *survey, when, depth, stop);
  if (survey.error().code == ErrorCode::kNotFound) return Fail(survey.error());
  return Inspected{.name = path, .path = path, .step = StepOf(NameOf(path)), .why = survey.error().message};
}

Result<std::vector<Inspected>> InspectAll(const std::string& directory, const CompleteWhen& when, Depth depth,
                                          std::stop_token stop) {
  EVERSTEP_ASSIGN(const std::vector<std::string> names, SourcesIn(directory));
  std::vector<Inspected> all;
  InspectEach(directory, {}, names, when, depth, stop, all);
  std::sort(all.begin(), all.end(), BySource);
  const std::string pins = PathIn(directory, std::string(kPins));
  const auto sources = static_cast<std::ptrdiff_t>(all.size());
  for (const std::string& pin : SourcesIn(pins).value_or(std::vector<std::string>())) {
    const std::string place = PathIn(pins, pin);
    InspectEach(place, Cat(kPins, '/', pin, '/'), SourcesIn(place).value_or(std::vector<std::string>()), when, depth, stop,
                all);
  }
  for (auto pin = all.begin() + sources; pin != all.end(); ++pin) pin->pinned = true;
  std::sort(all.begin() + sources, all.end(), BySource);
  return all;
}

bool IsOneCheckpoint(const std::string& path, const CompleteWhen& when) {
  const Result<Survey> survey = SurveyOf(path);
  // What cannot be surveyed as a whole, for a symbolic link in it, may be a place of many all the same.
  if (!survey) return StepOf(NameOf(path)).has_value() || !SourcesIn(path).has_value();
  if (!survey->directory) return true;
  if (when.kind != CompleteWhenKind::automatic) return MayBeCheckpoint(NameOf(path), *survey, when);
  if (StepOf(NameOf(path)) && MayBeCheckpoint(NameOf(path), *survey, when)) return true;
  return std::any_of(survey->files.begin(), survey->files.end(),
                     [](const SurveyFile& file) {
                       return file.name == ".metadata" || file.name == "trainer_state.json" ||
                              file.name.ends_with(".index.json");
                     }) &&
         survey->Find("latest") == nullptr;
}

}  // namespace everstep
