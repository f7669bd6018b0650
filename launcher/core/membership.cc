#include "launcher/core/membership.h"

#include <algorithm>

#include "base/text.h"
#include "launcher/core/drain.h"
#include "launcher/core/sentence.h"

namespace everstep {

namespace {

Facts Lost(const World& world, const NodeId& node, const std::string& why) {
  Facts facts{NodeLost{node, why}};
  for (const auto& [id, job] : world.state.jobs)
    if (std::find(job.spares.begin(), job.spares.end(), node) != job.spares.end())
      facts.push_back(SpareReleased{id, node, Sentence(node, " is no spare of ", id, " any more: it is lost")});
  return facts;
}

}  // namespace

std::vector<NodeId> SilentMembers(const World& world) {
  std::vector<NodeId> silent;
  for (const auto& [id, node] : world.state.nodes) {
    const HostNow* host = HostIn(world, id);
    if (node.member && (!host || host->pulse != Pulse::trusted)) silent.push_back(id);
  }
  return silent;
}

std::size_t MemberCount(const State& state) {
  std::size_t members = 0;
  for (const auto& [id, node] : state.nodes) members += node.member ? 1 : 0;
  return members;
}

Facts Join(const World& world, const Hello& hello) {
  const NodeState* known = NodeIn(world.state, hello.node);
  NodeJoined joined{hello.node,        hello.boot,         hello.state_id, hello.address,
                    hello.job_address, hello.accelerators, hello.version,  {}};
  if (!known) {
    joined.why = Sentence(hello.node, " joined from ", hello.address);
  } else if (!known->member && known->boot != hello.boot) {
    joined.why = Sentence(hello.node, " is back after a reboot");
  } else if (!known->member) {
    joined.why = Sentence(hello.node, " is back");
  } else if (known->boot != hello.boot) {
    joined.why = Sentence(hello.node, " was rebooted");
  } else if (known->state_id != hello.state_id) {
    joined.why = Sentence(hello.node, " has an agent with another state directory");
  } else if (known->address != hello.address || known->job_address != hello.job_address ||
             known->accelerators != hello.accelerators || known->version != hello.version) {
    joined.why = Sentence(hello.node, " started its agent again, now at ", hello.address);
  } else {
    return {};
  }
  return {joined};
}

Facts Evict(const World& world, const NodeId& node, const std::string& evidence) {
  const NodeState* known = NodeIn(world.state, node);
  if (!known || !known->member) return {};
  const std::vector<NodeId> silent = SilentMembers(world);
  const std::size_t members = MemberCount(world.state);
  if (2 * silent.size() < members) return Lost(world, node, Sentence(evidence));
  std::string why = Sentence(Said(evidence), "; not evicted: ", silent.size(), " of ", members, " hosts are silent (",
                             NamesOf(silent), "), which is not less than half, so the fault may be on this side; if ", node,
                             " is off, say: everstep node ", node, " --confirm-dead");
  if (why == known->why) return {};
  return {EvictionHeld{node, std::move(why)}};
}

Result<Facts> ConfirmDeadBy(const World& world, const NodeId& node, const std::string& by) {
  const NodeState* known = NodeIn(world.state, node);
  if (!known) return Fail(UnknownHost(world.state, node));
  const HostNow* host = HostIn(world, node);
  if (host && host->connected && host->pulse == Pulse::trusted)
    return Fail(ErrorCode::kConflict, Cat(node, " is alive: its agent is connected and beats"),
                "to take it out of work: `everstep drain`");
  const std::string why = Sentence(node, " is dead: confirmed by ", Who(by));
  Facts facts;
  if (known->member) facts = Lost(world, node, why);
  for (const auto& [id, job] : world.state.jobs)
    for (const LiveGang& gang : job.live)
      if (gang.node == node) facts.push_back(HostReleased{.job = id, .generation = gang.generation, .node = node, .why = why});
  return facts;
}

}  // namespace everstep
