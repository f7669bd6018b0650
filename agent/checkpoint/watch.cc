#include "agent/checkpoint/watch.h"

#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <set>
#include <utility>

#include "agent/checkpoint/layout.h"
#include "agent/checkpoint/own_directory.h"
#include "agent/checkpoint/passed_over.h"
#include "agent/checkpoint/publish.h"
#include "agent/checkpoint/recognise.h"
#include "base/text.h"

namespace everstep {

namespace {

// A source that had been decided was written to since: same inode, other contents.
bool WrittenInPlace(const Survey& before, const Survey& now) {
  return std::any_of(now.files.begin(), now.files.end(), [&](const SurveyFile& file) {
    const SurveyFile* old = before.Find(file.name);
    return old != nullptr && *old != file && old->inode == file.inode;
  });
}

// A copy must not take the room that the script's next save needs.
bool RoomForCopy(const std::string& dir, const Survey& survey) {
  struct statvfs room {};
  if (::statvfs(dir.c_str(), &room) != 0) return false;
  std::uint64_t bytes = 0;
  for (const SurveyFile& file : survey.files) bytes += file.size;
  return std::uint64_t{room.f_bavail} * room.f_frsize / 2 >= bytes;
}

}  // namespace

CheckpointWatch::CheckpointWatch(GangKey gang, CheckpointSpec checkpoint, std::stop_token stop)
    : gang_(std::move(gang)),
      checkpoint_(std::move(checkpoint)),
      mounted_(checkpoint_.isolate == Isolate::mount),
      saves_(SavesDirectory(checkpoint_, gang_)),
      stop_(std::move(stop)),
      renames_(saves_) {}

std::vector<CheckpointSeen> CheckpointWatch::Look(bool all) {
  undecided_ = false;
  if (Overtaken(checkpoint_.dir, gang_)) return {};
  renames_.Update();  // before anything is surveyed: what is decided here was unchanged since the look before
  const Result<std::vector<std::string>> names = SourcesIn(saves_);
  const std::string cannot_list = names ? "" : names.error().message;
  if (cannot_list != cannot_list_ && !names) Tell({.source = ".", .why = cannot_list});
  cannot_list_ = cannot_list;
  if (!names) return std::exchange(news_, {});

  if (!begun_) Begin(*names);
  begun_ = true;
  CheckPins();
  Publish();
  std::vector<std::string> by_step = *names;
  std::stable_sort(by_step.begin(), by_step.end(),
                   [](const std::string& a, const std::string& b) { return StepOf(a) < StepOf(b); });
  for (const std::string& name : by_step) {
    if (stop_.stop_requested()) break;
    Source& source = sources_[name];
    if (all || look_ % kSlowLooks == 0 || !Settled(source)) LookAt(name, source);
  }
  std::erase_if(sources_, [&](const auto& source) { return !std::binary_search(names->begin(), names->end(), source.first); });
  ++look_;
  return std::exchange(news_, {});
}

std::vector<CheckpointSeen> CheckpointWatch::Finish() {
  if (Overtaken(checkpoint_.dir, gang_)) return {};
  for (auto& [name, source] : sources_) {
    if (!source.last.files.empty() && source.decided != source.last)
      FindWanting(source, source.last, Cat("still changing when generation ", gang_.generation, " ended"), false);
    if (!source.wanting.empty()) TellWanting(name, source);
  }
  // The last one of a job: it ends before its registration would come.
  if (mounted_)
    for (const Pin& pin : pins_)
      if (pin.generation == gang_.generation) unpublished_.insert(pin.path());
  Publish();
  return std::exchange(news_, {});
}

// ---- what was there --------------------------------------------------------------------------------------------------------

void CheckpointWatch::Begin(const std::vector<std::string>& names) {
  before_ = ReadBefore(checkpoint_.dir, gang_);
  if (mounted_) {  // where its ranks save, nothing was before
    before_.generation = Before{};
    if (before_.job) before_.job->sources.clear();
  }
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
    if (&pin != NewestPinOf(pin.source)) continue;
    const bool earlier = pin.generation != gang_.generation;
    TellComplete(pin, earlier ? Cat(pin.why, "; pinned by generation ", pin.generation) : pin.why);
  }
}

void CheckpointWatch::PassOverWhatWasThere(const std::vector<std::string>& names) {
  std::vector<FoundSource> found;
  for (const std::string& name : names) {
    Result<Survey> survey = SurveyOf(PathIn(saves_, name));
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
    const std::string why = state == PinState::gone
                                ? Cat("its pin ", lost.directory, " was deleted")
                                : "overwritten in place after it was registered: its next save will be copied";
    if (!was_newest || NewestPinOf(lost.source)) TellLost(lost, why);
    if (!was_newest) continue;
    if (const Pin* older = NewestPinOf(lost.source)) {
      TellComplete(*older, older->why);
      continue;
    }
    source.wanting = why;
    source.told = Told::wanting;
    TellLost(lost, why);
  }
}

bool CheckpointWatch::Settled(const Source& source) const {
  return source.last.directory && source.decided == source.last && !source.retry_at &&
         (source.wanting.empty() || source.told == Told::wanting);
}

void CheckpointWatch::LookAt(const std::string& name, Source& source) {
  const Result<Survey> survey = SurveyOf(PathIn(saves_, name));
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
    if (source.decided && WrittenInPlace(*source.decided, *survey)) source.in_place = true;
    source.last = *survey;
    undecided_ = true;
    return;
  }
  Decide(name, source, *survey);
}

