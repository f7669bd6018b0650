#include "launcher/daemon/loop.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/text.h"
#include "launcher/core/host_health.h"
#include "launcher/core/jobs.h"
#include "launcher/core/membership.h"
#include "launcher/core/queue.h"
#include "launcher/core/reconcile.h"
#include "launcher/daemon/codec.h"

namespace everstep {

namespace {

constexpr Duration kResendEvery = 1s;        // a command that is not obeyed
constexpr Duration kBroadcastDelay = 200ms;  // joins come in crowds
constexpr Duration kBroadcastPerMember = 200us;
constexpr Duration kLateness = 250ms;  // of this loop; more than that is subtracted from everybody's silence
constexpr Duration kDowntimeMax = 1h;
constexpr int kRoundsMax = 100000;  // of settling; more means that two rules fight

DetectorOptions DetectorFrom(const LauncherOptions& options) {
  DetectorOptions detector;
  detector.suspect_after = options.suspect_after;
  detector.lost_after = options.lost_after;
  detector.agent_return = options.agent_return;
  return detector;
}

Policy PolicyFrom(const LauncherOptions& options) {
  Policy policy;
  policy.fence_after = options.fence_after;
  policy.fence_hook = !options.fence_command.empty();
  policy.port_first = options.port_first;
  policy.port_last = options.port_last;
  policy.port_rest = options.port_rest;
  policy.jobs_max = options.jobs_max;
  policy.blame = options.blame;
  policy.health = options.health_mode;
  policy.removals_percent = options.removals_percent;
  policy.move_within = options.move_within;
  policy.checks = options.checks;
  policy.xids = options.xids;
  policy.preflight = {
      .level = options.preflight_level, .valid_for = options.preflight_valid_for, .unknown = options.preflight_unknown};
  for (const auto& [action, command] : options.remedies) {
    if (!command.empty()) policy.remedies.push_back(action);
  }
  return policy;
}

// What a command is about: the same key means the same command again.
std::string KeyOf(const ToAgent& command) {
  return std::visit(
      [](const auto& c) -> std::string {
        if constexpr (requires { c.gang; }) {
          return Cat(c.kName, ' ', c.gang.job, '.', c.gang.generation);
        } else if constexpr (requires { c.grace; }) {
          return Cat(c.kName, ' ', c.job, '.', c.generation, ' ', c.grace.count());
        } else if constexpr (requires { c.generation; }) {
          return Cat(c.kName, ' ', c.job, '.', c.generation);
        } else {
          return std::string(c.kName);
        }
      },
      command);
}

std::string_view LevelOf(const Fact& fact) {
  if (const auto* halt = std::get_if<LauncherHalted>(&fact); halt && !halt->cleared) return "error";
  if (std::holds_alternative<NodeSuspected>(fact) || std::holds_alternative<NodeLost>(fact) ||
      std::holds_alternative<EvictionHeld>(fact) || std::holds_alternative<GenerationBroken>(fact) ||
      std::holds_alternative<AlarmRaised>(fact) || std::holds_alternative<NodeQuarantined>(fact) ||
      std::holds_alternative<HostHeldBack>(fact))
    return "warning";
  return "info";
}

// A host that failed its check stays until there is room.
bool PutsOff(const Fact& fact) {
  const auto any = [](const std::vector<PreflightEnded::Bad>& bad) {
    return std::any_of(bad.begin(), bad.end(), [](const PreflightEnded::Bad& one) { return one.put_off; });
  };
  if (const auto* ended = std::get_if<PreflightEnded>(&fact)) return any(ended->bad);
  const auto* checked = std::get_if<HostsChecked>(&fact);
  return checked && any(checked->bad);
}

bool ChangesHealth(const Fact& fact) {
  return std::holds_alternative<AlarmRaised>(fact) || std::holds_alternative<AlarmOver>(fact) ||
         std::holds_alternative<AlarmsCleared>(fact) || std::holds_alternative<QuarantineOver>(fact) ||
         std::holds_alternative<GpusSeen>(fact) || std::holds_alternative<OffencesTakenBack>(fact) ||
         std::holds_alternative<OffencesFaded>(fact) || std::holds_alternative<HostHeldBack>(fact) || PutsOff(fact);
}
bool ChangesMembers(const Fact& fact) {
  return std::holds_alternative<NodeLost>(fact) || std::holds_alternative<NodeJoined>(fact);
}

}  // namespace

Epoch NextEpoch(const Recovered& recovered, Rng& rng) {
  if (recovered.epoch.value == 0) return Epoch(1);  // a new log has no copies
  return Epoch(recovered.epoch.value + 1 + rng.Below(kEpochsApart));
}

LauncherLoop::LauncherLoop(LauncherOptions options, std::string version, LauncherRims rims, Rng rng)
    : options_(std::move(options)),
      version_(std::move(version)),
      rims_(std::move(rims)),
      rng_(rng),
      detector_(DetectorFrom(options_)) {
  world_.policy = PolicyFrom(options_);
}

Status LauncherLoop::Replay(const Recovered& recovered) {
  constexpr std::string_view kHint = "this log was written by another version of everstep-launcher: run that one";
  if (recovered.snapshot) {
    end_ = recovered.snapshot->index;
    auto state = DecodeState(recovered.snapshot->bytes);
    if (!state)
      return Fail(ErrorCode::kInvalid, Cat("the snapshot of entry ", end_, ": ", state.error().message), std::string(kHint));
    world_.state = *std::move(state);
  }
  compacted_ = end_;
  for (const std::string& bytes : recovered.entries) {
    const auto entry = DecodeEntry(bytes);
    if (!entry)
      return Fail(ErrorCode::kInvalid, Cat("log entry ", end_.Next(), ": ", entry.error().message), std::string(kHint));
    Apply(world_.state, *entry);
    end_ = end_.Next();
  }
  durable_ = recovered_end_ = end_;
  return {};
}

void LauncherLoop::Begin(Time now, WallTime last_write, Epoch epoch) {
  now_ = judged_at_ = now;
  const WallTime wall = rims_.clock.Wall();
  const bool first = last_write.ns == 0;
  const Duration away = first ? Duration(0) : std::clamp(Duration(wall.ns - last_write.ns), Duration(0), kDowntimeMax);
  log_offset_ = world_.state.now.time_since_epoch() + away - now.time_since_epoch();
  return_until_ = NowAt(now).at + options_.return_grace;
  for (const auto& [id, node] : world_.state.nodes) {
    detector_.Watch(id, NowAt(now).at, return_until_);
    Host(id).silent_since = Host(id).heard_since = NowAt(now).at;
    Host(id).pulse = node.member ? Pulse::trusted : Pulse::lost;
  }
  Commit({LauncherStarted{epoch, away,
                          first ? Cat("launcher ", version_, " started on a new log")
                                : Cat("launcher ", version_, " started again after ", Show(away), ": epoch ", epoch)}});
  if (!world_.state.halted.empty() && options_.clear_halt)
    Commit({LauncherHalted{true, Cat("an operator has cleared the halt: ", world_.state.halted)}});
  halted_ = world_.state.halted;
  if (!halted_.empty()) rims_.log("error", halted_);
  Settle();
  due_ = NextDue();
}

Now LauncherLoop::NowAt(Time now) const { return {now + log_offset_, rims_.clock.Wall()}; }

void LauncherLoop::Handle(Time now, LauncherInput input) {
  ForgiveLateness(now);
  now_ = judged_at_ = now;
  settled_ = false;
  std::visit([this](const auto& in) { On(in); }, input);
  Settle();
  due_ = NextDue();
}

// A deadline that has passed is no lateness yet: what came before it may be among these.
void LauncherLoop::HandleAll(Time now, std::deque<LauncherInput> inputs) {
  now_ = now;
  judged_at_ = due_ ? std::min(now, *due_) : now;
  settled_ = false;
  for (left_ = inputs.size(); left_ > 0 && !Ended();) {
    --left_;
    settled_ = false;  // by each of them: what the one before was decided on is not all any more
    std::visit([this](const auto& in) { On(in); }, inputs.front());
    inputs.pop_front();
  }
  left_ = 0;
  Settle();
  due_ = NextDue();
}

// How long this loop was stuck is nobody's silence.
void LauncherLoop::ForgiveLateness(Time now) {
  if (!due_ || now <= *due_ + kLateness) return;
  detector_.ForgiveLateness(now - *due_);
  for (auto& [gang, at] : world_.stepped) at = NowAt(now).at;  // they may have told of many steps meanwhile
  for (const auto& [node, host] : world_.hosts) SyncSilence(node);
}

void LauncherLoop::Tick(Time now) {
  ForgiveLateness(now);
  now_ = judged_at_ = now;
  settled_ = false;
  world_.heard_until = NowAt(now).at;
  Take(detector_.Tick(NowAt(now).at));
  if (resend_at_ && now >= *resend_at_) {
    resend_at_.reset();
    const std::set<NodeId> pending = std::exchange(pending_, {});
    touched_nodes_.insert(pending.begin(), pending.end());
  }
  if (broadcast_at_ && now >= *broadcast_at_) BroadcastMembership();
  if (health_due_ && NowAt(now_).at >= *health_due_) look_at_all_ = true;
  for (const auto& [id, job] : world_.state.jobs)
    if (const auto due = JobDeadline(world_, job); due && NowAt(now).at >= *due) touched_jobs_.insert(id);
  Settle();
  due_ = NextDue();
}

std::optional<Time> LauncherLoop::NextDue() const {
  std::optional<Time> next;
  const auto consider = [&next](std::optional<Time> t) {
    if (t && (!next || *t < *next)) next = t;
  };
  const auto from_log = [this](std::optional<Time> t) { return t ? std::optional<Time>(*t - log_offset_) : std::nullopt; };
  consider(from_log(detector_.Deadline()));
  consider(resend_at_);
  consider(broadcast_at_);
  if (halted_.empty()) {
    consider(from_log(health_due_));
    for (const auto& [id, job] : world_.state.jobs) consider(from_log(JobDeadline(world_, job)));
  }
  if (next) next = std::max(*next, judged_at_);  // what came due while no launcher ran is no lateness of this loop
  return next;
}

void LauncherLoop::Commit(const Facts& facts) {
  if (facts.empty()) return;
  settled_ = false;
  Batch batch;
  const LogIndex before = end_;
  const Now now = NowAt(now_);
  for (const Fact& fact : facts) {
    const Entry entry{std::max(now.at, world_.state.now), now.wall, fact};
    end_ = end_.Next();
    batch.entries.push_back(EncodeEntry(entry));
    batch.history.push_back({end_, now.wall, JobOf(fact), NodeOf(fact), std::string(KindOf(fact)), WhyOf(fact)});
    Retouch(fact);
    Apply(world_.state, entry);
    Retouch(fact);
    rims_.log(LevelOf(fact), WhyOf(fact));
    if (const auto* lost = std::get_if<NodeLost>(&fact)) CloseSession(lost->node);
    look_at_all_ = look_at_all_ || ChangesHealth(fact) || (alarms_wait_ && ChangesMembers(fact));
    if (const auto* ended = std::get_if<JobEnded>(&fact)) {
      const auto of_it = [&](const auto& known) { return known.first.job == ended->job; };
      std::erase_if(world_.first_failure, of_it);
      std::erase_if(world_.stepped, of_it);
    }
  }
  // Who begins to follow later reads it from the store.
  if (!followers_.empty()) WhenDurable([this, rows = batch.history] { ShowFollowers(rows); });
  rims_.journal.Append(before, world_.state.epoch, std::move(batch));
  StartFences(facts);
  StartRemedies(facts);
  if (world_.state.membership == broadcast_membership_ || broadcast_at_) return;
  // What is sent then grows with the members, and so does the crowd in which they join.
  const auto members = static_cast<std::int64_t>(world_.state.nodes.size());
  broadcast_at_ = now_ + std::max(kBroadcastDelay, kBroadcastPerMember * members);
}

// Whom a fact concerns: those are looked at again when the turn settles. Before and after it is applied: it may add and remove.
void LauncherLoop::Retouch(const Fact& fact) {
  if (const NodeId node = NodeOf(fact); !node.empty()) touched_nodes_.insert(node);
  const JobId id = JobOf(fact);
  if (id.empty()) return;
  touched_jobs_.insert(id);
  if (std::holds_alternative<HostReleased>(fact)) return;  // changes nothing for the job's other hosts
  if (const JobState* job = JobIn(world_.state, id))
    for (const LiveGang& gang : job->live) touched_nodes_.insert(gang.node);
}

void LauncherLoop::Settle() {
  if (std::exchange(retry_evictions_, false)) RetryHeldEvictions();
  if (!reports_.empty()) SettleReports();
  if (halted_.empty() && (!touched_jobs_.empty() || !touched_nodes_.empty() || look_at_all_)) SettleJobs();
  for (const NodeId& node : std::exchange(touched_nodes_, {})) SendCommands(node);
  ShowWatchers();
  touched_jobs_.clear();
  MaybeCompact();
}

void LauncherLoop::SettleJobs() {
  if (settled_) return;
  for (int round = 0; round < kRoundsMax; ++round) {
    Facts facts;
    for (const NodeId& node : touched_nodes_) {
      facts = JudgeHealth(world_, NowAt(now_), node);
      if (!facts.empty()) break;
    }
    if (facts.empty() && std::exchange(look_at_all_, false)) {
      health_due_ = HealthDeadline(world_, NowAt(now_).at);
      alarms_wait_ = AnyUnanswered(world_.state);
      for (const auto& [id, node] : world_.state.nodes) {
        if (node.alarms.empty() && !node.quarantine && !HasOffences(node) && !PutOff(node)) continue;
        facts = JudgeHealth(world_, NowAt(now_), id);
        if (!facts.empty()) break;
      }
      look_at_all_ = !facts.empty();
    }
    for (const auto& [id, job] : world_.state.jobs) {
      if (!facts.empty()) break;
      if (job.phase == JobPhase::queued || everstep::Ended(job.phase)) continue;
      facts = AdvanceJob(world_, NowAt(now_), job);
    }
    if (facts.empty()) facts = AdvanceQueue(world_, NowAt(now_));
    if (facts.empty()) {
      settled_ = true;
      return;
    }
    Commit(facts);
  }
  Check(false, "the decisions reach a fixed point");
}

void LauncherLoop::SendCommands(const NodeId& node) {
  const auto it = sessions_.find(node);
  if (it == sessions_.end() || !halted_.empty()) return;
  std::vector<ToAgent> commands = Reconcile(world_, node);
  std::map<std::string, Time> still_wanted;
  for (ToAgent& command : commands) {
    const std::string key = KeyOf(command);
    const auto sent = it->second.sent.find(key);
    const bool on_its_way = sent != it->second.sent.end() && now_ - sent->second < kResendEvery;
    still_wanted[key] = on_its_way ? sent->second : now_;
    if (!on_its_way) SendCommand(node, std::move(command));
  }
  it->second.sent = std::move(still_wanted);
  if (it->second.sent.empty()) return;
  pending_.insert(node);
  if (!resend_at_) resend_at_ = now_ + kResendEvery;
}

void LauncherLoop::SendCommand(const NodeId& node, ToAgent command) {
  std::visit(
      [this](auto& c) {
        if constexpr (requires { c.epoch; }) c.epoch = world_.state.epoch;
        if constexpr (requires { c.id; }) c.id = CommandId(++last_command_);
      },
      command);
  const SessionId id = sessions_.at(node).id;
  if (std::holds_alternative<Stop>(command)) {
    rims_.links.Send(id, std::move(command));  // stopping is always safe: it need not wait for the disk
    return;
  }
  WhenDurable([this, node, id, command = std::move(command)] { SendInSession(node, id, command); });
}

// Who has prepared a gang has the membership of the time when it was planned: exclusion counts on it (LiveGang::membership).
void LauncherLoop::SendInSession(const NodeId& node, SessionId id, const ToAgent& command) {
  const auto it = sessions_.find(node);
  if (it == sessions_.end() || it->second.id != id) return;
  if (std::holds_alternative<Prepare>(command) && it->second.welcomed < world_.state.membership)
    SendWelcome(it->second, Peers::told);
  rims_.links.Send(id, command);
}

void LauncherLoop::WhenDurable(std::function<void()> action) {
  if (durable_ >= end_ && held_.empty())
    action();
  else
    held_.emplace_back(end_, std::move(action));
}

// Made once for all that get the same. `index` may be one of a little earlier: agents keep the highest that they were told.
std::shared_ptr<const Welcome> LauncherLoop::WelcomeWith(Peers peers) {
  std::shared_ptr<const Welcome>& made = peers == Peers::told ? welcome_ : short_welcome_;
  if (std::exchange(members_of_, world_.state.membership) != world_.state.membership) members_ = MemberCount(world_.state);
  Welcome welcome{.epoch = world_.state.epoch, .index = durable_, .fence_after = options_.fence_after};
  welcome.beat_every = std::max(options_.beat_every, Duration(static_cast<std::int64_t>(members_) * 100'000));
  if (peers == Peers::told) {
    if (made && made->membership == world_.state.membership) return made;
    welcome.membership = world_.state.membership;
    for (const auto& [id, node] : world_.state.nodes)
      if (node.member) welcome.peers.push_back({id, node.address});
  } else if (made && made->beat_every == welcome.beat_every) {
    return made;
  }
  return made = std::make_shared<const Welcome>(std::move(welcome));
}

std::set<NodeId> LauncherLoop::NodesWithGangs() const {
  std::set<NodeId> nodes;
  for (const auto& [id, job] : world_.state.jobs)
    for (const LiveGang& gang : job.live) nodes.insert(gang.node);
  for (const auto& [id, host] : world_.hosts)
    if (host.report && !host.report->gangs.empty()) nodes.insert(id);
  return nodes;
}

bool LauncherLoop::HasGangs(const NodeId& node) const {
  const HostNow* host = HostIn(world_, node);
  if (host && host->report && !host->report->gangs.empty()) return true;
  return std::any_of(world_.state.jobs.begin(), world_.state.jobs.end(), [&](const auto& entry) {
    const std::vector<LiveGang>& live = entry.second.live;
    return std::any_of(live.begin(), live.end(), [&](const LiveGang& gang) { return gang.node == node; });
  });
}

// Only a host that has gangs may have to keep them alive without a launcher, and asks its peers then. Others have nobody to
// ask: in a crowd that joins, all members to all members would be most of what is sent.
void LauncherLoop::BroadcastMembership() {
  broadcast_at_.reset();
  broadcast_membership_ = world_.state.membership;
  const std::set<NodeId> busy = NodesWithGangs();
  const Duration beat_every = WelcomeWith(Peers::left_out)->beat_every;
  for (auto& [node, session] : sessions_)
    if (const bool told = busy.contains(node); told || (session.beat_every != Duration(0) && session.beat_every != beat_every))
      SendWelcome(session, told ? Peers::told : Peers::left_out);
}

void LauncherLoop::SendWelcome(Session& session, Peers peers) {
  const std::shared_ptr<const Welcome> welcome = WelcomeWith(peers);
  rims_.links.SendWelcome(session.id, welcome);
  session.beat_every = welcome->beat_every;
  if (peers == Peers::left_out) return;
  session.welcomed = welcome->membership;
  if (session.awaited == 0) {
    session.awaited = welcome->membership;
    session.awaited_since = now_;
  }
}

// A hook is started once for one boot of a host: its intent is in the log before it runs, and an unknown outcome is never tried
// again.
void LauncherLoop::StartFences(const Facts& facts) {
  for (const Fact& fact : facts) {
    const auto* lost = std::get_if<NodeLost>(&fact);
    if (!lost || options_.fence_command.empty()) continue;
    const NodeState* node = NodeIn(world_.state, lost->node);
    if (!node) continue;
    Commit({FenceStarted{lost->node, node->boot,
                         Cat("fence hook for ", lost->node, " started: ", options_.fence_command.front())}});
    WhenDurable([this, id = lost->node, boot = node->boot] { RunFence(id, boot); });
  }
}

// On record first; who has come back rebooted meanwhile has had its remedy.
void LauncherLoop::StartRemedies(const Facts& facts) {
  for (const Fact& fact : facts) {
    const auto* started = std::get_if<RemedyStarted>(&fact);
    const NodeState* node = started ? NodeIn(world_.state, started->node) : nullptr;
    if (!node || !node->quarantine) continue;
    WhenDurable([this, id = started->node, boot = node->boot, action = started->action] {
      for (const auto& [of, command] : options_.remedies)
        if (of == action) rims_.fences.Run({id, boot, action, command, options_.remedy_deadline});
    });
  }
}

// The disk may have taken long: who has said hello meanwhile may have work already, and is not switched off.
void LauncherLoop::RunFence(const NodeId& id, const BootId& boot) {
  const NodeState* node = NodeIn(world_.state, id);
  if (node && !node->member && node->boot == boot)
    return rims_.fences.Run({id, boot, std::nullopt, options_.fence_command, options_.fence_deadline});
  Commit({FenceEnded{id, boot, false, Cat("fence hook for ", id, " not run: it has come back before the disk took note")}});
}

void LauncherLoop::MaybeCompact() {
  if (!held_.empty() || end_.value - compacted_.value < options_.compact_every) return;
  compacted_ = end_;
  rims_.journal.Compact(world_.state.epoch, {end_, EncodeState(world_.state)});
}

// Deciding on without knowing the past would be wrong whatever is decided: better nothing than two worlds.
void LauncherLoop::Halt(std::string why) {
  if (!halted_.empty()) return;
  Commit({LauncherHalted{false, why}});
  halted_ = std::move(why);
}

}  // namespace everstep
