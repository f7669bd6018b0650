#include <algorithm>
#include <utility>

#include "base/text.h"
#include "launcher/core/drain.h"
#include "launcher/core/drill.h"
#include "launcher/core/fabric_checks.h"
#include "launcher/core/host_health.h"
#include "launcher/core/incidents.h"
#include "launcher/core/membership.h"
#include "launcher/core/preflight.h"
#include "launcher/core/requests.h"
#include "launcher/core/sentence.h"
#include "launcher/core/status.h"
#include "launcher/daemon/loop.h"

namespace everstep {

namespace {

constexpr std::size_t kWatchersMax = 10000;
constexpr std::uint32_t kRowsMax = 10000;

EventView View(const HistoryRow& row) { return {row.index, row.at, row.job, row.node, row.kind, row.why}; }

bool Matches(const ListEvents& query, const HistoryRow& row) {
  return (query.job.empty() || query.job == row.job) && (query.node.empty() || query.node == row.node) &&
         row.index > query.after;
}

}  // namespace

void LauncherLoop::Reply(std::uint64_t token, Result<ApiReply> reply, bool last) {
  rims_.replies.Reply(token, std::move(reply), last);
}

void LauncherLoop::ReplyWhenDurable(std::uint64_t token, ApiReply reply) {
  WhenDurable([this, token, reply = std::move(reply)] { Reply(token, reply); });
}

void LauncherLoop::On(const ApiCall& input) {
  const bool changes = std::holds_alternative<SubmitJob>(input.request) || std::holds_alternative<CancelJob>(input.request) ||
                       std::holds_alternative<ConfirmDead>(input.request) || std::holds_alternative<DrainNode>(input.request) ||
                       std::holds_alternative<UndrainNode>(input.request) || std::holds_alternative<InjectFault>(input.request);
  if (changes && !halted_.empty())
    return Reply(input.token, Fail(ErrorCode::kConflict, halted_, "see docs/operations.md, \"A launcher that has halted\""));
  std::visit([&](const auto& request) { Answer(input.token, request); }, input.request);
}

void LauncherLoop::On(const ApiGone& input) {
  followers_.erase(input.token);
  watchers_.erase(input.token);
}

void LauncherLoop::On(const Durable& input) {
  durable_ = std::max(durable_, input.index);
  if (input.nearly_full != nearly_full_) {
    nearly_full_ = input.nearly_full;
    rims_.log(nearly_full_ ? "warning" : "info",
              nearly_full_ ? "the disk of the log is nearly full: new jobs are refused, those that are there go on"
                           : "the disk of the log has room again: jobs are taken");
  }
  while (!held_.empty() && held_.front().first <= durable_) {
    const auto action = std::move(held_.front().second);
    held_.pop_front();
    action();
  }
}

void LauncherLoop::On(const StoreFailed& input) {
  fatal_ = Cat("the log cannot be written: ", input.error.Str());
  rims_.log("error", fatal_);
}

void LauncherLoop::Answer(std::uint64_t token, const SubmitJob& request) {
  if (const JobState* job = SubmittedBefore(world_.state, request.request_id)) {
    if (job->spec == WithDefaults(request.spec, job->spec.preflight))
      return ReplyWhenDurable(token, Submitted{job->id, job->why});
    return Reply(token,
                 Fail(ErrorCode::kConflict, Cat("request id ", request.request_id, " was used for another job, ", job->id)));
  }
  if (const Status valid = ValidateJob(request.spec); !valid) return Reply(token, Fail(valid.error()));
  if (nearly_full_)
    return Reply(token, Fail(ErrorCode::kExhausted, "the disk that holds the launcher's log is nearly full",
                             "make room where its state_dir lies; jobs that are there go on meanwhile"));
  const Result<JobSubmitted> submitted = Submit(world_, NowAt(now_), request);
  if (!submitted) return Reply(token, Fail(submitted.error()));
  Commit({*submitted});
  SettleJobs();
  const JobState& job = world_.state.jobs.at(submitted->job);
  ReplyWhenDurable(token, Submitted{job.id, job.why});
}

void LauncherLoop::Answer(std::uint64_t token, const CancelJob& request) {
  const Result<const JobState*> found = FindJob(world_.state, request.job);
  if (!found) return Reply(token, Fail(found.error()));
  const JobState* job = *found;
  const Result<Facts> facts = Cancel(*job, request);
  if (!facts) return Reply(token, Fail(facts.error()));
  Commit(*facts);
  ReplyWhenDurable(token, Accepted{Cat(job->id, ": ", WhyOf(facts->front()))});
}

void LauncherLoop::Answer(std::uint64_t token, const GetJob& request) {
  const Result<const JobState*> found = FindJob(world_.state, request.job);
  if (!found) return Reply(token, Fail(found.error()));
  const JobState* job = *found;
  JobView view = ViewOf(world_, NowAt(now_), *job);
  const bool follows = request.watch && !everstep::Ended(job->phase);
  if (follows && watchers_.size() >= kWatchersMax)
    return Reply(token, Fail(ErrorCode::kExhausted, Cat(kWatchersMax, " watchers already")));
  if (follows) watchers_[token] = {job->id, view};
  Reply(token, JobReply{std::move(view)}, !follows);
}

void LauncherLoop::Answer(std::uint64_t token, const ListJobs& request) {
  ListJobs bounded = request;
  bounded.rows_max = std::min(request.rows_max, kRowsMax);
  Reply(token, JobsReply{ViewJobs(world_, NowAt(now_), bounded)});
}

void LauncherLoop::Answer(std::uint64_t token, const ExplainJob& request) {
  const Result<const JobState*> found = FindJob(world_.state, request.job);
  if (!found) return Reply(token, Fail(found.error()));
  const JobState* job = *found;
  Explanation explanation = Explain(world_, NowAt(now_), *job);
  if (!halted_.empty()) explanation.sentences.insert(explanation.sentences.begin(), halted_);
  Reply(token, std::move(explanation));
}

void LauncherLoop::Answer(std::uint64_t token, const ListNodes& request) {
  if (request.why_not.empty()) return Reply(token, NodesReply{ViewNodes(world_, NowAt(now_)), {}});
  const Result<const JobState*> job = FindJob(world_.state, request.why_not);
  if (!job) return Reply(token, Fail(job.error()));
  if (everstep::Ended((*job)->phase))
    return Reply(token, Fail(ErrorCode::kConflict, Cat((*job)->id, " has ended: it is given no hosts any more")));
  Reply(token, NodesReply{ViewNodes(world_, NowAt(now_), *job), {}});
}

void LauncherLoop::Answer(std::uint64_t token, const GetNode& request) {
  const NodeState* node = NodeIn(world_.state, request.node);
  if (!node) return Reply(token, Fail(UnknownHost(world_.state, request.node)));
  const Now now = NowAt(now_);
  Reply(token, NodesReply{{ViewOf(world_, now, *node)}, FabricChecks(world_.policy.checks, world_.state, *node, now.at)});
}

void LauncherLoop::Answer(std::uint64_t token, const ConfirmDead& request) {
  const Result<Facts> facts = ConfirmDeadBy(world_, request.node, request.by);
  if (!facts) return Reply(token, Fail(facts.error()));
  Commit(*facts);
  RetryHeldEvictions();
  ReplyWhenDurable(token, Accepted{Cat(request.node, " counts as dead; its jobs go on elsewhere")});
}

void LauncherLoop::Answer(std::uint64_t token, const DrainNode& request) {
  const Result<Facts> facts = DrainBy(world_, request);
  if (!facts) return Reply(token, Fail(facts.error()));
  Commit(*facts);
  SettleJobs();
  ReplyWhenDurable(token, Accepted{DrainedReply(world_.state, request.node)});
}

void LauncherLoop::Answer(std::uint64_t token, const UndrainNode& request) {
  const Result<Facts> facts = UndrainBy(world_, request);
  if (!facts) return Reply(token, Fail(facts.error()));
  Commit(*facts);
  ReplyWhenDurable(token, Accepted{facts->empty() ? Cat(request.node, " is not drained") : WhyOf(facts->front())});
}

void LauncherLoop::Answer(std::uint64_t token, const ClearNode& request) {
  const Result<Facts> facts = ClearBy(world_, request);
  if (!facts) return Reply(token, Fail(facts.error()));
  Commit(*facts);
  SettleJobs();
  const std::string what = request.check.empty() ? std::string("no alarm") : Cat("no alarm of ", request.check);
  ReplyWhenDurable(
      token, Accepted{facts->empty() ? Cat(request.node, " has ", what, " that could be cleared") : WhyOf(facts->back())});
}

// On record first. Nobody sends it again: a launcher that dies before it was sent has spared the job a drill.
void LauncherLoop::Answer(std::uint64_t token, const InjectFault& request) {
  const Result<FaultInjected> fault = InjectBy(world_, NowAt(now_), request);
  if (!fault) return Reply(token, Fail(fault.error()));
  if (request.dry_run) return Reply(token, Accepted{fault->why});
  Commit({*fault});
  SendCommand(fault->node, OrderOf(*fault));
  ReplyWhenDurable(token, Accepted{fault->why});
}

void LauncherLoop::Answer(std::uint64_t, const KillLauncher& request) {
  if (halted_.empty()) Commit({LauncherKilled{Sentence("a drill of ", Who(request.by), ": the launcher is killed")}});
  WhenDurable([this] { rims_.die(); });
}

void LauncherLoop::Answer(std::uint64_t token, const ListIncidents& request) {
  ListIncidents bounded = request;
  bounded.rows_max = std::min(request.rows_max, kRowsMax);
  if (!request.job.empty()) {
    const Result<const JobState*> found = FindJob(world_.state, request.job);
    if (!found) return Reply(token, Fail(found.error()));
    bounded.job = (*found)->id;
  }
  if (!request.node.empty() && !NodeIn(world_.state, request.node))
    return Reply(token, Fail(UnknownHost(world_.state, request.node)));
  Reply(token, IncidentsReply{ViewIncidents(world_.state, bounded)});
}

void LauncherLoop::Answer(std::uint64_t token, const ListEvents& request) {
  if (request.follow && followers_.size() >= kWatchersMax)
    return Reply(token, Fail(ErrorCode::kExhausted, Cat(kWatchersMax, " followers already")));
  Follower follower;
  follower.query = request;
  if (!request.job.empty()) {
    const Result<const JobState*> found = FindJob(world_.state, request.job);
    if (!found && found.error().code == ErrorCode::kConflict) return Reply(token, Fail(found.error()));
    if (found) follower.query.job = (*found)->id;  // one that is long forgotten may have its history yet
  }
  HistoryQuery query{.job = follower.query.job, .node = request.node, .after = request.after};
  query.rows_max = std::clamp(request.rows_max, 1u, kRowsMax);
  query.newest = request.after.value == 0;
  followers_[token] = std::move(follower);
  rims_.journal.ReadHistory(token, query);
}

void LauncherLoop::On(const HistoryRead& input) {
  const auto it = followers_.find(input.token);
  if (it == followers_.end()) return;
  Follower& follower = it->second;
  if (!input.rows) {
    Reply(input.token, Fail(input.rows.error()));
    followers_.erase(it);
    return;
  }
  EventsReply reply;
  for (const HistoryRow& row : *input.rows) reply.events.push_back(View(row));
  follower.read = true;
  if (!reply.events.empty()) follower.upto = reply.events.back().index;
  for (EventView& event : follower.early)
    if (event.index > follower.upto) reply.events.push_back(std::move(event));
  follower.early.clear();
  const bool follow = follower.query.follow;
  Reply(input.token, std::move(reply), !follow);
  if (!follow) followers_.erase(it);
}

void LauncherLoop::ShowFollowers(const std::vector<HistoryRow>& rows) {
  for (auto& [token, follower] : followers_) {
    EventsReply reply;
    for (const HistoryRow& row : rows)
      if (Matches(follower.query, row) && row.index > follower.upto) reply.events.push_back(View(row));
    if (reply.events.empty()) continue;
    if (follower.read)
      Reply(token, std::move(reply), false);
    else if (follower.query.follow)
      std::move(reply.events.begin(), reply.events.end(), std::back_inserter(follower.early));
  }
}

void LauncherLoop::ShowWatchers() {
  for (auto it = watchers_.begin(); it != watchers_.end();) {
    const auto& [token, watcher] = *it;
    const JobState* job = touched_jobs_.contains(watcher.job) ? JobIn(world_.state, watcher.job) : nullptr;
    if (!job) {
      ++it;
      continue;
    }
    JobView view = ViewOf(world_, NowAt(now_), *job);
    const bool last = everstep::Ended(job->phase);
    JobView compared = view;  // what only time changes is no news
    if (watcher.last) {
      compared.ledger = watcher.last->ledger;
      compared.time_left = watcher.last->time_left;
    }
    if (watcher.last == compared && !last) {
      ++it;
      continue;
    }
    it->second.last = view;
    WhenDurable([this, t = token, view = std::move(view), last] { Reply(t, JobReply{view}, last); });
    it = last ? watchers_.erase(it) : std::next(it);
  }
}

void LauncherLoop::Answer(std::uint64_t token, const GetInfo&) {
  InfoReply info{.version = version_, .cluster = options_.cluster, .epoch = world_.state.epoch, .index = durable_};
  info.nodes = static_cast<std::uint32_t>(MemberCount(world_.state));
  info.nodes_ready = info.nodes - static_cast<std::uint32_t>(std::min<std::size_t>(SilentMembers(world_).size(), info.nodes));
  Reply(token, info);
}

}  // namespace everstep
