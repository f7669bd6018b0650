#include "launcher/core/drill.h"

#include "launcher/core/hang.h"
#include "launcher/core/recovery.h"
#include "launcher/core/requests.h"
#include "launcher/core/sentence.h"

namespace everstep {

namespace {

std::string WhatHappens(const InjectFault& request, const NodeId& node) {
  const std::string rank = Cat("rank ", request.rank, " on ", node);
  switch (request.kind) {
    case FaultKind::rank_kill: return Cat(rank, " is killed");
    case FaultKind::hang: return Cat(rank, " is stopped for ", Show(request.lasts));
    case FaultKind::freeze: return Cat(node, " freezes for ", Show(request.lasts));
    case FaultKind::link_cut: return Cat(node, " cannot be reached for ", Show(request.lasts));
    case FaultKind::host_lost: return Cat(node, " loses its ranks and is silent for ", Show(request.lasts));
    case FaultKind::checkpoint_torn: return Cat("half a checkpoint appears, newer than all others, and ", rank, " is killed");
  }
  return {};
}

Status CheckTime(const InjectFault& request) {
  if (!Lasts(request.kind)) return {};
  if (request.lasts > 0ns && request.lasts <= limit::kFaultLasts) return {};
  return Fail(ErrorCode::kInvalid,
              Cat("lasts: found ", Show(request.lasts), ", legal: more than 0, at most ", Show(limit::kFaultLasts)));
}

// One that nobody notices proves nothing.
Status CheckHang(const World& world, const JobState& job, Duration lasts) {
  const auto after = HangAfter(world, job);
  if (after && lasts > *after && world.stepped.contains({job.id, job.generation})) return {};
  const std::string why = !after ? std::string("its progress.hang_after is off")
                          : lasts <= *after
                              ? Cat("its hangs are noticed after ", Show(*after), ", this one lasts ", Show(lasts))
                              : std::string("it has not told of a step yet");
  return Fail(ErrorCode::kConflict, Cat("a hang of ", job.id, " would not be noticed: ", why),
              "set progress.hang_after in the job file to less than the drill lasts");
}

}  // namespace

Result<FaultInjected> InjectBy(const World& world, Now now, const InjectFault& request) {
  EVERSTEP_TRY(CheckTime(request));
  EVERSTEP_ASSIGN(const JobState* job, FindJob(world.state, request.job));
  if (job->phase != JobPhase::running)
    return Fail(ErrorCode::kConflict, Cat(job->id, " is ", Name(job->phase), ": a drill is for a job that runs"));
  if (job->preflight)
    return Fail(ErrorCode::kConflict, Cat(job->id, " has not begun: its hosts are being checked"), "try again when it runs");
  if (job->generation != request.generation)
    return Fail(ErrorCode::kConflict,
                Cat(job->id, " is in generation ", job->generation, " by now, the drill was for ", request.generation));
  const std::uint64_t ranks = job->hosts.size() * job->processes_per_node;
  if (request.rank >= ranks)
    return Fail(ErrorCode::kNotFound, Cat(job->id, " has no rank ", request.rank), Cat("its ranks are 0 to ", ranks - 1));
  if (job->drill && now.at < job->drill->over)
    return Fail(ErrorCode::kConflict, Cat(job->id, " has a drill already: ", job->drill->why),
                Cat("it is over in ", Show(job->drill->over - now.at)));
  if (RestartsInWindow(*job, now.at) >= job->spec.restart.budget)
    return Fail(ErrorCode::kConflict, Cat(job->id, " has no restart left (restart.budget: ", job->spec.restart.budget,
                                          " within ", Show(job->spec.restart.window), "): a drill would end it"));
  if (request.kind == FaultKind::checkpoint_torn && request.rank >= job->processes_per_node)
    return Fail(ErrorCode::kInvalid, Cat("rank ", request.rank, " is not on the first host, which watches the checkpoints"),
                job->processes_per_node == 1 ? "rank 0 is" : Cat("ranks 0 to ", job->processes_per_node - 1, " are"));
  if (request.kind == FaultKind::checkpoint_torn && !job->spec.checkpoint)
    return Fail(ErrorCode::kInvalid, Cat(job->id, " has no checkpoint directory (checkpoint.dir)"));
  if (request.kind == FaultKind::hang) EVERSTEP_TRY(CheckHang(world, *job, request.lasts));
  const CheckpointRecord* newest = NewestOffered(*job);
  if (request.kind == FaultKind::checkpoint_torn && (!newest || !newest->seen.step))
    return Fail(ErrorCode::kConflict, Cat(job->id, " has no checkpoint yet with a step in its name, to make half of one of"));
  const NodeId& node = job->hosts[request.rank / job->processes_per_node];
  const HostNow* host = HostIn(world, node);
  if (!host || !host->connected || host->pulse != Pulse::trusted)
    return Fail(ErrorCode::kConflict, Cat(node, ", which has rank ", request.rank, ", is not heard now"));
  FaultInjected fault{.job = job->id,
                      .generation = job->generation,
                      .node = node,
                      .rank = request.rank,
                      .kind = request.kind,
                      .lasts = Lasts(request.kind) ? request.lasts : Duration(0)};
  fault.by = OneLine(request.by, 100);
  fault.why = Sentence("a drill of ", Who(request.by), ": ", WhatHappens(request, node));
  return fault;
}

Inject OrderOf(const FaultInjected& fault) {
  Inject order;
  order.job = fault.job;
  order.generation = fault.generation;
  order.kind = fault.kind;
  order.rank = fault.rank;
  order.lasts = fault.lasts;
  return order;
}

}  // namespace everstep
