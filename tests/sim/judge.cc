#include "tests/sim/judge.h"

#include <algorithm>

#include "base/text.h"
#include "launcher/core/recovery.h"
#include "launcher/daemon/codec.h"

namespace everstep::sim {

void Judge::Accuse(const std::string& what) {
  constexpr std::size_t kKept = 10;
  if (outcome_.violations.size() < kKept)
    outcome_.violations.push_back(Cat(Show(agenda_.now().time_since_epoch()), ": ", what));
}

void Judge::Decided(const World& world) {
  if (world.state.epoch < epoch_) Accuse("the epoch went back");
  if (world.state.epoch > epoch_) Forget();
  epoch_ = world.state.epoch;
  for (const JobId& job : acknowledged_)
    if (!JobIn(world.state, job)) Accuse(Cat(job, " was acknowledged and is not known any more"));
  std::map<NodeId, JobId> held;
  for (const auto& [id, job] : world.state.jobs) {
    DecidedOn(world, job);
    if (Ended(job.phase)) continue;
    for (const LiveGang& gang : job.live) {
      const auto [other, first] = held.try_emplace(gang.node, id);
      if (!first && other->second != id) Accuse(Cat(gang.node, " has gangs of ", id, " and of ", other->second));
    }
  }
  Members(world);
}

// A launcher that was killed may have decided what never became durable: nobody was told, and the next one decides again.
void Judge::Forget() {
  seen_.clear();
  member_.clear();
}

void Judge::DecidedOn(const World& world, const JobState& job) {
  JobSeen& seen = seen_[job.id];
  if (job.generation < seen.generation) Accuse(Cat(job.id, " went back to generation ", job.generation));
  if (const Generation ran = training_.Newest(job.id); job.generation < ran)
    Accuse(Cat(job.id, " is at generation ", job.generation, " and ranks of ", ran, " have run"));
  if (Ended(seen.phase) && (job.phase != seen.phase || job.generation != seen.generation))
    Accuse(Cat(job.id, " had ended as ", Name(seen.phase), " and is ", Name(job.phase), " now"));
  if (Ended(job.phase) && !job.live.empty()) Accuse(Cat(job.id, " has ended with gangs that may live"));
  if (job.generation > seen.generation) {
    if (seen.generation.value > 0) ++outcome_.restarts;
    for (const LiveGang& gang : job.live)
      if (gang.generation < job.generation && job.started)
        Accuse(Cat(job.id, ": generation ", job.generation, " started while ", gang.generation, " may live on ", gang.node));
    ResumesSoundly(job);
  }
  if (RestartsInWindow(job, world.state.now) > job.spec.restart.budget) Accuse(Cat(job.id, " has used more than its budget"));
  if (job.why.empty()) Accuse(Cat(job.id, " is ", Name(job.phase), " without a reason"));
  if (Ended(job.phase) && !Ended(seen.phase)) {
    outcome_.done += job.phase == JobPhase::done ? 1u : 0u;
    outcome_.failed += job.phase == JobPhase::failed ? 1 : 0;
    outcome_.cancelled += job.phase == JobPhase::cancelled ? 1 : 0;
  }
  seen = {job.generation, job.phase};
}

// What a generation is offered to resume from is whole, and written by the generation under whose name it was registered.
void Judge::ResumesSoundly(const JobState& job) {
  if (!job.resume) return;
  const auto record = std::find_if(job.checkpoints.begin(), job.checkpoints.end(),
                                   [&](const CheckpointRecord& r) { return r.id == *job.resume; });
  if (record == job.checkpoints.end()) return Accuse(Cat(job.id, " resumes from a checkpoint that is not on record"));
  const auto pin = training_.pins.find(record->seen.path);
  if (pin == training_.pins.end() || pin->second.torn) return Accuse(Cat(job.id, " is offered ", record->seen.path, ", torn"));
  if (pin->second.writer != record->seen.generation)
    Accuse(Cat(job.id, " is offered ", record->seen.path, " of generation ", pin->second.writer, " as one of ",
               record->seen.generation));
}

void Judge::Members(const World& world) {
  for (const auto& [id, node] : world.state.nodes) {
    const auto before = member_.find(id);
    if (before != member_.end() && before->second && !node.member) {
      ++outcome_.evictions;
      if (calm_) Accuse(Cat(id, " was evicted although nothing was wrong with it: ", node.why));
    }
    member_[id] = node.member;
  }
}

bool Judge::AllEnded() const {
  return std::all_of(acknowledged_.begin(), acknowledged_.end(), [this](const JobId& job) {
    const auto seen = seen_.find(job);
    return seen != seen_.end() && Ended(seen->second.phase);
  });
}

// The log alone gives the same state again.
void Judge::Replay(const World& world, const MemoryLog& log) {
  State state;
  if (log.snapshot) {
    const auto decoded = DecodeState(log.snapshot->bytes);
    if (!decoded) return Accuse("the snapshot cannot be read");
    state = *decoded;
  }
  for (const std::string& bytes : log.entries) {
    const auto entry = DecodeEntry(bytes);
    if (!entry) return Accuse("an entry of the log cannot be read");
    Apply(state, *entry);
  }
  if (state != world.state) Accuse("the log does not give the state that the launcher has");
}

void Judge::End(const World* world, const MemoryLog& log, const Training& training, std::size_t unanswered) {
  if (Convinced()) return;
  if (!world) return Accuse("there is no launcher although all faults are over");
  for (const auto& [id, seen] : seen_)
    if (!Ended(seen.phase)) Accuse(Cat(id, " is still ", Name(seen.phase), ": ", JobIn(world->state, id)->why));
  if (unanswered > 0) Accuse(Cat(unanswered, " submits were never answered"));
  for (const GangKey& gang : training.Running()) Accuse(Cat("ranks of ", gang.Str(), " still run"));
  Replay(*world, log);
}

}  // namespace everstep::sim
