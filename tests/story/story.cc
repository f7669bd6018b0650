#include "tests/story/story.h"

#include <algorithm>

#include "base/text.h"
#include "launcher/config/blame_file.h"
#include "launcher/core/checkpoints.h"
#include "launcher/core/drain.h"
#include "launcher/core/drill.h"
#include "launcher/core/hang.h"
#include "launcher/core/host_health.h"
#include "launcher/core/jobs.h"
#include "launcher/core/membership.h"
#include "launcher/core/queue.h"
#include "launcher/core/reconcile.h"
#include "launcher/core/requests.h"

namespace everstep {

namespace {

constexpr Time kBegin = AtNanoseconds(1'000'000'000'000);
constexpr Duration kBeatEvery = 500ms;
constexpr int kRoundsMax = 200;

Pulse PulseOf(Trust trust) {
  return trust == Trust::trusted ? Pulse::trusted : trust == Trust::suspect ? Pulse::suspect : Pulse::lost;
}

}  // namespace

JobSpec Train(std::uint32_t nodes, std::uint32_t spares) {
  return {.name = "train",
          .command = {"python3", "train.py"},
          .resume_args = {"--resume", "{resume}"},
          .nodes = nodes,
          .processes_per_node = 1,
          .spares = spares,
          .workdir = "/srv/train",
          .checkpoint = CheckpointSpec{.dir = "/ckpt"}};
}

Story::Story(const std::vector<std::string>& hosts, Policy policy, Duration step) : step_(step), now_(kBegin) {
  world_.policy = policy;
  if (policy.blame.table().empty()) world_.policy.blame = *BlameRulesFrom({});
  Commit({LauncherStarted{Epoch(1), 0s, "launcher started"}});
  for (const std::string& name : hosts) Up(name);
  Told();
}

Story::~Story() {
  State replayed;
  for (const Entry& entry : log_) Apply(replayed, entry);
  EXPECT_TRUE(replayed == world_.state) << "replaying the facts gives another state";
}

// ---- people --------------------------------------------------------------------------------------------------------------

JobId Story::Submit(const JobSpec& spec) {
  const auto submitted = everstep::Submit(world_, now(), SubmitJob{.spec = spec, .request_id = {}});
  if (!submitted) {
    told_.push_back(submitted.error().Str());
    return {};
  }
  Commit({*submitted});
  Settle();
  return submitted->job;
}

std::string Story::Cancel(const JobId& job, bool now) {
  const auto facts = everstep::Cancel(Job(job), CancelJob{.job = job, .now = now, .by = "ann"});
  if (!facts) return facts.error().Str();
  Commit(*facts);
  Settle();
  return {};
}

std::string Story::ConfirmDead(const std::string& node, const std::string& by) {
  const auto facts = ConfirmDeadBy(world_, NodeId(node), by);
  if (!facts) return facts.error().Str();
  Commit(*facts);
  RetryEvictions();
  Settle();
  return {};
}

std::string Story::Drain(const std::string& node, const std::string& reason, bool now) {
  const auto facts = DrainBy(world_, {.node = NodeId(node), .reason = reason, .by = "ann@login1", .now = now});
  if (!facts) return facts.error().Str();
  Commit(*facts);
  Settle();
  return {};
}

std::string Story::Clear(const std::string& node, const std::string& note, const std::string& check) {
  const auto facts = ClearBy(world_, {.node = NodeId(node), .check = check, .note = note, .by = "ann@login1"});
  if (!facts) return facts.error().Str();
  if (facts->empty()) return "nothing to clear";
  Commit(*facts);
  Settle();
  return {};
}

void Story::Watched(const std::string& name) {
  Host(name).health.watched = true;
  Reports(name);
}

void Story::Raises(const std::string& name, const std::string& check, HealthAction action, const std::string& scope) {
  HostHealth& health = Host(name).health;
  health.watched = true;
  std::erase_if(health.alarms, [&](const HostAlarm& alarm) { return alarm.check == check && alarm.scope == scope; });
  health.alarms.push_back({.check = check,
                           .scope = scope,
                           .fail = action >= HealthAction::drain,
                           .action = action,
                           .why = "7, and more than 3 is bad",
                           .since = now_});
  health.failing = static_cast<std::uint32_t>(health.alarms.size());
  Reports(name);
}

void Story::Mends(const std::string& name, const std::string& check) {
  HostHealth& health = Host(name).health;
  std::erase_if(health.alarms, [&](const HostAlarm& alarm) { return alarm.check == check; });
  health.failing = static_cast<std::uint32_t>(health.alarms.size());
  Reports(name);
}

void Story::RemedyHookSays(const std::string& name, bool done) {
  const NodeState& node = world_.state.nodes.at(NodeId(name));
  ASSERT_TRUE(node.quarantine && node.quarantine->remedy == RemedyPhase::running) << name;
  news_ = true;
  Commit({RemedyEnded{node.node, node.quarantine->action, done, done ? "the hook says that it is done" : "the hook failed"}});
  Settle();
}

std::string Story::Drill(const InjectFault& request) {
  const auto fault = InjectBy(world_, {now_, {}}, request);
  if (!fault) return fault.error().Str();
  Commit({*fault});
  Settle();
  return {};
}

std::string Story::Undrain(const std::string& node) {
  const auto facts = UndrainBy(world_, {.node = NodeId(node), .by = "ann@login1"});
  if (!facts) return facts.error().Str();
  Commit(*facts);
  Settle();
  return {};
}

// ---- time ----------------------------------------------------------------------------------------------------------------

void Story::Pass(Duration d) {
  for (const Time until = now_ + d; now_ < until;) {
    const auto health = HealthDeadline(world_, now_);
    now_ += step_;
    news_ = health && now_ >= *health;
    if (now_.time_since_epoch() % kBeatEvery < step_) BeatAll();
    RunFences();
    for (auto& [id, host] : hosts_) {
      host.RunTimers(now_, world_.policy.fence_after);
      OnReport(host);
    }
    Take(detector_.Tick(now_));
    Settle();
    news_ = true;
  }
}

void Story::BeatAll() {
  for (auto& [id, host] : hosts_) {
    if (!Reaches(host)) continue;
    if (!sessions_.contains(id)) {
      OpenSession(host);
      continue;
    }
    if (!host.amnesia) host.acked = now_;  // its keepers hear of no agent
    Take(detector_.Heard(id, now_, host.MakeBeat(now_)));
    HostNow& known = world_.hosts[id];
    known.silent_since = now_;
    const auto& [version, at] = told_at_[id];
    if (now_ - at >= world_.policy.fence_after / 2) known.told = std::max(known.told, version);
  }
}

// As agent/core/fence.h: who hears no launcher lives on while it reaches more than half that hear none either.
void Story::RunFences() {
  const Duration half = world_.policy.fence_after / 2;
  const auto silent = [&](const SimHost& host) { return host.Speaks() && now_ - host.acked >= half; };
  for (auto& [id, host] : hosts_) {
    if (!silent(host)) continue;
    std::size_t reached = 1;
    for (const NodeId& member : host.members) {
      const auto it = hosts_.find(member);
      reached += it != hosts_.end() && member != id && it->second.island == host.island && silent(it->second) ? 1 : 0;
    }
    if (2 * reached > host.members.size()) host.round = now_;
  }
}

// ---- hosts ---------------------------------------------------------------------------------------------------------------

void Story::Up(const std::string& name) {
  SimHost& host = hosts_[NodeId(name)];
  host.id = NodeId(name);
  host.acked = now_;
  OpenSession(host);
  Settle();
}

void Story::Cut(const std::vector<std::string>& names, int island) {
  for (const std::string& name : names) Host(name).island = island;
}

void Story::Heal(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    SimHost& host = Host(name);
    host.island = 0;
    host.wire = true;
    if (!sessions_.contains(host.id)) OpenSession(host);
  }
  Settle();
}

