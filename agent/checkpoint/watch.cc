#include "agent/checkpoint/watch.h"

#include <algorithm>
#include <set>

#include "agent/checkpoint/passed_over.h"
#include "agent/checkpoint/recognise.h"
#include "base/text.h"

namespace everstep {

namespace {

// How a source that had been decided was written to since: in place (same inode, other contents), or by rename.
struct Rewritten {
  bool in_place = false;
  bool replaced = false;
};
Rewritten HowRewritten(const Survey& before, const Survey& now) {
  Rewritten how;
  for (const SurveyFile& file : now.files) {
    const SurveyFile* old = before.Find(file.name);
    if (old == nullptr || *old == file) continue;
    (old->inode == file.inode ? how.in_place : how.replaced) = true;
  }
  return how;
}

}  // namespace

CheckpointWatch::CheckpointWatch(GangKey gang, CheckpointSpec checkpoint, std::stop_token stop)
    : gang_(std::move(gang)), checkpoint_(std::move(checkpoint)), stop_(std::move(stop)) {}

std::vector<CheckpointSeen> CheckpointWatch::Look(bool all) {
  news_.clear();
  undecided_ = false;
  if (Overtaken(checkpoint_.dir, gang_)) return {};
  const Result<std::vector<std::string>> names = SourcesIn(checkpoint_.dir);
  const std::string cannot_list = names ? "" : names.error().message;
  if (cannot_list != cannot_list_ && !names) Tell({.source = ".", .why = cannot_list});
  cannot_list_ = cannot_list;
  if (!names) return std::move(news_);

  if (!begun_) Begin(*names);
  begun_ = true;
  CheckPins();
  for (const std::string& name : *names) {
    if (stop_.stop_requested()) break;
    Source& source = sources_[name];
    if (all || look_ % kSlowLooks == 0 || !Settled(source)) LookAt(name, source);
  }
  std::erase_if(sources_, [&](const auto& source) { return !std::binary_search(names->begin(), names->end(), source.first); });
  ++look_;
  return std::move(news_);
}

std::vector<CheckpointSeen> CheckpointWatch::Finish() {
  news_.clear();
  if (Overtaken(checkpoint_.dir, gang_)) return {};
  for (auto& [name, source] : sources_) {
    if (!source.last.files.empty() && source.decided != source.last)
      FindWanting(source, source.last, Cat("still changing when generation ", gang_.generation, " ended"), false);
    if (!source.wanting.empty()) TellWanting(name, source);
  }
  return std::move(news_);
}

// ---- what was there --------------------------------------------------------------------------------------------------------

void CheckpointWatch::Begin(const std::vector<std::string>& names) {
  before_ = ReadBefore(checkpoint_.dir, gang_);
  RemoveHalfDone(checkpoint_.dir, gang_.job);
  const std::uint64_t others_pins = before_.job ? before_.job->pins : 0;
  for (Pin& pin : PinsIn(checkpoint_.dir)) {
    // An older number under the same job id is of a launcher that has forgotten it all.
    if (pin.job != gang_.job || pin.number <= others_pins) continue;
    const bool intact = StateOf(pin) == PinState::intact;
    (intact ? pins_ : lost_pins_).push_back(std::move(pin));
  }
  TellPins();
  PassOverWhatWasThere(names);
}

void CheckpointWatch::TellPins() {
  for (const Pin& pin : pins_) {
    Source& source = sources_[pin.source];
    source.decided = source.last = pin.was;
    source.told = Told::complete;
    source.in_place = pin.copied && pin.step;  // links are tried first there: it was copied for a reason
    if (&pin != NewestPinOf(pin.source)) continue;
    const bool earlier = pin.generation != gang_.generation;
    TellComplete(pin, earlier ? Cat(pin.why, "; pinned by generation ", pin.generation) : pin.why);
  }
}

void CheckpointWatch::PassOverWhatWasThere(const std::vector<std::string>& names) {
  std::vector<FoundSource> found;
  for (const std::string& name : names) {
    Result<Survey> survey = SurveyOf(PathIn(checkpoint_.dir, name));
    if (survey && MayBeCheckpoint(name, *survey, checkpoint_.complete_when)) found.push_back({name, *std::move(survey)});
  }
  const PassedOver passed_over = PassOver(found, before_, pins_);
  const std::set<std::string> passed(passed_over.names.begin(), passed_over.names.end());
  for (const FoundSource& source : found)
    if (passed.contains(source.name)) sources_[source.name].decided = sources_[source.name].last = source.survey;
  if (!passed_over.newest_of_others) return;
  const std::string more = passed_over.others == 1 ? "" : Cat(" (and ", passed_over.others - 1, " more)");
  Tell({.source = *passed_over.newest_of_others,
        .step = StepOf(*passed_over.newest_of_others),
        .why = Cat("was there before the job first started", more, ": not this job's")});
}

// ---- one look --------------------------------------------------------------------------------------------------------------

void CheckpointWatch::CheckPins() {
  for (std::size_t i = 0; i < pins_.size();) {
    const std::optional<PinState> state = StateOf(pins_[i]);
    if (!state || state == PinState::intact) {
      ++i;
      continue;
    }
    const bool was_newest = NewestPinOf(pins_[i].source) == &pins_[i];
    const Pin lost = std::move(pins_[i]);
    pins_.erase(pins_.begin() + static_cast<std::ptrdiff_t>(i));
    lost_pins_.push_back(lost);
    Source& source = sources_[lost.source];
    source.decided.reset();  // if it is still there it is verified and pinned anew
    source.in_place = source.in_place || state == PinState::changed;
    if (!was_newest) continue;
    if (const Pin* older = NewestPinOf(lost.source)) {
      TellComplete(*older, older->why);
      continue;
    }
    source.wanting = state == PinState::gone ? Cat("its pin ", lost.directory, " was deleted")
                                             : "overwritten in place after it was registered: its next save will be copied";
    TellWanting(lost.source, source);
  }
}

bool CheckpointWatch::Settled(const Source& source) const {
  return source.last.directory && source.decided == source.last && !source.retry_at &&
         (source.wanting.empty() || source.told == Told::wanting);
}

void CheckpointWatch::LookAt(const std::string& name, Source& source) {
  const Result<Survey> survey = SurveyOf(PathIn(checkpoint_.dir, name));
  if (!survey) {
    if (survey.error().code == ErrorCode::kNotFound) return;  // deleted or renamed since it was listed
    source.wanting = survey.error().message;
    if (++source.looks_unchanged == kPatience) TellWanting(name, source);
    return;
  }
  if (!MayBeCheckpoint(name, *survey, checkpoint_.complete_when)) return;
  if (source.decided == *survey) {
    ++source.looks_unchanged;
    if (!source.wanting.empty() && source.looks_unchanged >= kPatience) TellWanting(name, source);
    if (!source.retry_at || look_ < *source.retry_at) return;
  } else if (source.last != *survey) {
    if (source.decided) {
      const Rewritten how = HowRewritten(*source.decided, *survey);
      source.in_place = source.in_place || how.in_place;
      source.replaced = source.replaced || how.replaced;
    }
    source.last = *survey;
    undecided_ = true;
    return;
  }
  Decide(name, source, *survey);
}

void CheckpointWatch::Decide(const std::string& name, Source& source, const Survey& survey) {
  if (Printable(name) != name) return FindWanting(source, survey, "its name is not printable UTF-8", false);
  if (std::optional<std::string> mixed = Mixed(name, survey)) return FindWanting(source, survey, *std::move(mixed), false);
  const std::string path = PathIn(checkpoint_.dir, name);
  Result<Recognised> recognised = Recognise(path, survey, checkpoint_.complete_when, Depth::contents, stop_);
  const Result<Survey> after = SurveyOf(path);
  if (after && *after != survey) {
    source.last = *after;
    undecided_ = true;
    return;
  }
  if (!recognised && (recognised.error().code == ErrorCode::kNotFound || stop_.stop_requested())) return;
  if (!recognised) return FindWanting(source, survey, recognised.error().message, true);
  if (recognised->completeness != Completeness::complete) return FindWanting(source, survey, std::move(recognised->why), false);
  PinIt(name, source, survey, recognised->why);
}

void CheckpointWatch::PinIt(const std::string& name, Source& source, const Survey& survey, const std::string& why) {
  const bool expected_in_place = !StepOf(name) && !source.replaced;
  Result<Pin> pin = MakePin(
      checkpoint_,
      {.gang = gang_, .source = name, .was = survey, .why = why, .own_bytes = source.in_place || expected_in_place}, stop_);
  if (!pin && (pin.error().code == ErrorCode::kConflict || stop_.stop_requested())) {
    source.last = {};
    undecided_ = true;
    return;
  }
  if (!pin) return FindWanting(source, survey, Cat(why, ", but cannot be pinned: ", pin.error().message), true);
  if (Overtaken(checkpoint_.dir, gang_)) return RemovePin(*pin);
  source.decided = survey;
  source.wanting.clear();
  source.retries = 0;
  source.retry_at.reset();
  source.told = Told::complete;
  pins_.push_back(*std::move(pin));
  TellComplete(pins_.back(), why);
  RemoveOldPins();
}

void CheckpointWatch::FindWanting(Source& source, const Survey& survey, std::string why, bool retry) {
  if (source.decided != survey) source.looks_unchanged = 0;
  source.decided = survey;
  source.wanting = std::move(why);
  source.retry_at.reset();
  if (!retry) return;
  source.retries = std::min(source.retries + 1, kRetriesMax);
  source.retry_at = look_ + (std::uint64_t{1} << source.retries);
}

void CheckpointWatch::Registered(const std::string& path) {
  if (std::none_of(pins_.begin(), pins_.end(), [&](const Pin& pin) { return pin.path() == path; })) return;
  registered_.insert(path);
  RemoveOldPins();
}

// Names with and without a step are counted apart: a script's last.pt and best.pt must not crowd out its steps.
void CheckpointWatch::RemoveOldPins() {
  std::size_t with_step = 0, without = 0;
  for (std::size_t i = pins_.size(); i-- > 0;) {
    std::size_t& kept = pins_[i].step ? with_step : without;
    if (kept < kPinsKept) {
      kept += registered_.contains(pins_[i].path()) ? 1 : 0;
      continue;
    }
    RemovePin(pins_[i]);
    registered_.erase(pins_[i].path());
    pins_.erase(pins_.begin() + static_cast<std::ptrdiff_t>(i));
  }
  for (const Pin& pin : lost_pins_) RemovePin(pin);
  lost_pins_.clear();
}

std::optional<std::string> CheckpointWatch::Mixed(const std::string& name, const Survey& survey) const {
  if (!survey.directory || !before_.generation) return std::nullopt;
  const auto was = before_.generation->sources.find(name);
  if (was == before_.generation->sources.end()) return std::nullopt;
  const SurveyFile *old = nullptr, *young = nullptr;
  for (const SurveyFile& file : survey.files) {
    const SurveyFile* before = was->second.Find(file.name);
    (before != nullptr && *before == file ? old : young) = &file;
  }
  if (old == nullptr || young == nullptr) return std::nullopt;
  return Cat("a mix: ", old->name, " was there before generation ", gang_.generation, " started, ", young->name,
             " was written since");
}

// ---- telling ---------------------------------------------------------------------------------------------------------------

const Pin* CheckpointWatch::NewestPinOf(const std::string& source) const {
  for (auto pin = pins_.rbegin(); pin != pins_.rend(); ++pin)
    if (pin->source == source) return &*pin;
  return nullptr;
}

void CheckpointWatch::TellComplete(const Pin& pin, const std::string& why) {
  Tell({.source = pin.source,
        .step = pin.step,
        .complete = true,
        .path = pin.path(),
        .files = pin.files,
        .why = why,
        .was_there = pin.generation != gang_.generation});
}

void CheckpointWatch::TellWanting(const std::string& name, Source& source) {
  if (source.told == Told::wanting || NewestPinOf(name) != nullptr) return;
  source.told = Told::wanting;
  Tell({.source = Printable(name), .step = StepOf(name), .why = source.wanting});
}

void CheckpointWatch::Tell(CheckpointSeen seen) {
  seen.job = gang_.job;
  seen.generation = gang_.generation;
  seen.why = Clip(Printable(seen.why), limit::kWhyBytes);
  news_.push_back(std::move(seen));
}

}  // namespace everstep
