#include "tests/story/sim_host.h"

#include <algorithm>

#include "base/text.h"

namespace everstep {

RankExit ExitCode(std::uint32_t code, std::string tail) { return {.code = code, .tail = std::move(tail)}; }
RankExit Killed(std::uint32_t signal, bool oom) { return {.signal = signal, .oom_kill = oom}; }

BootId SimHost::Boot() const { return BootId(Cat(id, "-boot-", boots)); }

Report SimHost::MakeReport() {
  seq = seq.Next();
  return {.seq = seq, .gangs = amnesia ? std::vector<GangStatus>() : gangs, .checkpoints = checkpoints, .health = health};
}

Hello SimHost::MakeHello() {
  return {.protocol = limit::kProtocol,
          .version = "0.1.0",
          .node = id,
          .boot = Boot(),
          .state_id = amnesia ? "new" : "old",
          .incarnation = incarnation,
          .address = Cat(id, ":7470"),
          .job_address = id.value,
          .accelerators = accelerators,
          .report = MakeReport()};
}

Beat SimHost::MakeBeat(Time now) {
  beats = beats.Next();
  return {.seq = beats, .incarnation = incarnation, .sent = now};
}

GangStatus* SimHost::Gang(const JobId& job, Generation generation) {
  for (GangStatus& gang : gangs)
    if (gang.job == job && gang.generation == generation) return &gang;
  return nullptr;
}

GangStatus* SimHost::Newest(const JobId& job) {
  GangStatus* newest = nullptr;
  for (GangStatus& gang : gangs)
    if (gang.job == job && (!newest || gang.generation > newest->generation)) newest = &gang;
  return newest;
}

void SimHost::Obey(Time now, const ToAgent& command) {
  if (const auto* prepare = std::get_if<Prepare>(&command)) {
    const GangSpec& spec = prepare->gang;
    if (Gang(spec.job, spec.generation)) return;
    GangStatus gang{.job = spec.job, .generation = spec.generation, .phase = GangPhase::preparing};
    if (!refusals.empty()) {
      gang.phase = GangPhase::refused;
      gang.refusal = refusals.front().first;
      gang.why = refusals.front().second;
      refusals.erase(refusals.begin());
    } else if (prepares) {
      gang.phase = GangPhase::prepared;
      gang.checkpoint_dir_id = checkpoint_dir_id;
    }
    specs[{spec.job, spec.generation}] = spec;
    gangs.push_back(gang);
  } else if (const auto* start = std::get_if<Start>(&command)) {
    GangStatus* gang = Gang(start->job, start->generation);
    if (!starts || !gang || gang->phase != GangPhase::prepared) return;
    gang->phase = GangPhase::running;
    const GangSpec& spec = specs.at({start->job, start->generation});
    for (std::uint32_t i = 0; i < spec.local_world_size; ++i) gang->ranks.push_back({spec.first_rank + i, 100 + i, {}});
  } else if (const auto* stop = std::get_if<Stop>(&command)) {
    GangStatus* gang = Gang(stop->job, stop->generation);
    if (!gang || gang->phase == GangPhase::empty || gang->phase == GangPhase::refused) return;
    gang->why = stop->why;
    const Time kill = now + stop->grace;
    Time& at = kill_at.try_emplace({stop->job, stop->generation}, kill).first->second;
    at = std::min(at, kill);
    const bool runs = Alive(*gang);  // a Stop may come twice
    gang->phase = GangPhase::stopping;
    if (!runs) {
      gang->phase = GangPhase::empty;
    } else if (obeys_term) {
      Kill(now, *gang, 15);
    }
    RunTimers(now, 24h);
  } else if (const auto* forget = std::get_if<Forget>(&command)) {
    if (forget->for_good) left_for_good.insert(forget->job);
    std::erase_if(gangs, [&](const GangStatus& g) { return g.job == forget->job && g.generation == forget->generation; });
  } else if (const auto* welcome = std::get_if<Welcome>(&command)) {
    members.clear();
    for (const Peer& peer : welcome->peers) members.insert(peer.node);
  } else if (std::holds_alternative<ReportAck>(command)) {
    checkpoints.clear();
  }
}

void SimHost::EndRank(Time now, const JobId& job, std::uint32_t rank, RankExit exit) {
  GangStatus* gang = Newest(job);
  if (!gang) return;
  exit.at = now;
  for (RankStatus& status : gang->ranks)
    if (status.rank == rank && !status.exit) status.exit = exit;
  const bool over = std::all_of(gang->ranks.begin(), gang->ranks.end(), [](const RankStatus& r) { return r.exit.has_value(); });
  if (over && Alive(*gang)) gang->phase = GangPhase::empty;
}

void SimHost::Tell(const JobId& job, std::uint64_t step) {
  GangStatus* gang = Newest(job);
  if (gang && gang->phase == GangPhase::running) gang->progress = Progress{.step = step};
}

void SimHost::Kill(Time now, GangStatus& gang, std::uint32_t signal) {
  if (unkillable) return;
  for (RankStatus& status : gang.ranks)
    if (!status.exit) status.exit = RankExit{.signal = signal, .stopped_by_us = true, .at = now};
  gang.phase = GangPhase::empty;
}

void SimHost::RunTimers(Time now, Duration fence_after) {
  if (!powered || frozen) return;
  for (GangStatus& gang : gangs) {
    const auto kill = kill_at.find({gang.job, gang.generation});
    if (gang.phase == GangPhase::stopping && kill != kill_at.end() && now >= kill->second) Kill(now, gang, 9);
    if (!Alive(gang) || now - std::max(acked, round) < fence_after) continue;
    Kill(now, gang, 9);
    gang.fenced = gang.phase == GangPhase::empty;
    gang.why = "fenced: this host was cut off for longer than the fence time";
  }
}

void SimHost::PowerOff() {
  powered = agent = false;
  gangs.clear();
  specs.clear();
  kill_at.clear();
  checkpoints.clear();
}

void SimHost::PowerOn() {
  powered = agent = true;
  ++boots;
  incarnation = incarnation.Next();
  seq = Sequence();
  beats = Sequence();
  health = {};
}

}  // namespace everstep
