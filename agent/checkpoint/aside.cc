#include "agent/checkpoint/aside.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <optional>

#include "agent/checkpoint/before.h"
#include "agent/checkpoint/layout.h"
#include "agent/checkpoint/pin_record.h"
#include "agent/checkpoint/recognise.h"
#include "base/text.h"

namespace everstep {

namespace {

// Renames without replacing: what lies aside already keeps its name. Only this host does it, so looking first is enough (NFS
// has no RENAME_NOREPLACE).
Result<std::string> MoveInto(const std::string& directory, const std::string& dir, const std::string& source) {
  for (int i = 1; i <= 1000; ++i) {
    const std::string target = i == 1 ? Cat(directory, '/', source) : Cat(directory, '/', source, '.', i);
    struct stat found {};
    if (::lstat(target.c_str(), &found) == 0) continue;
    if (::rename(PathIn(dir, source).c_str(), target.c_str()) != 0) return FailErrno(errno, "move aside to", target);
    return target;
  }
  return Fail(ErrorCode::kExhausted, Cat(directory, " has a thousand of ", source));
}

bool WasThere(const Before& before, const std::string& source, const Survey& survey) {
  const auto at = before.sources.find(source);
  return at != before.sources.end() && at->second == survey;
}

bool Pinned(const std::vector<Pin>& pins, const std::string& source, const Survey& survey) {
  for (const Pin& pin : pins)
    if (pin.source == source && pin.was == survey) return true;
  return false;
}

// Why it is torn; nullopt: it is not, or nobody can tell.
std::optional<std::string> Torn(const CheckpointSpec& checkpoint, const std::string& source, const Survey& survey,
                                std::stop_token stop) {
  if (!MayBeCheckpoint(source, survey, checkpoint.complete_when) || !HoldsCheckpointFiles(source, survey)) return std::nullopt;
  const Result<Recognised> recognised =
      Recognise(PathIn(checkpoint.dir, source), survey, checkpoint.complete_when, Depth::structure, stop);
  if (!recognised || recognised->completeness != Completeness::incomplete) return std::nullopt;
  return recognised->why;
}

}  // namespace

Result<std::vector<CheckpointSeen>> MoveTornAside(const CheckpointSpec& checkpoint, const GangKey& gang, std::stop_token stop) {
  std::vector<CheckpointSeen> moved;
  const std::optional<Before> job = ReadBefore(checkpoint.dir, gang).job;
  if (gang.generation == Generation(1) || !job) return moved;  // nothing here is known to be this job's
  const std::vector<Pin> pins = PinsIn(checkpoint.dir);
  EVERSTEP_ASSIGN(const std::vector<std::string> sources, SourcesIn(checkpoint.dir));
  for (const std::string& source : sources) {
    const Result<Survey> survey = SurveyOf(PathIn(checkpoint.dir, source));
    if (!survey || WasThere(*job, source, *survey) || Pinned(pins, source, *survey)) continue;
    const std::optional<std::string> why = Torn(checkpoint, source, *survey, stop);
    if (!why) continue;
    const std::string aside = AsideDirectory(checkpoint.dir, gang.generation);
    EVERSTEP_TRY(MakeDirectories(aside));
    EVERSTEP_ASSIGN(const std::string target, MoveInto(aside, checkpoint.dir, source));
    moved.push_back({.job = gang.job,
                     .generation = gang.generation,
                     .source = Printable(source),
                     .step = StepOf(source),
                     .why = Clip(Printable(Cat(*why, "; moved to ", target)), limit::kWhyBytes)});
  }
  return moved;
}

}  // namespace everstep
