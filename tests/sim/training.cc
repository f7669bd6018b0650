#include "tests/sim/training.h"

#include <algorithm>
#include <cstdint>
#include <iterator>

#include "base/text.h"

namespace everstep::sim {

namespace {

constexpr std::string_view kVictim = "RuntimeError: Connection closed by peer [10.0.0.1]:34567";
constexpr std::string_view kTimeout = "RuntimeError: Timed out waiting 60000ms for recv operation to complete";
constexpr std::string_view kBug = "ValueError: loss is nan";

}  // namespace

// ---- what others ask -----------------------------------------------------------------------------------------------------

bool Training::Alive(const RankPlace& place) const {
  const auto gang = gangs_.find(place.gang);
  return gang != gangs_.end() && gang->second.ranks.contains(place.rank);
}

bool Training::Hears(const RankPlace& place) const {
  const auto gang = gangs_.find(place.gang);
  if (gang == gangs_.end()) return true;
  const auto rank = gang->second.ranks.find(place.rank);
  return rank == gang->second.ranks.end() || (!rank->second.stopped && !rank->second.blocked);
}

bool Training::Blocked(const RankPlace& place) const {
  const auto gang = gangs_.find(place.gang);
  if (gang == gangs_.end()) return false;
  const auto rank = gang->second.ranks.find(place.rank);
  return rank != gang->second.ranks.end() && rank->second.blocked;
}

Generation Training::Newest(const JobId& job) const {
  const auto after = gangs_.upper_bound({job, Generation(UINT64_MAX)});
  return after != gangs_.begin() && std::prev(after)->first.job == job ? std::prev(after)->first.generation : Generation(0);
}

std::vector<GangKey> Training::Running() const {
  std::vector<GangKey> running;
  for (const auto& [key, gang] : gangs_)
    if (!gang.ranks.empty()) running.push_back(key);
  return running;
}

std::vector<GangKey> Training::On(int machine) const {
  std::vector<GangKey> found;
  for (const auto& [key, gang] : gangs_)
    for (const auto& [number, rank] : gang.ranks)
      if (rank.machine == machine) {
        found.push_back(key);
        break;
      }
  return found;
}

std::optional<Training::Failure> Training::FirstFailure(const GangKey& key) const {
  const auto gang = gangs_.find(key);
  return gang == gangs_.end() ? std::nullopt : gang->second.failure;
}

const std::string* Training::ResumedFrom(const GangKey& key) const {
  const auto gang = gangs_.find(key);
  return gang == gangs_.end() ? nullptr : &gang->second.resume;
}

// Whoever runs can act: on a machine that stands still or has no power nobody does, and one who is killed but for a system call
// only ends.
bool Training::ActsNow(const Gang& gang) const {
  return std::any_of(gang.ranks.begin(), gang.ranks.end(),
                     [this](const auto& rank) { return network_.machine(rank.second.machine).Runs() && !rank.second.doomed; });
}

bool Training::Acts(const JobId& job) const {
  for (auto it = gangs_.lower_bound({job, Generation(0)}); it != gangs_.end() && it->first.job == job; ++it)
    if (ActsNow(it->second)) return true;
  return false;
}

// ---- steps ---------------------------------------------------------------------------------------------------------------

void Training::Come(const RankPlace& place, std::uint32_t world_size) {
  Gang& gang = gangs_[place.gang];
  if (gang.ranks.empty() && !gang.complete) gang.booked = agenda_.now();
  if (starting) starting(place);
  if (!gang.ever.insert(place.rank).second)
    accuse_(Cat("I7: rank ", place.rank, " of ", place.gang.Str(), " is started twice"));
  gang.world_size = world_size;
  gang.ranks[place.rank] = {.machine = place.machine};
  CheckAlone(place.gang);
}

void Training::StartProbe(const RankPlace& place, std::uint32_t world_size) {
  Come(place, world_size);
  Gang& gang = gangs_.at(place.gang);
  gang.probe = true;
  if (gang.ever.size() == 1) agenda_.After(40s, [this, key = place.gang] { GiveUpWaiting(key); });
  if (gang.ranks.size() < world_size || gang.complete) return;
  gang.complete = true;
  agenda_.After(300ms + rng_.Jitter(2s), [this, key = place.gang] { ProbeEnds(key); });
}

// As everstep-probe does: who does not answer is named by rank 0 after a while, a bad host at once.
void Training::ProbeEnds(const GangKey& key) {
  const Gang& gang = gangs_.at(key);
  const auto first = gang.ranks.find(0);
  if (gang.ranks.size() < gang.world_size || first == gang.ranks.end()) return;  // they have noticed
  std::string verdicts;
  bool silent = false;
  for (const auto& [number, rank] : gang.ranks) {
    const bool answers = RankRuns(rank) && network_.Joined(first->second.machine, rank.machine);
    silent = silent || !answers;
    if (!answers && number > 0) verdicts += Cat("everstep-probe: verdict gone ", number, ": does not answer\n");
    if (answers && poison_.contains(rank.machine))
      verdicts += Cat("everstep-probe: verdict host ", number, ": HOST: fails with all\n");
  }
  if (silent) return agenda_.After(13s, [this, key, verdicts] { ProbeFinds(key, verdicts); });
  if (!verdicts.empty()) return ProbeFinds(key, verdicts);
  for (const auto& [number, rank] : std::map(gang.ranks)) Exit(key, number, {.code = 0});
}

void Training::ProbeFinds(const GangKey& key, const std::string& verdicts) {
  for (const auto& [number, rank] : std::map(gangs_.at(key).ranks))
    Exit(key, number, {.code = 1, .tail = number == 0 ? verdicts : std::string("everstep-probe: a rank does not answer")});
}

void Training::Start(const RankPlace& place, std::uint32_t world_size, const std::string& resume_from) {
  Gang& before = gangs_[place.gang];
  if (!before.ranks.empty() && before.resume != resume_from)
    accuse_(Cat("I8: ranks of ", place.gang.Str(), " resume from ", before.resume, " and from ", resume_from));
  Come(place, world_size);
  Gang& gang = gangs_.at(place.gang);
  gang.saves_block = scripts[place.gang.job].saves_block;
  gang.resume = resume_from;
  const auto pin = pins.find(resume_from);
  if (pin == pins.end() ? !resume_from.empty() : pin->second.torn)
    accuse_(
        Cat("I8: ", place.gang.Str(), " resumes from ", resume_from, ", which is ", pin == pins.end() ? "not there" : "torn"));
  gang.step = pin == pins.end() ? 0 : pin->second.step;
  JobTruth& truth = truth_[place.gang.job];
  if (!truth.first) truth.first = agenda_.now();
  if (poison_.contains(place.machine))
    agenda_.After(rng_.Jitter(3s), [this, place] {
      Exit(place.gang, place.rank, {.code = 1, .tail = "RuntimeError: CUDA error: uncorrectable ECC error encountered"});
    });
  if (gang.ever.size() == 1)
    agenda_.After(2 * scripts[place.gang.job].collective_timeout, [this, key = place.gang] { GiveUpWaiting(key); });
  if (gang.ranks.size() < world_size || gang.complete) return;
  gang.complete = true;
  agenda_.After(1s + rng_.Jitter(2s), [this, key = place.gang] { Step(key); });  // imports, rendezvous
}

// Some rank never came to the rendezvous, or had ended by then.
void Training::GiveUpWaiting(const GangKey& key) {
  const Gang& gang = gangs_.at(key);
  if (gang.complete) return;
  std::string absent;
  for (std::uint32_t rank = 1; gang.probe && rank < gang.world_size; ++rank)
    if (!gang.ranks.contains(rank)) absent += Cat("everstep-probe: verdict absent ", rank, ": has not come\n");
  if (gang.probe) return ProbeFinds(key, absent);
  for (const auto& [number, rank] : std::map(gang.ranks)) Exit(key, number, {.code = 1, .tail = std::string(kTimeout)});
}

void Training::CheckAlone(const GangKey& key) {
  const GangKey* first = nullptr;
  for (auto it = gangs_.lower_bound({key.job, Generation(0)}); it != gangs_.end() && it->first.job == key.job; ++it) {
    if (!ActsNow(it->second)) continue;
    if (first) accuse_(Cat("I3: two worlds: ranks of ", first->Str(), " and of ", it->first.Str(), " run at the same time"));
    first = &it->first;
  }
}

void Training::Resumed(int machine) {
  for (const GangKey& key : On(machine)) CheckAlone(key);
}

bool Training::RankRuns(const Rank& rank) const {
  return network_.machine(rank.machine).Runs() && !rank.stopped && !rank.blocked;
}

bool Training::Steps(const Gang& gang) const {
  if (gang.ranks.size() < gang.world_size || (gang.saving && gang.saves_block)) return false;
  for (const auto& [number, rank] : gang.ranks)
    if (!RankRuns(rank) || !network_.Joined(rank.machine, gang.ranks.at((number + 1) % gang.world_size).machine)) return false;
  return true;
}

void Training::Book(const GangKey& key, Duration JobTruth::*part) {
  Gang& gang = gangs_.at(key);
  JobTruth& truth = truth_[key.job];
  truth.*part += agenda_.now() - gang.booked;
  gang.booked = truth.last = agenda_.now();
}

void Training::Stand(const GangKey& key) {
  const Gang& gang = gangs_.at(key);
  Book(key, gang.saving && gang.saves_block ? &JobTruth::saving : &JobTruth::stuck);
}

// Called after each chunk of save_every steps, and while there are none once a second.
void Training::Step(const GangKey& key) {
  const auto found = gangs_.find(key);
  if (found == gangs_.end() || found->second.ranks.empty() || found->second.ending) return;
  Gang& gang = found->second;
  const Script& script = scripts[key.job];
  if (Steps(gang)) {
    gang.stuck_since.reset();
    int slow = 1;
    for (const auto& [number, rank] : gang.ranks)
      if (const auto at = slow_.find(rank.machine); at != slow_.end()) slow = std::max(slow, at->second);
    Stand(key);
    return agenda_.After(script.step * static_cast<std::int64_t>(script.save_every) * slow, [this, key] {
      const auto gone_on = gangs_.find(key);
      if (gone_on->second.ranks.empty() || gone_on->second.ending) return;
      if (!Steps(gone_on->second)) return Step(key);
      Book(key, &JobTruth::stepping);
      Gang& now = gone_on->second;
      const Script& its = scripts[key.job];
      now.step += its.save_every;
      JobTruth& truth = truth_[key.job];
      truth.executed += its.save_every;
      truth.reached = std::max(truth.reached, now.step);
      if (now.ranks.contains(0)) stepped_({now.ranks.at(0).machine, key, 0}, now.step);
      if ((its.bug && now.step >= *its.bug) || now.step >= its.steps) return Finish(key);
      Save(key, now.step);
      Step(key);
    });
  }
  if (!gang.stuck_since) gang.stuck_since = agenda_.now();
  if (agenda_.now() - *gang.stuck_since >= script.collective_timeout) {
    for (const auto& [number, rank] : std::map(gang.ranks))
      if (RankRuns(rank)) Exit(key, number, {.code = 1, .tail = std::string(kTimeout)});
    return agenda_.After(5s, [this, key] { Step(key); });  // who stood still finds out when it runs again
  }
  if (script.zombie_saves && gang.ranks.contains(0) && RankRuns(gang.ranks.at(0))) Save(key, gang.step + 1);
  agenda_.After(gang.saving && gang.saves_block ? 200ms : 1s, [this, key] { Step(key); });
}

void Training::Finish(const GangKey& key) {
  Gang& gang = gangs_.at(key);
  const Script& script = scripts[key.job];
  const bool bug = script.bug && gang.step >= *script.bug;
  gang.ending = true;
  for (const auto& [number, rank] : gang.ranks)
    agenda_.After(rng_.Jitter(bug ? 20ms : 500ms), [this, key, rank = number, bug] {
      Exit(key, rank, bug ? RankExit{.code = 1, .tail = std::string(kBug)} : RankExit{.code = 0});
    });
}

// ---- saves ---------------------------------------------------------------------------------------------------------------

void Training::Save(const GangKey& key, std::uint64_t step) {
  Gang& gang = gangs_.at(key);
  if (gang.saving) return;  // the one before is slow
  gang.saving = true;
  const std::string name = Cat("step-", step, ".pt");
  const std::uint64_t version = ++versions_;
  files[key.job][name] = {.writer = key.generation, .step = step, .version = version, .torn = true};
  if (pins_follow)
    for (auto& [path, pin] : pins)
      if (path.find(Cat('/', key.job, '/', name, '#')) != std::string::npos) pin = files[key.job][name];
  const Duration longest = healed_ ? std::min<Duration>(1s, scripts[key.job].save_max) : scripts[key.job].save_max;
  agenda_.After(100ms + rng_.Jitter(longest), [this, key, name, version] { Written(key, name, version); });
}

// The last write of a save returns, unless the file system stands still. The writer may have died meanwhile: what the kernel
// had in hand gets there all the same, by chance.
void Training::Written(const GangKey& key, const std::string& name, std::uint64_t version) {
  if (storage_back_ > agenda_.now())
    return agenda_.At(storage_back_, [this, key, name, version] { Written(key, name, version); });
  Gang& writer = gangs_.at(key);
  const auto rank0 = writer.ranks.find(0);
  if (rank0 != writer.ranks.end() && rank0->second.blocked)
    return agenda_.At(*rank0->second.blocked, [this, key, name, version] { Written(key, name, version); });
  Stand(key);
  writer.saving = false;
  const auto file = files[key.job].find(name);  // it may have been moved aside
  if (file == files[key.job].end() || file->second.version != version || storage_full_) return;
  const bool alive = rank0 != writer.ranks.end() && network_.machine(rank0->second.machine).Runs();
  if (!alive || rank0->second.stopped || (rank0->second.doomed && rng_.Below(2) == 0)) return;
  file->second.torn = false;
  file->second.finished = agenda_.now();
}

void Training::RotOne(Rng& dice) {
  if (pins.empty()) return;
  auto pin = pins.begin();
  std::advance(pin, static_cast<std::ptrdiff_t>(dice.Below(pins.size())));
  pin->second.version = ++versions_;  // another inode, size or digest
}

// ---- ends ----------------------------------------------------------------------------------------------------------------

void Training::Exit(const GangKey& key, std::uint32_t rank, RankExit exit) {
  const auto found = gangs_.find(key);
  if (found == gangs_.end() || !found->second.ranks.contains(rank)) return;
  const Rank& now = found->second.ranks.at(rank);
  if (!RankRuns(now) && !(now.stopped && exit.signal == 9u))  // it gets there when it runs again, if it is still there then
    return agenda_.After(100ms, [this, key, rank, exit] { Exit(key, rank, exit); });
  const int machine = now.machine;
  Stand(key);
  found->second.ranks.erase(rank);
  const bool good = exit.code == 0u;
  if (!good && !found->second.failure) found->second.failure = Failure{agenda_.now(), network_.machine(machine).name};
  exited_({machine, key, rank}, exit);
  if (!good) PeersNotice(key, rank, machine);
}

bool Training::Kill(const RankPlace& place) {
  const auto found = gangs_.find(place.gang);
  if (found == gangs_.end()) return true;
  const auto rank = found->second.ranks.find(place.rank);
  if (rank == found->second.ranks.end()) return true;
  if (rank->second.blocked) {
    rank->second.doomed = true;
    return false;
  }
  Gone(place);
  return true;
}

void Training::Gone(const RankPlace& place) {
  const auto found = gangs_.find(place.gang);
  if (found == gangs_.end() || !found->second.ranks.contains(place.rank)) return;
  Stand(place.gang);
  found->second.ranks.erase(place.rank);
  PeersNotice(place.gang, place.rank, place.machine);
}

// The kernel of a machine that runs closes the dead rank's connections; one without power says nothing.
void Training::PeersNotice(const GangKey& key, std::uint32_t dead, int machine) {
  for (const auto& [number, rank] : gangs_.at(key).ranks) {
    if (!network_.Joined(machine, rank.machine) && rank.machine != machine) continue;
    if (!gangs_.at(key).complete) continue;
    const bool tells = gangs_.at(key).probe && number == 0;
    const std::string tail = tells ? Cat("everstep-probe: verdict gone ", dead, ": is gone\n") : std::string(kVictim);
    agenda_.After(1ms + rng_.Jitter(50ms), [this, key, rank = number, at = rank.machine, tail] {
      if (network_.machine(at).Runs()) Exit(key, rank, {.code = 1, .tail = tail});
    });
  }
}

// ---- faults --------------------------------------------------------------------------------------------------------------

Training::Rank* Training::Drawn(const GangKey& key, Rng& dice, std::uint32_t& rank) {
  const auto found = gangs_.find(key);
  if (found == gangs_.end() || found->second.ranks.empty()) return nullptr;
  auto victim = found->second.ranks.begin();
  std::advance(victim, static_cast<std::ptrdiff_t>(dice.Below(found->second.ranks.size())));
  if (!network_.machine(victim->second.machine).Runs()) return nullptr;
  rank = victim->first;
  return &victim->second;
}

bool Training::EndOne(const GangKey& key, Rng& dice, RankExit exit) {
  std::uint32_t number = 0;
  if (!Drawn(key, dice, number)) return false;
  Exit(key, number, std::move(exit));
  return true;
}

void Training::StopOne(const GangKey& key, Rng& dice, Duration lasts) {
  std::uint32_t number = 0;
  const Rank* const rank = Drawn(key, dice, number);
  if (rank) Stop({rank->machine, key, number}, lasts);
}

void Training::Stop(const RankPlace& place, Duration lasts) {
  const auto found = gangs_.find(place.gang);
  if (found == gangs_.end() || !found->second.ranks.contains(place.rank)) return;
  found->second.ranks.at(place.rank).stopped = true;
  agenda_.After(lasts, [this, key = place.gang, number = place.rank] {
    const auto still = gangs_.at(key).ranks.find(number);
    if (still != gangs_.at(key).ranks.end()) still->second.stopped = false;
  });
}

void Training::BlockOne(const GangKey& key, Rng& dice, Duration lasts) {
  std::uint32_t number = 0;
  Rank* const rank = Drawn(key, dice, number);
  if (!rank || rank->blocked) return;
  rank->blocked = agenda_.now() + lasts;
  agenda_.At(*rank->blocked, [this, key, number] { Unblock(key, number); });
}

void Training::Unblock(const GangKey& key, std::uint32_t number) {
  const auto rank = gangs_.at(key).ranks.find(number);
  if (rank == gangs_.at(key).ranks.end() || !rank->second.blocked) return;
  rank->second.blocked.reset();
  if (!rank->second.doomed) return CheckAlone(key);
  const int machine = rank->second.machine;
  Gone({machine, key, number});
  exited_({machine, key, number}, {.signal = 9, .stopped_by_us = true});
}

void Training::Heal() {
  healed_ = true;  // saves are no slower than they should be
  slow_.clear();
  poison_.clear();
  storage_back_ = agenda_.now();
  storage_full_ = false;
  for (const GangKey& key : Running()) {
    std::vector<std::uint32_t> numbers;
    for (auto& [number, rank] : gangs_.at(key).ranks) {
      rank.stopped = false;
      numbers.push_back(number);
    }
    for (const std::uint32_t number : numbers) Unblock(key, number);
  }
}

}  // namespace everstep::sim
