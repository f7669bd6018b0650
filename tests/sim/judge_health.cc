// What the judge says of hosts whose own checks have something against them (I26). Counted here from the log and the reports,
// not by the rules of launcher/core/host_health.cc.

#include <algorithm>
#include <set>

#include "base/text.h"
#include "launcher/core/membership.h"
#include "tests/sim/judge.h"

namespace everstep::sim {

namespace {

constexpr Duration kWindow = 1h;
constexpr std::size_t kOneIn = 10;      // hosts; one in any case
constexpr std::size_t kCrowd = 4;       // fewer hosts may all be bad
constexpr Duration kGivenBackIn = 10s;  // once all fail the check
constexpr Duration kWeighedIn = 1min;   // once there is room; a launcher's disk may take half of that

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

// Whom an alarm asks to be taken out of work, and who has stayed for the hour's sake, goes when the hour is over.
void Judge::NobodyIsForgotten(const World& world) {
  const Time now = std::max(world.state.now, world.heard_until);  // log time
  std::set<NodeId> gone;
  for (const auto& [id, when] : taken_out_)
    if (now - when < kWindow + kWeighedIn) gone.insert(id);
  std::size_t watched = 0;
  std::map<std::string, std::size_t> failing;
  for (const auto& [id, host] : world.hosts) {
    const NodeState* node = NodeIn(world.state, id);
    if (node && node->quarantine && now - node->quarantine->since < kWindow) gone.insert(id);
    if (!node || !node->member || !host.connected || !host.report || !host.report->health.watched) continue;
    ++watched;
    std::set<std::string> checks;
    for (const HostAlarm& alarm : host.report->health.alarms)
      if (alarm.action >= HealthAction::defer) checks.insert(alarm.check);
    for (const std::string& check : checks) ++failing[check];
  }
  const bool room = gone.size() < std::max<std::size_t>(1, MemberCount(world.state) / kOneIn);
  for (const auto& [id, node] : world.state.nodes) {
    const auto host = world.hosts.find(id);
    const bool heard = host != world.hosts.end() && host->second.connected && host->second.report && node.member;
    const KnownAlarm* asks = nullptr;
    for (const KnownAlarm& known : node.alarms)
      if (!known.cleared && known.alarm.action >= HealthAction::defer && failing[known.alarm.check] < watched) asks = &known;
    if (!heard || !asks || node.quarantine || !room || only_observes) {
      forgotten_.erase(id);
      continue;
    }
    const Time since = forgotten_.try_emplace(id, agenda_.now()).first->second;
    if (agenda_.now() - since >= kWeighedIn)
      Accuse(Cat("I26: ", id, " stays, though its ", asks->alarm.check, " asks for ", Name(asks->alarm.action), " and only ",
                 gone.size(), " went within an hour"));
  }
}

// All alarms are over, what was to be rebooted, reset or replaced has been cleared by somebody.
void Judge::NobodyIsKept(const World& world) {
  for (const auto& [id, node] : world.state.nodes)
    if (node.quarantine) Accuse(Cat("I26: ", id, " is still out of work: ", node.quarantine->why));
}

}  // namespace everstep::sim