void Story::PowerOff(const std::string& name) { Host(name).PowerOff(); }

void Story::PowerOn(const std::string& name) {
  Host(name).PowerOn();
  Host(name).acked = now_;
  OpenSession(Host(name));
  Settle();
}

void Story::AgentDies(const std::string& name) {
  SimHost& host = Host(name);
  const bool seen = Reaches(host);
  host.agent = false;
  if (!seen) return;
  CloseSession(host.id);
  Take(detector_.SessionLost(host.id, now_, "connection reset by peer"));
  Settle();
}

void Story::AgentStarts(const std::string& name) {
  SimHost& host = Host(name);
  host.agent = true;
  host.incarnation = host.incarnation.Next();
  host.seq = host.beats = Sequence();
  if (Reaches(host)) OpenSession(host);
  Settle();
}

void Story::FenceHookSays(const std::string& name, bool off) {
  const NodeState& node = world_.state.nodes.at(NodeId(name));
  Commit({FenceStarted{node.node, node.boot, Cat("fence hook for ", name, " started: /usr/bin/off")}});
  Commit({FenceEnded{node.node, node.boot, off, Cat("fence hook for ", name, off ? " says that it is off" : " failed")}});
  Settle();
}

void Story::Refuse(const std::string& name, Refusal refusal, const std::string& why) {
  Host(name).refusals.emplace_back(refusal, why);
}

