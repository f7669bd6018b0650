// Alarms of hosts' monitors, and the people who see to what asks for hands.

#include <algorithm>

#include "base/text.h"
#include "launcher/core/host_health.h"
#include "tests/sim/cluster.h"

namespace everstep::sim {

namespace {

// What only time or a pass may end is among them as often as what somebody has to see to.
constexpr HealthAction kActions[] = {HealthAction::note,  HealthAction::app,   HealthAction::defer,  HealthAction::drain,
                                     HealthAction::drain, HealthAction::reset, HealthAction::reboot, HealthAction::replace};
constexpr Duration kRepairedWithin = 40s;  // after the alarm is over
constexpr Duration kAskedAgain = 5s;

bool AsksForHands(HealthAction action) { return action >= HealthAction::reset; }

}  // namespace

void Cluster::Raise(int host, const HostAlarm& alarm) {
  AgentProcess& agent = *agents_[static_cast<std::size_t>(host)];
  std::erase_if(agent.health.alarms, [&](const HostAlarm& known) { return known.check == alarm.check; });
  agent.health.alarms.push_back(alarm);
  agent.health.alarms.back().since = agenda_.now();
  if (agent.machine().Runs()) agent.HealthChanged();
}

void Cluster::Mend(int host, const std::string& check) {
  AgentProcess& agent = *agents_[static_cast<std::size_t>(host)];
  std::erase_if(agent.health.alarms, [&](const HostAlarm& known) { return known.check == check; });
  if (agent.machine().Runs()) agent.HealthChanged();
}

void Cluster::Flap(int host, const HostAlarm& alarm, Duration lasts) {
  if (lasts <= Duration(0) || healed_) return;
  Raise(host, alarm);
  After(1500ms, [this, host, check = alarm.check] { Mend(host, check); });
  After(3s, [this, host, alarm, lasts] { Flap(host, alarm, lasts - 3s); });
}

void Cluster::StrikeHealth(const Fault& fault) {
  Rng dice(fault.dice);
  const HealthAction action = kActions[dice.Below(std::size(kActions))];
  HostAlarm alarm{
      .check = Cat("sim.", Name(action)), .fail = true, .action = action, .why = "7, and > 3 is bad", .evidence = "dice"};
  const int host = fault.hosts.front();
  const Duration lasts = 10 * fault.lasts;
  if (fault.kind == FaultKind::alarm_everywhere) {
    alarm.check = "sim.everywhere";
    for (int one = 1; one <= options_.hosts; ++one) Raise(one, alarm);
    for (int one = 1; one <= options_.hosts; ++one) After(lasts, [this, one] { Mend(one, "sim.everywhere"); });
  } else if (fault.kind == FaultKind::alarm_flaps) {
    alarm.check = "sim.flaps";
    Flap(host, alarm, lasts);
  } else {
    Raise(host, alarm);
    After(lasts, [this, host, check = alarm.check] { Mend(host, check); });
  }
  const bool by_reboot = action == HealthAction::reboot && !options_.calm && dice.Below(2) == 0;
  if (AsksForHands(action)) After(lasts + dice.Jitter(kRepairedWithin), [this, host, by_reboot] { Repair(host, by_reboot); });
  if (dice.Below(4) == 0) launcher_->Ask(++tokens_, ClearNode{.node = NodeId(Cat('n', host)), .by = "operator"});
}

void Cluster::Repair(int host, bool by_reboot) {
  if (by_reboot) return PowerOff(host, 10s);
  launcher_->Ask(++tokens_, ClearNode{.node = NodeId(Cat('n', host)), .note = "reseated", .by = "operator"});
}

// A new boot: what the monitor of the last one knew is gone, and the new one has not looked yet.
void Cluster::BootHealth(int host) {
  AgentProcess& agent = *agents_[static_cast<std::size_t>(host)];
  agent.health = {};
  agent.HealthChanged();
  agenda_.After(1s + Rng(rng_.Next()).Jitter(10s), [&agent] {
    agent.health.watched = true;
    if (agent.machine().Runs()) agent.HealthChanged();
  });
}

// Once all is well, somebody sees to what does not come back by itself, until it has come back.
void Cluster::CareFor(int host) {
  const World* world = launcher_->world();
  const NodeState* node = world ? NodeIn(world->state, NodeId(Cat('n', host))) : nullptr;
  if (node && ((node->quarantine && AsksForHands(node->quarantine->action)) || KeptAway(world->state, *node)))
    launcher_->Ask(++tokens_, ClearNode{.node = node->node, .note = "replaced", .by = "operator"});
  agenda_.After(kAskedAgain, [this, host] { CareFor(host); });
}

bool Cluster::NobodyIsOut() const {
  const World* world = launcher_->world();
  return world && std::none_of(world->state.nodes.begin(), world->state.nodes.end(), [&](const auto& entry) {
           return entry.second.quarantine || KeptAway(world->state, entry.second);
         });
}

}  // namespace everstep::sim
