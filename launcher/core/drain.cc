#include "launcher/core/drain.h"

#include <algorithm>

#include "base/contains.h"
#include "launcher/core/host_health.h"
#include "launcher/core/placement.h"
#include "launcher/core/sentence.h"

namespace everstep {

namespace {

// Letters that two names share at their ends: "gpu-71" is near "gpu-7", and nearer "gpu-77" than "node-1".
std::size_t Likeness(const std::string& a, const std::string& b) {
  const std::size_t most = std::min(a.size(), b.size());
  std::size_t front = 0, back = 0;
  while (front < most && a[front] == b[front]) ++front;
  while (back < most - front && a[a.size() - 1 - back] == b[b.size() - 1 - back]) ++back;
  return front + back;
}

}  // namespace

Error UnknownHost(const State& state, const NodeId& node) {
  std::vector<NodeId> known;
  for (const auto& [id, other] : state.nodes) known.push_back(id);
  std::sort(known.begin(), known.end(), NaturalLess);
  std::stable_sort(known.begin(), known.end(), [&](const NodeId& a, const NodeId& b) {
    return Likeness(a.value, node.value) > Likeness(b.value, node.value);
  });
  const std::string names = known.empty() ? "none has ever joined" : Cat("known: ", NamesOf(known));
  return {ErrorCode::kNotFound, Cat("there is no host \"", OneLine(node.value, 80), "\"; ", names),
          "`everstep nodes` lists them"};
}

Result<Facts> DrainBy(const World& world, const DrainNode& request) {
  const NodeState* node = NodeIn(world.state, request.node);
  if (!node) return Fail(UnknownHost(world.state, request.node));
  NodeDrained drained{.node = request.node, .by = OneLine(request.by, 100), .reason = Said(request.reason), .now = request.now};
  if (node->drain) drained.now = drained.now || node->drain->now;
  if (node->drain && drained.reason.empty()) drained.reason = node->drain->reason;  // who says none takes none away
  const bool same = node->drain && node->drain->reason == drained.reason && node->drain->now == drained.now;
  if (same) return Facts();
  drained.why = Sentence(request.node, " is drained by ", Who(request.by), drained.reason.empty() ? "" : ": ", drained.reason,
                         drained.now ? "; what it has moves to other hosts at once" : "");
  Facts facts{drained};
  for (const auto& [id, job] : world.state.jobs)
    if (Contains(job.spares, request.node))
      facts.push_back(
          SpareReleased{id, request.node, Sentence(request.node, " is no spare of ", id, " any more: it is drained")});
  return facts;
}

Result<Facts> UndrainBy(const World& world, const UndrainNode& request) {
  const NodeState* node = NodeIn(world.state, request.node);
  if (!node) return Fail(UnknownHost(world.state, request.node));
  if (!node->drain) return Facts();
  return Facts{NodeUndrained{request.node, OneLine(request.by, 100),
                             Sentence(request.node, " may be given work again: undrained by ", Who(request.by))}};
}

std::string DrainedReply(const State& state, const NodeId& node) {
  std::vector<std::string> busy;
  for (const auto& [id, job] : state.jobs) {
    const bool here = std::any_of(job.live.begin(), job.live.end(), [&](const LiveGang& gang) { return gang.node == node; });
    if (here) busy.push_back(id.value);
  }
  const NodeState* known = NodeIn(state, node);
  if (!known || !known->drain) return Cat(node, " is not drained");
  const std::string what = Cat(node, " is ", DrainText(*known));
  if (busy.empty()) return Sentence(what, "; it has no work");
  const std::string jobs = FirstOf(std::move(busy), ", ");
  return known->drain->now ? Sentence(what, "; ", jobs, " is being moved to other hosts")
                           : Sentence(what, "; it still works for ", jobs, " until that ends or starts anew (--now moves it)");
}

Facts MoveAway(const World& world, Now now, const JobState& job) {
  for (const NodeId& id : job.hosts) {
    const NodeState* node = NodeIn(world.state, id);
    if (!node) continue;
    std::string because;
    if (node->drain && node->drain->now) because = Cat(id, " is ", DrainText(*node));
    if (because.empty() && node->quarantine) because = LeavesBecause(world, now, job, *node);
    if (because.empty()) continue;
    GenerationBroken broken{.job = job.id, .generation = job.generation, .node = id, .host_failed = true, .moved = true};
    // Nothing is broken: who saves on SIGTERM may do so.
    broken.grace = job.spec.stop_grace;
    broken.cause = Sentence(OneLine(because, 700), ": its work moves to another host");
    broken.why = Sentence(OneLine(broken.cause, 700), "; generation ", job.generation, " is stopped");
    return {broken};
  }
  return {};
}

std::string DrainText(const NodeState& node, std::optional<Time> at) {
  const Drain& drain = *node.drain;
  return Cat("drained by ", Who(drain.by), drain.reason.empty() ? "" : ": ", drain.reason,
             at ? Cat(" (", Show(std::max(Duration(0), *at - drain.since)), ')') : std::string());
}

}  // namespace everstep
