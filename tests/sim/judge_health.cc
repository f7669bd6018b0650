// What the judge says of hosts whose own checks have something against them (I26). Counted here from the log and the reports,
// not by the rules of launcher/core/host_health.cc.

#include <algorithm>

#include "base/text.h"
#include "tests/sim/judge.h"

namespace everstep::sim {

namespace {

constexpr Duration kWindow = 1h;
constexpr std::size_t kOneIn = 10;      // hosts; one in any case
constexpr std::size_t kCrowd = 4;       // fewer hosts may all be bad
constexpr Duration kGivenBackIn = 10s;  // once all fail the check

std::optional<Drain> DrainOf(const State& state, const NodeId& id) {
  const auto node = state.nodes.find(id);
  return node == state.nodes.end() ? std::nullopt : node->second.drain;
}

bool Fails(const HostNow& host, const std::string& check) {
  return std::any_of(host.report->health.alarms.begin(), host.report->health.alarms.end(),
                     [&](const HostAlarm& alarm) { return alarm.check == check && alarm.action >= HealthAction::defer; });
}

}  // namespace

void Judge::BeforeHealthFact(const Entry& entry) {
  drain_before_ = DrainOf(durable_, NodeOf(entry.fact));
  if (const auto* out = std::get_if<NodeQuarantined>(&entry.fact)) Quarantined(*out, entry.at);
  if (const auto* back = std::get_if<NodeUndrained>(&entry.fact); back && drain_before_ && !undrained_.contains(back->node))
    Accuse(Cat("I26: the drain of ", back->node, " is over, and no operator has said so"));
}

// A drain is a person's word, and nothing else ends it or changes it.
void Judge::AfterHealthFact(const Entry& entry) {
  if (std::holds_alternative<NodeDrained>(entry.fact) || std::holds_alternative<NodeUndrained>(entry.fact)) return;
  const NodeId node = NodeOf(entry.fact);
  if (DrainOf(durable_, node) != drain_before_) Accuse(Cat("I26: ", KindOf(entry.fact), " has changed the drain of ", node));
}

void Judge::Quarantined(const NodeQuarantined& fact, Time at) {
  ++outcome_.quarantines;
  if (only_observes) Accuse(Cat("I26: ", fact.node, " is taken out of work, and checks are only observed"));
  const auto members = static_cast<std::size_t>(
      std::count_if(durable_.nodes.begin(), durable_.nodes.end(), [](const auto& entry) { return entry.second.member; }));
  std::size_t gone = 1;
  for (const auto& [node, when] : taken_out_) gone += node != fact.node && at - when < kWindow ? 1u : 0u;
  const auto before = taken_out_.find(fact.node);
  const bool counted = before != taken_out_.end() && at - before->second < kWindow;
  if (gone > std::max<std::size_t>(1, members / kOneIn) && !counted)
    Accuse(Cat("I26: ", fact.node, " is taken out of work, with it ", gone, " of ", members, " hosts within an hour"));
  taken_out_[fact.node] = at;
}

// Whom a check has taken out of work that all hosts fail by now is given back.
void Judge::BrokenChecks(const World& world) {
  for (const auto& [id, node] : world.state.nodes) {
    std::size_t watched = 0, failing = 0;
    for (const auto& [other, host] : world.hosts) {
      const NodeState* known = NodeIn(world.state, other);
      if (!node.quarantine || !known || !known->member || !host.connected || !host.report || !host.report->health.watched)
        continue;
      ++watched;
      failing += Fails(host, node.quarantine->check) ? 1u : 0u;
    }
    if (watched < kCrowd || failing < watched) {
      unjustly_.erase(id);
      continue;
    }
    const Time since = unjustly_.try_emplace(id, agenda_.now()).first->second;
    if (agenda_.now() - since >= kGivenBackIn)
      Accuse(Cat("I26: ", id, " is out of work for ", node.quarantine->check, ", which all ", watched, " hosts fail"));
  }
}

// All alarms are over, what was to be rebooted, reset or replaced has been cleared by somebody.
void Judge::NobodyIsKept(const World& world) {
  for (const auto& [id, node] : world.state.nodes)
    if (node.quarantine) Accuse(Cat("I26: ", id, " is still out of work: ", node.quarantine->why));
}

}  // namespace everstep::sim
