#include "agent/core/report.h"

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace everstep {

namespace {

// A message holds limit::kMessageBytes; half of it goes to what people read last, the rest is room for names and numbers.
constexpr std::size_t kTailBytesTogether = limit::kMessageBytes / 4;
constexpr std::size_t kFileBytesTogether = limit::kMessageBytes / 4;
constexpr std::size_t kCheckpointsKept = 1024;

// About what a checkpoint takes on the wire.
std::size_t BytesOf(const CheckpointSeen& seen) {
  std::size_t bytes = 256 + seen.source.size() + seen.path.size() + seen.why.size();
  for (const CheckpointFile& file : seen.files) bytes += 64 + file.name.size() + file.digest.size();
  return bytes;
}

// With a thousand ranks not every last word fits: the earliest exits keep theirs, they are the likely causes.
void FitTails(std::vector<GangStatus>& gangs) {
  std::vector<RankExit*> exits;
  std::size_t bytes = 0;
  for (GangStatus& gang : gangs)
    for (RankStatus& rank : gang.ranks)
      if (rank.exit) {
        exits.push_back(&*rank.exit);
        bytes += rank.exit->tail.size() + rank.exit->kernel.size();
      }
  if (bytes <= kTailBytesTogether) return;
  std::stable_sort(exits.begin(), exits.end(), [](const RankExit* a, const RankExit* b) { return a->at < b->at; });
  bytes = 0;
  for (RankExit* exit : exits) {
    bytes += exit->tail.size() + exit->kernel.size();
    if (bytes <= kTailBytesTogether) continue;
    exit->tail.clear();
    exit->kernel.clear();
  }
}

// REQUIRES: they differ.
bool OnlyProgress(const std::vector<GangStatus>& before, std::vector<GangStatus> after) {
  if (before.size() != after.size()) return false;
  for (std::size_t i = 0; i < after.size(); ++i) after[i].progress = before[i].progress;
  return before == after;
}

// One that no report could hold is reported as what it is: not to be resumed from.
CheckpointSeen Reportable(CheckpointSeen seen) {
  if (seen.files.size() <= limit::kCheckpointFiles && BytesOf(seen) <= kFileBytesTogether) return seen;
  seen.why = Cat(Count(seen.files.size(), "file"), " are more than a report can hold");
  seen.complete = false;
  seen.path.clear();
  seen.files.clear();
  return seen;
}

}  // namespace

void Reporter::SetGangs(std::vector<GangStatus> gangs) {
  FitTails(gangs);
  if (gangs == gangs_) return;
  (OnlyProgress(gangs_, gangs) ? progressed_ : changed_) = true;
  gangs_ = std::move(gangs);
}

void Reporter::SetHealth(HostHealth health) {
  if (health == health_) return;
  health_ = std::move(health);
  changed_ = true;
}

void Reporter::Add(CheckpointSeen seen) {
  seen = Reportable(std::move(seen));
  std::erase_if(checkpoints_, [&](const Kept& kept) {
    // A loss is told beside what takes its place.
    const bool loss = !kept.seen.complete && !kept.seen.path.empty() && kept.seen.path != seen.path;
    return kept.seen.job == seen.job && kept.seen.generation == seen.generation && kept.seen.source == seen.source && !loss;
  });
  checkpoints_.push_back({.seen = std::move(seen)});
  if (checkpoints_.size() > kCheckpointsKept) checkpoints_.erase(checkpoints_.begin());
  changed_ = true;
}

void Reporter::Acknowledged(Sequence seq) {
  if (seq > last_.seq) return;  // never sent
  const std::size_t before = checkpoints_.size();
  std::erase_if(checkpoints_, [&](const Kept& kept) { return kept.first && *kept.first <= seq; });
  // Those that did not fit so far come next; that acknowledged ones are missing is no news.
  if (before != checkpoints_.size() && !checkpoints_.empty()) changed_ = true;
  if (seq == last_.seq) unacknowledged_since_.reset();
}

bool Reporter::Due(Time now) const {
  if (changed_ || wanted_ || (progressed_ && (!taken_ || now - *taken_ >= kProgressEvery))) return true;
  return unacknowledged_since_ && now - *unacknowledged_since_ >= kResendAfter;
}

std::optional<Time> Reporter::Deadline() const {
  std::optional<Time> due;
  if (unacknowledged_since_) due = *unacknowledged_since_ + kResendAfter;
  if (progressed_ && taken_) due = std::min(due.value_or(*taken_ + kProgressEvery), *taken_ + kProgressEvery);
  return due;
}

const Report& Reporter::Take(Time now) {
  Report report{.seq = last_.seq, .gangs = gangs_, .checkpoints = {}, .health = health_};
  std::size_t bytes = 0;
  std::size_t taken = 0;
  for (const Kept& kept : checkpoints_) {
    bytes += BytesOf(kept.seen);
    if (taken == limit::kCheckpointsPerReport || (taken > 0 && bytes > kFileBytesTogether)) break;
    report.checkpoints.push_back(kept.seen);
    ++taken;
  }
  if (report != last_ || last_.seq == Sequence(0)) {
    report.seq = last_.seq.Next();
    last_ = std::move(report);
    hash_ = HashOf(last_);
  }
  for (std::size_t i = 0; i < taken; ++i)
    if (!checkpoints_[i].first) checkpoints_[i].first = last_.seq;
  changed_ = wanted_ = progressed_ = false;
  unacknowledged_since_ = taken_ = now;
  return last_;
}

}  // namespace everstep