void CheckpointWatch::Decide(const std::string& name, Source& source, const Survey& survey) {
  if (const std::string newer = std::exchange(source.waits_for, {}); !newer.empty()) {
    const Pin* pin = NewestPinOf(newer);
    if (pin != nullptr && pin->was == sources_[newer].last) {
      source.decided = survey;
      return;
    }
  }
  if (Printable(name) != name) return FindWanting(source, survey, "its name is not printable UTF-8", false);
  if (std::optional<std::string> mixed = Mixed(name, survey)) return FindWanting(source, survey, *std::move(mixed), false);
  const std::string path = PathIn(saves_, name);
  Result<Recognised> recognised = Recognise(path, survey, checkpoint_.complete_when, Depth::contents, stop_);
  const Result<Survey> after = SurveyOf(path);
  if (after && *after != survey) {
    source.last = *after;
    undecided_ = true;
    return;
  }
  if (!recognised && (recognised.error().code == ErrorCode::kNotFound || stop_.stop_requested())) return;
  if (!recognised) return FindWanting(source, survey, recognised.error().message, true);
  if (recognised->completeness != Completeness::complete)
    return FindWanting(source, survey, std::move(recognised->why), recognised->beside);
  PinIt(name, source, survey, recognised->why);
}

// While one is copied others may have been saved. The newest of them counts, and an older one is not worth another copy.
std::optional<std::string> CheckpointWatch::NewerThatWaits(const std::string& name) const {
  const std::optional<std::uint64_t> step = StepOf(name);
  if (!step) return std::nullopt;
  for (const auto& [other, source] : sources_) {
    const std::optional<std::uint64_t> its = StepOf(other);
    if (!its || *its <= *step || source.last.files.empty() || source.decided == source.last) continue;
    const Result<Survey> now = SurveyOf(PathIn(saves_, other));
    if (now && *now == source.last) return other;
  }
  return std::nullopt;
}

void CheckpointWatch::PinIt(const std::string& name, Source& source, const Survey& survey, const std::string& why) {
  const bool room = RoomForCopy(checkpoint_.dir, survey);
  if (mounted_ && !room)  // a link's bytes are within reach of a rank that lives on
    return FindWanting(source, survey, Cat(why, ", but it cannot be copied: there is not room for twice its size"), true);
  const bool may_link = !mounted_ && !source.in_place && renames_.Proven(name);
  const bool link = may_link || (!source.in_place && !room);
  if (const auto newer = link ? std::nullopt : NewerThatWaits(name)) {
    source.waits_for = *newer;
    undecided_ = true;
    return;
  }
  const std::string how = link && !may_link ? Cat(why, "; not copied: there is not room for twice its size") : why;
  Result<Pin> pin = MakePin(
      checkpoint_, {.gang = gang_, .source = name, .from = saves_, .was = survey, .why = how, .own_bytes = !link}, stop_);
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
  TellComplete(pins_.back(), pins_.back().why);
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
  if (registered_.insert(path).second && mounted_) unpublished_.insert(path);
  RemoveOldPins();
  Publish();
}

// What cannot be shown now (a full disk) is tried again with the next look.
void CheckpointWatch::Publish() {
  if (unpublished_.empty() || Overtaken(checkpoint_.dir, gang_)) return;
  std::erase_if(unpublished_, [&](const std::string& path) {
    const auto pin = std::find_if(pins_.begin(), pins_.end(), [&](const Pin& p) { return p.path() == path; });
    const Status shown = pin == pins_.end() ? Status() : PublishPin(checkpoint_.dir, *pin);
    if (!shown && !std::exchange(cannot_publish_, true))
      Tell({.source = ".", .why = Cat(pin->source, " is registered, but cannot be shown yet: ", shown.error().message)});
    return shown.has_value();
  });
  if (unpublished_.empty()) cannot_publish_ = false;
}

// Names with and without a step are counted apart: a script's last.pt and best.pt must not crowd out its steps.
void CheckpointWatch::RemoveOldPins() {
  struct Counted {
    std::size_t registered = 0, waiting = 0;
  } with_step, without;
  for (std::size_t i = pins_.size(); i-- > 0;) {
    Counted& kept = pins_[i].step ? with_step : without;
    const bool registered = registered_.contains(pins_[i].path());
    std::size_t& like_it = registered ? kept.registered : kept.waiting;
    if (kept.registered < kPinsKept && (registered || kept.waiting < kPinsWaiting)) {
      ++like_it;
      continue;
    }
    if (!registered && kept.registered < kPinsKept)
      TellLost(pins_[i], Cat("its pin was removed: ", kPinsWaiting, " newer ones wait for the launcher's word"));
    if (mounted_) UnpublishPin(checkpoint_.dir, pins_[i]);
    RemovePin(pins_[i]);
    registered_.erase(pins_[i].path());
    pins_.erase(pins_.begin() + static_cast<std::ptrdiff_t>(i));
  }
  for (const Pin& pin : lost_pins_) {
    if (mounted_) UnpublishPin(checkpoint_.dir, pin);
    RemovePin(pin);
  }
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

void CheckpointWatch::TellLost(const Pin& pin, const std::string& why) {
  struct stat found {};
  // Where not even their directory is there, it is the mount that is gone, not the pin.
  const bool lost = ::stat(PinsDirectory(checkpoint_.dir).c_str(), &found) == 0;
  Tell({.source = pin.source, .step = pin.step, .path = lost ? pin.path() : std::string(), .why = why});
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