void Story::Reports(const std::string& name) {
  OnReport(Host(name));
  Settle();
}

// ---- ranks and checkpoints -----------------------------------------------------------------------------------------------

SimHost* Story::HostOfRank(const JobId& job, std::uint32_t rank) {
  for (const NodeId& node : Job(job).hosts) {
    SimHost& host = hosts_.at(node);
    const auto spec = host.specs.find({job, Job(job).generation});
    if (spec == host.specs.end()) continue;
    const std::uint32_t first = spec->second.first_rank;
    if (rank >= first && rank < first + spec->second.local_world_size) return &host;
  }
  return nullptr;
}

void Story::RankEnds(const JobId& job, std::uint32_t rank, const RankExit& exit) {
  SimHost* host = HostOfRank(job, rank);
  if (!host) return;
  host->EndRank(now_, job, rank, exit);
  OnReport(*host);
  Settle();
}

void Story::AllRanksEnd(const JobId& job, const RankExit& exit) {
  const std::size_t ranks = Job(job).hosts.size() * Job(job).processes_per_node;
  for (std::uint32_t rank = 0; rank < ranks && !Ended(Phase(job)); ++rank) RankEnds(job, rank, exit);
}

void Story::Writes(const JobId& job, std::uint32_t rank, const std::string& text) {
  read_[HostOfRank(job, rank)->id][{job, Job(job).generation}].push_back({rank, text});
}

void Story::Step(const JobId& job, std::uint64_t step) {
  const std::vector<NodeId> hosts = Job(job).hosts;
  for (const NodeId& node : hosts) {
    hosts_.at(node).Tell(job, step);
    OnReport(hosts_.at(node));
  }
  Settle();
}

CheckpointSeen Story::Seen(const JobId& job, const std::string& source, std::optional<std::uint64_t> step, bool complete) {
  CheckpointSeen seen{
      .job = job, .generation = Job(job).generation, .source = source, .step = step, .complete = complete, .why = "CRCs match"};
  if (!complete) seen.why = "record 3 is cut short";
  if (complete) seen.path = Cat("/ckpt/.everstep/", source, '-', now_.time_since_epoch().count());
  if (complete) seen.files = {{.size = 1000, .inode = static_cast<std::uint64_t>(now_.time_since_epoch().count())}};
  return seen;
}

void Story::Saves(const JobId& job, const std::string& source, std::optional<std::uint64_t> step, bool complete) {
  SimHost& host = hosts_.at(Job(job).hosts.front());
  host.checkpoints.push_back(Seen(job, source, step, complete));
  OnReport(host);
  Settle();
}

// ---- the launcher --------------------------------------------------------------------------------------------------------

void Story::RestartLauncher(Duration away) {
  for (const Time until = now_ + away; now_ < until;) {
    now_ += step_;
    RunFences();
    for (auto& [id, host] : hosts_) host.RunTimers(now_, world_.policy.fence_after);
  }
  World fresh;
  fresh.policy = world_.policy;
  for (const Entry& entry : log_) Apply(fresh.state, entry);
  EXPECT_TRUE(fresh.state == world_.state) << "replaying the facts gives another state";
  world_ = std::move(fresh);
  sessions_.clear();
  told_at_.clear();
  detector_ = FailureDetector(DetectorOptions{});
  for (const auto& [id, node] : world_.state.nodes) {
    detector_.Watch(id, now_, now_ + 10s);
    world_.hosts[id].silent_since = world_.hosts[id].heard_since = now_;
    world_.hosts[id].pulse = node.member ? Pulse::trusted : Pulse::lost;
  }
  Commit({LauncherStarted{world_.state.epoch.Next(), away, "launcher started again"}});
  Settle();
}

void Story::OpenSession(SimHost& host) {
  if (!Reaches(host)) return;
  sessions_.insert(host.id);
  if (!host.amnesia) host.acked = now_;
  const Hello hello = host.MakeHello();
  HostNow& known = world_.hosts[host.id];
  const bool was_suspect = known.pulse == Pulse::suspect;
  if (known.pulse != Pulse::trusted || !known.report) known.heard_since = now_;
  known.connected = true;
  known.pulse = Pulse::trusted;
  known.pulse_why.clear();
  NoteSteps(world_, now_, host.id, hello.report);
  known.report = hello.report;
  known.silent_since = now_;
  detector_.Watch(host.id, now_, now_);
  const Facts joined = everstep::Join(world_, hello);
  Commit(joined);
  if (joined.empty() && was_suspect) Commit({NodeTrusted{host.id, Cat(host.id, " opened a new session")}});
  Commit(RegisterCheckpoints(world_, host.id, hello.report));
  Take(detector_.Heard(host.id, now_, host.MakeBeat(now_)));
  RetryEvictions();
}

