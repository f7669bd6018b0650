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

bool Training::Alive(const RankPlace& place) const {
  const auto gang = gangs_.find(place.gang);
  return gang != gangs_.end() && gang->second.ranks.contains(place.rank);
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

void Training::Start(const RankPlace& place, std::uint32_t world_size, const std::string& resume_from) {
  Gang& gang = gangs_[place.gang];
  gang.world_size = world_size;
  const auto pin = pins.find(resume_from);
  if (pin == pins.end() ? !resume_from.empty() : pin->second.torn)
    accuse_(Cat(place.gang.Str(), " resumes from ", resume_from, ", which is ", pin == pins.end() ? "not there" : "torn"));
  gang.step = pin == pins.end() ? 0 : pin->second.step;
  gang.ranks[place.rank] = place.machine;
  CheckAlone(place.gang);
  if (gang.ranks.size() < world_size) return;
  gang.complete = true;
  agenda_.After(1s + rng_.Jitter(2s), [this, key = place.gang] { Step(key); });  // imports, rendezvous
}

// Whoever runs can act: on a machine that stands still or has no power nobody does.
void Training::CheckAlone(const GangKey& key) {
  const auto acts = [this](const Gang& gang) {
    return std::any_of(gang.ranks.begin(), gang.ranks.end(),
                       [this](const auto& rank) { return network_.machine(rank.second).Runs(); });
  };
  const GangKey* first = nullptr;
  for (auto it = gangs_.lower_bound({key.job, Generation(0)}); it != gangs_.end() && it->first.job == key.job; ++it) {
    if (!acts(it->second)) continue;
    if (first) accuse_(Cat("two worlds: ranks of ", first->Str(), " and of ", it->first.Str(), " run at the same time"));
    first = &it->first;
  }
}

void Training::Resumed(int machine) {
  for (const GangKey& key : Running())
    for (const auto& [rank, at] : gangs_.at(key).ranks)
      if (at == machine) {
        CheckAlone(key);
        break;
      }
}

bool Training::Steps(const Gang& gang) const {
  if (gang.ranks.size() < gang.world_size) return false;
  for (const auto& [rank, machine] : gang.ranks) {
    const int next = gang.ranks.at((rank + 1) % gang.world_size);
    if (!network_.machine(machine).Runs()) return false;
    if (next != machine && !(network_.Passes(machine, next) && network_.Passes(next, machine))) return false;
  }
  return true;
}

void Training::Step(const GangKey& key) {
  const auto found = gangs_.find(key);
  if (found == gangs_.end() || found->second.ranks.empty() || found->second.ending) return;
  Gang& gang = found->second;
  const Script& script = scripts[key.job];
  if (Steps(gang)) {
    gang.stuck_since.reset();
    gang.step += script.save_every;
    if (script.bug && gang.step >= *script.bug) return Finish(key);
    if (gang.step >= script.steps) return Finish(key);
    Save(key, gang.step);
    return agenda_.After(script.step * static_cast<std::int64_t>(script.save_every), [this, key] { Step(key); });
  }
  if (!gang.stuck_since) gang.stuck_since = agenda_.now();
  if (agenda_.now() - *gang.stuck_since >= script.collective_timeout) {
    for (const auto& [rank, machine] : std::map(gang.ranks))
      if (network_.machine(machine).Runs()) Exit(key, rank, {.code = 1, .tail = std::string(kTimeout)});
    return agenda_.After(5s, [this, key] { Step(key); });  // who stood still finds out when it runs again
  }
  if (script.zombie_saves && gang.ranks.contains(0) && network_.machine(gang.ranks.at(0)).Runs()) Save(key, gang.step + 1);
  agenda_.After(1s, [this, key] { Step(key); });
}

void Training::Finish(const GangKey& key) {
  Gang& gang = gangs_.at(key);
  const Script& script = scripts[key.job];
  const bool bug = script.bug && gang.step >= *script.bug;
  gang.ending = true;
  for (const auto& [rank, machine] : gang.ranks)
    agenda_.After(rng_.Jitter(bug ? 20ms : 500ms), [this, key, rank, bug] {
      Exit(key, rank, bug ? RankExit{.code = 1, .tail = std::string(kBug)} : RankExit{.code = 0});
    });
}

void Training::Save(const GangKey& key, std::uint64_t step) {
  Gang& gang = gangs_.at(key);
  if (gang.saving) return;  // the one before is slow
  gang.saving = true;
  const std::string name = Cat("step-", step, ".pt");
  const std::uint64_t version = ++versions_;
  files[key.job][name] = {.writer = key.generation, .step = step, .version = version, .torn = true};
  agenda_.After(100ms + rng_.Jitter(scripts[key.job].save_max), [this, key, name, version] {
    Gang& writer = gangs_.at(key);
    writer.saving = false;
    const auto rank0 = writer.ranks.find(0);
    SavedFile& file = files[key.job][name];
    if (rank0 == writer.ranks.end() || !network_.machine(rank0->second).Runs() || file.version != version) return;
    file.torn = false;
    file.finished = agenda_.now();
  });
}

void Training::Exit(const GangKey& key, std::uint32_t rank, RankExit exit) {
  const auto found = gangs_.find(key);
  if (found == gangs_.end() || !found->second.ranks.contains(rank)) return;
  const int machine = found->second.ranks.at(rank);
  if (!network_.machine(machine).Runs())  // it gets there when its machine runs again, if it is still there then
    return agenda_.After(100ms, [this, key, rank, exit] { Exit(key, rank, exit); });
  found->second.ranks.erase(rank);
  const bool good = exit.code == 0u;
  exited_({machine, key, rank}, exit);
  if (!good) PeersNotice(key, machine);
}

void Training::Gone(const RankPlace& place) {
  const auto found = gangs_.find(place.gang);
  if (found == gangs_.end() || found->second.ranks.erase(place.rank) == 0) return;
  PeersNotice(place.gang, place.machine);
}

// The kernel of a machine that runs closes the dead rank's connections; one without power says nothing.
void Training::PeersNotice(const GangKey& key, int machine) {
  for (const auto& [rank, at] : gangs_.at(key).ranks) {
    const bool told = at == machine || network_.Passes(machine, at);
    if (!told || !gangs_.at(key).complete) continue;
    agenda_.After(1ms + rng_.Jitter(50ms), [this, key, rank, at] {
      if (network_.machine(at).Runs()) Exit(key, rank, {.code = 1, .tail = std::string(kVictim)});
    });
  }
}

bool Training::KillOne(const GangKey& key, Rng& dice, std::uint32_t signal) {
  const auto found = gangs_.find(key);
  if (found == gangs_.end() || found->second.ranks.empty()) return false;
  auto victim = found->second.ranks.begin();
  std::advance(victim, static_cast<std::ptrdiff_t>(dice.Below(found->second.ranks.size())));
  if (!network_.machine(victim->second).Runs()) return false;
  Exit(key, victim->first, {.signal = signal});
  return true;
}

}  // namespace everstep::sim
