// How each kind of fault is brought about, and how it ends.

#include <vector>

#include "base/text.h"
#include "tests/sim/cluster.h"

namespace everstep::sim {

void Cluster::After(Duration lasts, std::function<void()> undo) {
  agenda_.After(lasts, [this, late = healed_, undo = std::move(undo)] {
    if (!healed_ || late) undo();  // all was healed at once, but for a drill that struck only then
  });
}

void Cluster::PowerOff(int index, Duration lasts) {
  Machine& machine = *machines_[static_cast<std::size_t>(index)];
  if (machine.power != Power::up) return;
  machine.power = Power::off;
  if (index == 0) {
    launcher_->Kill();
  } else {
    AgentProcess& agent = *agents_[static_cast<std::size_t>(index)];
    agent.Kill();
    agent.keepers.PowerLost();
    watch_[static_cast<std::size_t>(index)].stopped = false;
  }
  if (index > 0) Watch(index);
  After(lasts, [this, index] { PowerOn(index); });
}

void Cluster::PowerOn(int index) {
  Machine& machine = *machines_[static_cast<std::size_t>(index)];
  if (machine.power != Power::off) return;
  machine.power = Power::up;
  ++machine.boots;
  if (index > 0) Watch(index);
  if (index > 0) BootHealth(index);
  if (index == 0)
    launcher_->Start();
  else
    agents_[static_cast<std::size_t>(index)]->Start();
}

void Cluster::Pause(int index, Duration lasts) {
  Machine& machine = *machines_[static_cast<std::size_t>(index)];
  if (machine.power != Power::up) return;
  machine.power = Power::paused;
  machine.paused_at = agenda_.now();
  if (index > 0) Watch(index);
  After(lasts, [this, index, boots = machine.boots] {
    if (machines_[static_cast<std::size_t>(index)]->boots == boots) Resume(index);
  });
}

void Cluster::Resume(int index) {
  Machine& machine = *machines_[static_cast<std::size_t>(index)];
  if (machine.power != Power::paused) return;
  machine.power = Power::up;
  if (index > 0) Watch(index);
  if (index == 0) return launcher_->MachineResumed();
  agents_[static_cast<std::size_t>(index)]->MachineResumed(agenda_.now() - machine.paused_at);
  training_.Resumed(index);
}

void Cluster::CutOneWay(int from, int to, Duration lasts) {
  network_.Cut(from, to);
  After(lasts, [this, from, to] { network_.Heal(from, to); });
}

// `inside` from everyone else, both ways.
void Cluster::CutOff(const std::vector<int>& inside, Duration lasts) {
  for (const int a : inside)
    for (int b = 0; b <= options_.hosts; ++b) {
      if (std::find(inside.begin(), inside.end(), b) != inside.end()) continue;
      CutOneWay(a, b, lasts);
      CutOneWay(b, a, lasts);
    }
}

void Cluster::Flap(int host, Duration lasts) {
  if (lasts <= Duration(0) || healed_) return;
  CutOff({host}, 3s);
  After(6s, [this, host, lasts] { Flap(host, lasts - 6s); });
}

void Cluster::Strike(const Fault& fault) {
  const int host = fault.hosts.front();
  switch (fault.kind) {
    case FaultKind::rank_kill:
    case FaultKind::rank_exit:
    case FaultKind::rank_oom:
    case FaultKind::rank_stop:
    case FaultKind::rank_blocked: return StrikeRank(fault);
    case FaultKind::slow_host:
      training_.Slow(host, static_cast<int>(2 + fault.dice % 3));
      return After(10 * fault.lasts, [this, host] { training_.Slow(host, 1); });
    case FaultKind::poison_host:
      training_.Poison(host, true);
      return After(10 * fault.lasts, [this, host] { training_.Poison(host, false); });
    case FaultKind::power_loss: return PowerOff(host, fault.lasts);
    case FaultKind::rack_power_loss:
      for (const int one : fault.hosts) PowerOff(one, fault.lasts);
      return;
    case FaultKind::pause: return Pause(host, fault.lasts);
    case FaultKind::cut:
    case FaultKind::rack_cut:
    case FaultKind::cut_launcher:
    case FaultKind::deaf:
    case FaultKind::mute:
    case FaultKind::fabric_cut:
    case FaultKind::flap:
    case FaultKind::late_then_cut:
    case FaultKind::clog:
    case FaultKind::weather: return StrikeLinks(fault);
    case FaultKind::replay: return Replay(host, 5 * fault.lasts, fault.dice);
    case FaultKind::storage_stall:
    case FaultKind::storage_full:
    case FaultKind::checkpoint_rot: return StrikeStorage(fault);
    case FaultKind::cancel: return Cancel(fault);
    case FaultKind::drain: return Drain(fault);
    case FaultKind::preemption: return Preempt(fault);
    case FaultKind::drill: return Drill(fault);
    case FaultKind::alarm:
    case FaultKind::alarm_flaps:
    case FaultKind::alarm_everywhere: return StrikeHealth(fault);
    case FaultKind::keeper_kill:
      if (machines_[static_cast<std::size_t>(host)]->Runs())
        agents_[static_cast<std::size_t>(host)]->keepers.KillOne(fault.dice);
      return;
    case FaultKind::agent_kill:
    case FaultKind::agent_stop:
    case FaultKind::agent_disk:
    case FaultKind::agent_disk_fails:
    case FaultKind::refusal: return StrikeAgent(fault, *agents_[static_cast<std::size_t>(host)]);
    case FaultKind::launcher_kill:
    case FaultKind::launcher_stop:
    case FaultKind::launcher_power:
    case FaultKind::launcher_copy:
    case FaultKind::launcher_newer_log:
    case FaultKind::launcher_twin: return StrikeLauncher(fault);
    case FaultKind::launcher_disk:
    case FaultKind::launcher_disk_full:
    case FaultKind::launcher_fsync:
    case FaultKind::launcher_bit_flip:
    case FaultKind::launcher_misdirected_write:
    case FaultKind::launcher_lost_write: return StrikeLog(fault);
    case FaultKind::wall_jump:
    case FaultKind::wall_strobe: return JumpWall(fault);
  }
}

void Cluster::StrikeRank(const Fault& fault) {
  const std::vector<GangKey> running = training_.Running();
  if (running.empty()) return;
  Rng dice(fault.dice);
  const GangKey gang = running[dice.Below(running.size())];
  const RankExit exits[] = {{.code = 0}, {.code = 1, .tail = "RuntimeError: no such file"}, {.signal = 11}};
  switch (fault.kind) {
    case FaultKind::rank_exit: training_.EndOne(gang, dice, exits[dice.Below(std::size(exits))]); return;
    case FaultKind::rank_oom: training_.EndOne(gang, dice, {.signal = 9, .oom_kill = true}); return;
    case FaultKind::rank_stop: return training_.StopOne(gang, dice, 2 * fault.lasts);
    case FaultKind::rank_blocked: return training_.BlockOne(gang, dice, 2 * fault.lasts);
    default: training_.EndOne(gang, dice, {.signal = 9}); return;
  }
}

void Cluster::StrikeStorage(const Fault& fault) {
  Rng dice(fault.dice);
  if (fault.kind == FaultKind::checkpoint_rot) return training_.RotOne(dice);
  if (fault.kind == FaultKind::storage_stall) return training_.StallStorage(fault.lasts);
  training_.FillStorage(true);
  After(5 * fault.lasts, [this] { training_.FillStorage(false); });
}

void Cluster::StrikeLinks(const Fault& fault) {
  const int host = fault.hosts.front();
  switch (fault.kind) {
    case FaultKind::cut:
    case FaultKind::rack_cut: return CutOff(fault.hosts, fault.lasts);
    case FaultKind::cut_launcher: CutOneWay(0, host, fault.lasts); return CutOneWay(host, 0, fault.lasts);
    case FaultKind::deaf: return CutOneWay(0, host, fault.lasts);
    case FaultKind::mute: return CutOneWay(host, 0, fault.lasts);
    case FaultKind::flap: return Flap(host, 10 * fault.lasts);
    case FaultKind::fabric_cut: {
      const int other = 1 + (host + static_cast<int>(fault.dice % static_cast<std::uint64_t>(options_.hosts))) % options_.hosts;
      network_.CutFabric(host, other, 1);
      return After(2 * fault.lasts, [this, host, other] { network_.CutFabric(host, other, -1); });
    }
    case FaultKind::late_then_cut:
      network_.SetLate(0, host, 1s + Rng(fault.dice).Jitter(2500ms));
      return After(5s + fault.lasts, [this, host] {
        network_.SetLate(0, host, Duration(0));
        for (int other = 0; other <= options_.hosts; ++other) {
          if (other == host) continue;
          CutOneWay(host, other, 20s);
          if (other != 0) CutOneWay(other, host, 20s);
        }
      });
    case FaultKind::clog:
      for (int other = 0; other <= options_.hosts; ++other) {
        if (fault.dice % 3 != 0) network_.Clog(host, other, agenda_.now() + fault.lasts);
        if (fault.dice % 3 != 1) network_.Clog(other, host, agenda_.now() + fault.lasts);
      }
      return;
    default: return BadWeather(fault);
  }
}

void Cluster::Replay(int host, Duration lasts, std::uint64_t dice) {
  if (lasts <= Duration(0) || healed_) return;
  agents_[static_cast<std::size_t>(host)]->TakeOldMessage(dice);
  agenda_.After(300ms, [this, host, lasts, dice] { Replay(host, lasts - 300ms, Rng(dice).Next()); });
}

void Cluster::BadWeather(const Fault& fault) {
  Rng dice(fault.dice);
  if (options_.calm)  // 1 % loss, stalls that stay below the bound for suspicion
    network_.weather = {.delay_jitter = 5ms, .loss = 0.01, .linger = 2s};
  else
    network_.weather = {.delay_jitter = dice.Jitter(100ms),
                        .loss = 0.2 * dice.Unit(),
                        .stall = 0.02 * dice.Unit(),
                        .stall_max = 10s,
                        .linger = dice.Jitter(20s)};
  After(10 * fault.lasts, [this] { network_.weather = {}; });
}

void Cluster::Cancel(const Fault& fault) {
  const World* world = launcher_->world();
  if (!world || world->state.jobs.empty()) return;
  Rng dice(fault.dice);
  auto job = world->state.jobs.begin();
  std::advance(job, static_cast<std::ptrdiff_t>(dice.Below(world->state.jobs.size())));
  launcher_->Ask(++tokens_, CancelJob{.job = job->first, .now = dice.Below(2) == 0, .by = "user"});
  if (dice.Below(2) == 0) return;
  agenda_.After(dice.Jitter(20ms), [this, gang = GangKey{job->first, job->second.generation}, seed = dice.Next()] {
    Rng victim(seed);
    training_.EndOne(gang, victim, {.code = 1, .tail = "RuntimeError: no such file"});  // it fails as it is cancelled
  });
}

void Cluster::Drill(const Fault& fault) {
  using enum everstep::FaultKind;
  const std::vector<GangKey> running = training_.Running();
  if (running.empty()) return;
  Rng dice(fault.dice);
  const GangKey gang = running[dice.Below(running.size())];
  const everstep::FaultKind all[] = {rank_kill, hang, checkpoint_torn, freeze, link_cut, host_lost};
  InjectFault request{.job = gang.job, .generation = gang.generation, .by = "operator"};
  request.kind = all[dice.Below(options_.calm ? 3 : std::size(all))];
  request.rank = request.kind == checkpoint_torn ? 0 : static_cast<std::uint32_t>(dice.Below(3));
  request.lasts = request.kind == hang ? 30s : fault.lasts;
  launcher_->Ask(++tokens_, request);
}

// What the agent on this machine does when it is told to.
void Cluster::Injected(int index, const GangKey& gang, const everstep::Fault& drill) {
  using enum everstep::FaultKind;
  Trace(Cat(machines_[static_cast<std::size_t>(index)]->name, ": a drill strikes ", gang.Str(), ": ", Name(drill.kind)));
  AgentProcess& agent = *agents_[static_cast<std::size_t>(index)];
  switch (drill.kind) {
    case rank_kill: return training_.End({index, gang, drill.rank}, {.signal = 9});
    case hang: return training_.Stop({index, gang, drill.rank}, drill.lasts);
    case freeze: return agenda_.After(0s, [this, index, drill] { Pause(index, drill.lasts); });
    case host_lost: agent.keepers.Kill(gang); [[fallthrough]];
    default: return StopAgent(agent, drill.lasts);
  }
}

// The operator asks until somebody hears it: what is drained does not stay so.
void Cluster::Drain(const Fault& fault) {
  const NodeId node(machines_[static_cast<std::size_t>(fault.hosts.front())]->name);
  launcher_->Ask(++tokens_, DrainNode{.node = node, .reason = "fans", .by = "operator", .now = fault.dice % 2 == 0});
  agenda_.After(2 * fault.lasts, [this, node] { Undrain(node); });
}

// As the site's hook answers a cloud's notice: `everstep drain HOST --now`, and the power goes when the notice said, whether
// the host was empty by then or not. What comes back at the address is another machine, and is taken in again.
void Cluster::Preempt(const Fault& fault) {
  const int host = fault.hosts.front();
  const NodeId node(machines_[static_cast<std::size_t>(host)]->name);
  launcher_->Ask(++tokens_, DrainNode{.node = node, .reason = "is taken away", .by = "notice", .now = true});
  After(fault.lasts, [this, host, off = 5s + Rng(fault.dice).Jitter(40s)] { PowerOff(host, off); });
  agenda_.After(fault.lasts + 45s, [this, node] { Undrain(node); });
}

void Cluster::Undrain(const NodeId& node) {
  judge_.MayUndrain(node);
  const World* world = launcher_->world();
  const NodeState* known = world ? NodeIn(world->state, node) : nullptr;
  if (known && !known->drain && launcher_->Quiet()) return;
  launcher_->Ask(++tokens_, UndrainNode{.node = node, .by = "operator"});
  agenda_.After(5s, [this, node] { Undrain(node); });
}

void Cluster::StopAgent(AgentProcess& agent, Duration lasts) {
  bool& stopped = watch_[static_cast<std::size_t>(agent.machine().index)].stopped;
  agent.StopProcess();
  stopped = true;
  After(lasts, [&agent, &stopped] {
    agent.ContinueProcess();
    stopped = false;
  });
}

void Cluster::StrikeAgent(const Fault& fault, AgentProcess& agent) {
  if (!agent.machine().Runs()) return;
  switch (fault.kind) {
    case FaultKind::agent_kill:
      agent.Kill();
      watch_[static_cast<std::size_t>(agent.machine().index)].stopped = false;
      return agent.StartSoon();
    case FaultKind::agent_stop: return StopAgent(agent, fault.lasts);
    case FaultKind::agent_disk:
      agent.disk.stall = 0.5;
      agent.disk.stall_max = fault.lasts;
      return After(10 * fault.lasts, [&agent] { agent.disk.stall = 0; });
    case FaultKind::agent_disk_fails:
      agent.disk.fails = true;
      return After(2 * fault.lasts, [&agent] { agent.disk.fails = false; });
    default:
      agent.refuses = "workdir /srv: no such directory";
      return After(10 * fault.lasts, [&agent] { agent.refuses.reset(); });
  }
}

void Cluster::StrikeLauncher(const Fault& fault) {
  if (fault.kind == FaultKind::launcher_power) return PowerOff(0, fault.lasts);
  if (!launcher_->machine().Runs()) return;
  if (fault.kind == FaultKind::launcher_kill) {
    launcher_->Kill();
    return launcher_->StartSoon();
  }
  if (fault.kind == FaultKind::launcher_newer_log) return launcher_->MeetNewerLog();
  if (fault.kind == FaultKind::launcher_copy) {
    if (launcher_->Alive()) judge_.LogIsCopied();
    return launcher_->SupersedeByCopy(fault.lasts);
  }
  if (fault.kind == FaultKind::launcher_twin) {
    if (fault.dice % 2 == 0) return launcher_->Supersede(fault.lasts);
    if (!launcher_->SecondIsRefused()) Accuse("I2: a second launcher was let in on a log that is in use");
    return;
  }
  launcher_->StopProcess();
  After(fault.lasts, [this] { launcher_->ContinueProcess(); });
}

void Cluster::StrikeLog(const Fault& fault) {
  switch (fault.kind) {
    case FaultKind::launcher_disk:
      launcher_->disk = {.stall = 0.5, .stall_max = fault.lasts};
      return After(10 * fault.lasts, [this] { launcher_->disk = {}; });
    case FaultKind::launcher_disk_full: log_.SetFull(true); return After(5 * fault.lasts, [this] { log_.SetFull(false); });
    case FaultKind::launcher_fsync: return log_.FailSoon();
    case FaultKind::launcher_bit_flip:
      if (!launcher_->machine().Runs()) return;
      launcher_->Kill();
      if (log_.FlipBit()) Trace("launcher: a bit of its files has flipped");
      return launcher_->StartSoon();
    default:
      if (!launcher_->machine().Runs()) return;
      PowerOff(0, fault.lasts);
      if (fault.kind == FaultKind::launcher_lost_write ? log_.LoseWrite() : log_.MisdirectWrite())
        Trace("launcher: its drive has lost what it had called flushed, or put it elsewhere");
  }
}

void Cluster::JumpWall(const Fault& fault) {
  if (!options_.wall_jumps) return;
  if (fault.kind == FaultKind::wall_strobe) return Strobe(2 * fault.lasts, 200ms);
  const Duration jump = 1h + Rng(fault.dice).Jitter(24h);
  launcher_->wall_shift += fault.dice % 2 == 0 ? jump : -jump;
}

void Cluster::Strobe(Duration lasts, Duration jump) {
  if (lasts <= Duration(0) || healed_) return;
  launcher_->wall_shift += jump;
  agenda_.After(100ms, [this, lasts, jump] { Strobe(lasts - 100ms, -jump); });
}

}  // namespace everstep::sim