void Story::CloseSession(const NodeId& node) {
  sessions_.erase(node);
  world_.hosts[node].connected = false;
}

void Story::OnReport(SimHost& host) {
  if (!Reaches(host) || !sessions_.contains(host.id)) return;
  HostNow& known = world_.hosts[host.id];
  Report report = host.MakeReport();
  if (known.report && HashOf(*known.report) == HashOf(report)) return;
  NoteSteps(world_, now_, host.id, report);
  known.report = std::move(report);
  for (const GangStatus& gang : known.report->gangs)
    for (const RankStatus& rank : gang.ranks)
      if (rank.exit && rank.exit->code != 0u) world_.first_failure.try_emplace({gang.job, gang.generation}, now_);
  news_ = true;
  Commit(RegisterCheckpoints(world_, host.id, *known.report));
  Decide();
  host.Obey(now_, ReportAck{});
}

void Story::Take(const DetectorOutput& output) {
  for (const TrustChanged& change : output.changed) {
    news_ = true;
    HostNow& host = world_.hosts[change.node];
    if (change.trust == Trust::trusted) host.heard_since = now_;
    host.pulse = PulseOf(change.trust);
    host.pulse_why = change.why;
    if (change.trust == Trust::lost) host.last_words = read_[change.node];
    host.silent_since = detector_.SilentSince(change.node).value_or(now_);
    const NodeState* node = NodeIn(world_.state, change.node);
    if (!node || !node->member) continue;
    if (change.trust == Trust::suspect) Commit({NodeSuspected{change.node, change.why}});
    if (change.trust == Trust::trusted) Commit({NodeTrusted{change.node, change.why}});
    if (change.trust == Trust::lost) Commit(Evict(world_, change.node, change.why));
  }
  if (!output.changed.empty()) RetryEvictions();
  for (const AskAbout& ask : output.ask) Ask(ask);
}

void Story::RetryEvictions() {
  for (const NodeId& node : SilentMembers(world_)) {
    if (world_.hosts[node].pulse != Pulse::lost) continue;
    const Facts facts = Evict(world_, node, world_.hosts[node].pulse_why);
    if (!facts.empty() && std::holds_alternative<NodeLost>(facts.front())) Commit(facts);
  }
}

void Story::Ask(const AskAbout& ask) {
  SimHost& suspect = hosts_.at(ask.suspect);
  const auto answer = [&](const NodeId& by, bool reached) {
    Opinion opinion{by, PeerFinding::nothing, "no answer in 700 ms", now_};
    std::optional<Beat> beat;
    if (reached && suspect.powered && !suspect.frozen && !suspect.agent) {
      opinion.finding = PeerFinding::agent_down;
      opinion.evidence = "connection refused";
    } else if (reached && suspect.Speaks()) {
      opinion.finding = PeerFinding::alive;
      suspect.acked = std::max(suspect.acked, detector_.NewestSent(ask.suspect).value_or(Time()));
      beat = suspect.MakeBeat(now_);
    }
    Take(detector_.Found(ask.suspect, ask.nonce, opinion, beat));
  };
  answer(NodeId(), suspect.island == 0 && suspect.wire);
  std::size_t asked = 0;
  for (const auto& [id, peer] : hosts_) {
    if (id == ask.suspect || !sessions_.contains(id) || !Reaches(peer)) continue;
    if (!ask.everybody && ++asked > 3) break;
    answer(id, peer.island == suspect.island);
  }
}

bool Story::Reaches(const SimHost& host) const { return host.Speaks() && host.island == 0 && host.wire; }

void Story::TellMembership() {
  if (membership_told_ == world_.state.membership) return;
  membership_told_ = world_.state.membership;
  Welcome welcome;
  for (const auto& [id, node] : world_.state.nodes)
    if (node.member) welcome.peers.push_back({id, node.address});
  for (const NodeId& node : sessions_) {
    if (!Reaches(hosts_.at(node))) continue;
    hosts_.at(node).Obey(now_, welcome);
    told_at_[node] = {membership_told_, now_};
  }
}

