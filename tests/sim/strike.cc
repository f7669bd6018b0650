// How each kind of fault is brought about, and how it ends.

#include <vector>

#include "base/text.h"
#include "tests/sim/cluster.h"

namespace everstep::sim {

void Cluster::After(Duration lasts, std::function<void()> undo) {
  agenda_.After(lasts, [this, undo = std::move(undo)] {
    if (!healed_) undo();  // all was healed at once
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
  }
  After(lasts, [this, index] { PowerOn(index); });
}

void Cluster::PowerOn(int index) {
  Machine& machine = *machines_[static_cast<std::size_t>(index)];
  if (machine.power != Power::off) return;
  machine.power = Power::up;
  ++machine.boots;
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
  After(lasts, [this, index, boots = machine.boots] {
    if (machines_[static_cast<std::size_t>(index)]->boots == boots) Resume(index);
  });
}

void Cluster::Resume(int index) {
  Machine& machine = *machines_[static_cast<std::size_t>(index)];
  if (machine.power != Power::paused) return;
  machine.power = Power::up;
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
    case FaultKind::rank_kill: return KillRank(fault);
    case FaultKind::power_loss: return PowerOff(host, fault.lasts);
    case FaultKind::rack_power_loss:
      for (const int one : fault.hosts) PowerOff(one, fault.lasts);
      return;
    case FaultKind::pause: return Pause(host, fault.lasts);
    case FaultKind::cut:
    case FaultKind::rack_cut: return CutOff(fault.hosts, fault.lasts);
    case FaultKind::cut_launcher: CutOneWay(0, host, fault.lasts); return CutOneWay(host, 0, fault.lasts);
    case FaultKind::deaf: return CutOneWay(0, host, fault.lasts);
    case FaultKind::mute: return CutOneWay(host, 0, fault.lasts);
    case FaultKind::flap: return Flap(host, 10 * fault.lasts);
    case FaultKind::weather: return BadWeather(fault);
    case FaultKind::cancel: return Cancel(fault);
    case FaultKind::agent_kill:
    case FaultKind::agent_stop:
    case FaultKind::agent_disk:
    case FaultKind::refusal: return StrikeAgent(fault, *agents_[static_cast<std::size_t>(host)]);
    case FaultKind::launcher_kill:
    case FaultKind::launcher_stop:
    case FaultKind::launcher_power:
    case FaultKind::launcher_disk:
    case FaultKind::wall_jump: return StrikeLauncher(fault);
  }
}

void Cluster::KillRank(const Fault& fault) {
  const std::vector<GangKey> running = training_.Running();
  Rng dice(fault.dice);
  if (!running.empty()) training_.KillOne(running[dice.Below(running.size())], dice, 9);
}

void Cluster::BadWeather(const Fault& fault) {
  Rng dice(fault.dice);
  if (options_.calm)  // 1 % loss, stalls that stay below the bound for suspicion
    network_.weather = {.delay_jitter = 5ms, .loss = 0.01};
  else
    network_.weather = {
        .delay_jitter = dice.Jitter(100ms), .loss = 0.2 * dice.Unit(), .stall = 0.02 * dice.Unit(), .stall_max = 10s};
  After(10 * fault.lasts, [this] { network_.weather = {}; });
}

void Cluster::Cancel(const Fault& fault) {
  const World* world = launcher_->world();
  if (!world || world->state.jobs.empty()) return;
  Rng dice(fault.dice);
  auto job = world->state.jobs.begin();
  std::advance(job, static_cast<std::ptrdiff_t>(dice.Below(world->state.jobs.size())));
  launcher_->Ask(++tokens_, CancelJob{.job = job->first, .now = dice.Below(2) == 0, .by = "user"});
}

void Cluster::StrikeAgent(const Fault& fault, AgentProcess& agent) {
  if (!agent.machine().Runs()) return;
  if (fault.kind == FaultKind::agent_kill) {
    agent.Kill();
    return agent.StartSoon();
  }
  if (fault.kind == FaultKind::agent_stop) {
    agent.StopProcess();
    return After(fault.lasts, [&agent] { agent.ContinueProcess(); });
  }
  if (fault.kind == FaultKind::agent_disk) {
    agent.disk = {.stall = 0.5, .stall_max = fault.lasts};
    return After(10 * fault.lasts, [&agent] { agent.disk = {}; });
  }
  agent.refuses = "workdir /srv: no such directory";
  After(10 * fault.lasts, [&agent] { agent.refuses.reset(); });
}

void Cluster::StrikeLauncher(const Fault& fault) {
  if (fault.kind == FaultKind::wall_jump) {
    const Duration jump = 1h + Rng(fault.dice).Jitter(24h);
    launcher_->wall_shift += fault.dice % 2 == 0 ? jump : -jump;
    return;
  }
  if (fault.kind == FaultKind::launcher_power) return PowerOff(0, fault.lasts);
  if (!launcher_->machine().Runs()) return;
  if (fault.kind == FaultKind::launcher_kill) {
    launcher_->Kill();
    return launcher_->StartSoon();
  }
  if (fault.kind == FaultKind::launcher_stop) {
    launcher_->StopProcess();
    return After(fault.lasts, [this] { launcher_->ContinueProcess(); });
  }
  launcher_->disk = {.stall = 0.5, .stall_max = fault.lasts};
  After(10 * fault.lasts, [this] { launcher_->disk = {}; });
}

}  // namespace everstep::sim