void Story::Commit(const Facts& facts) {
  for (const Fact& fact : facts) {
    CheckFact(fact);
    log_.push_back({now_, {now_.time_since_epoch().count()}, fact});
    Apply(world_.state, log_.back());
    told_.push_back(WhyOf(fact));
    if (const auto* lost = std::get_if<NodeLost>(&fact)) CloseSession(lost->node);
  }
}

void Story::Settle() {
  Decide();
  Deliver();
  TellMembership();
  CheckWorlds();
  CheckDeadlines();
}

void Story::Decide() {
  world_.heard_until = now_;
  for (int round = 0; round < kRoundsMax; ++round) {
    Facts facts;
    for (const auto& [id, host] : hosts_)
      if (facts.empty()) facts = JudgeHealth(world_, now(), id);
    EXPECT_TRUE(facts.empty() || news_) << "decided by time alone: " << WhyOf(facts.front());
    for (const auto& [id, job] : world_.state.jobs) {
      if (!facts.empty()) break;
      if (job.phase == JobPhase::queued || Ended(job.phase)) continue;
      facts = AdvanceJob(world_, now(), job);
      if (facts.empty()) continue;
      EXPECT_TRUE(news_ || due_.contains(id)) << id << ": decided by time alone, without a deadline: " << WhyOf(facts.front());
      news_ = true;
      break;
    }
    if (facts.empty()) facts = AdvanceQueue(world_, now());
    if (facts.empty()) return;
    Commit(facts);
  }
  ADD_FAILURE() << "two rules fight:\n" << everstep::Join(Lines(told_.end() - 10, told_.end()), "\n");
}

void Story::Deliver() {
  for (bool news = true; news;) {
    news = false;
    for (auto& [id, host] : hosts_) {
      if (!sessions_.contains(id) || !Reaches(host)) continue;
      const std::uint64_t before = HashOf(*world_.hosts[id].report);
      for (const ToAgent& command : Reconcile(world_, id)) host.Obey(now_, command);
      CheckWorlds();
      OnReport(host);
      news = news || HashOf(*world_.hosts[id].report) != before;
    }
  }
}

// ---- what must always hold -----------------------------------------------------------------------------------------------

void Story::CheckWorlds() {
  std::map<JobId, std::pair<Generation, NodeId>> alive;
  for (const auto& [id, host] : hosts_) {
    std::optional<JobId> here;
    for (const GangStatus& gang : host.gangs) {
      if (!host.powered || host.frozen || !SimHost::Alive(gang)) continue;
      const auto [it, first] = alive.try_emplace(gang.job, gang.generation, id);
      EXPECT_TRUE(it->second.first == gang.generation)
          << "two worlds: " << gang.job << " generation " << gang.generation.value << " on " << id << " and "
          << it->second.first.value << " on " << it->second.second;
      EXPECT_TRUE(!here || *here == gang.job) << id << " has ranks of " << *here << " and " << gang.job;
      here = gang.job;
    }
  }
}

void Story::CheckDeadlines() {
  due_.clear();
  for (const auto& [id, job] : world_.state.jobs) {
    const auto due = JobDeadline(world_, job);
    if (!due) continue;
    EXPECT_GT(*due, now_) << id << ": a deadline in the past would keep the loop spinning";
    if (*due <= now_ + step_) due_.insert(id);
  }
}

void Story::CheckFact(const Fact& fact) const {
  const std::string& why = WhyOf(fact);
  EXPECT_FALSE(why.empty()) << KindOf(fact);
  EXPECT_LE(why.size(), limit::kWhyBytes) << KindOf(fact);
  EXPECT_EQ(why.find('\n'), std::string::npos) << why;
  const JobState* job = JobIn(world_.state, JobOf(fact));
  if (!job) return;
  EXPECT_FALSE(Ended(job->phase)) << job->id << " has ended (" << job->why << "), and then: " << why;
  if (const auto* plan = std::get_if<GenerationPlanned>(&fact)) {
    EXPECT_GT(plan->generation, job->generation) << why;
    EXPECT_TRUE(job->live.empty()) << "an old generation may still live: " << why;
    for (const auto& [id, other] : world_.state.jobs)
      for (const LiveGang& gang : other.live)
        EXPECT_TRUE(id == job->id || std::find(plan->hosts.begin(), plan->hosts.end(), gang.node) == plan->hosts.end())
            << gang.node << " works for " << id << " still: " << why;
  }
}

Lines Story::Told() { return std::exchange(told_, {}); }

std::vector<std::string> Story::HostsOf(const JobId& job) const {
  std::vector<std::string> names;
  for (const NodeId& node : Job(job).hosts) names.push_back(node.value);
  return names;
}

}  // namespace everstep
