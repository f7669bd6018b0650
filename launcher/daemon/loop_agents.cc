#include <algorithm>
#include <set>
#include <utility>

#include "base/text.h"
#include "launcher/core/checkpoints.h"
#include "launcher/core/exclusion.h"
#include "launcher/core/hang.h"
#include "launcher/core/membership.h"
#include "launcher/core/sentence.h"
#include "launcher/daemon/loop.h"

namespace everstep {

namespace {

constexpr std::size_t kPeersAsked = 3;
constexpr std::size_t kPeersAskedAll = 64;
constexpr std::size_t kPeersDrawn = 128;  // and then looked at: most of them can answer
constexpr Duration kDialDeadline = 700ms;

Pulse PulseOf(Trust trust) {
  switch (trust) {
    case Trust::trusted: return Pulse::trusted;
    case Trust::suspect: return Pulse::suspect;
    case Trust::lost: return Pulse::lost;
  }
  return Pulse::lost;
}

}  // namespace

std::string LauncherLoop::WhyRejected(const Hello& hello, bool& final) const {
  if (hello.protocol != limit::kProtocol) {
    final = true;
    return Cat("agent ", hello.version, " speaks protocol ", hello.protocol, ", this launcher (", version_, ") speaks ",
               limit::kProtocol, ": install the same version on both");
  }
  const NodeState* known = NodeIn(world_.state, hello.node);
  const auto silent_since = detector_.SilentSince(hello.node);
  const Duration silence = silent_since ? NowAt(now_).at - *silent_since : Duration(0);
  const auto it = sessions_.find(hello.node);
  // The agent that has the name may be back in a moment, and its ranks live until their fence time.
  if (known && known->state_id != hello.state_id && silence < FenceTime(options_.fence_after)) {
    if (it == sessions_.end())
      return Cat("the agent of ", hello.node, " was heard ", Show(silence),
                 " ago with another state directory: ask again once it "
                 "was silent for ",
                 Show(FenceTime(options_.fence_after)));
  } else if (it == sessions_.end() || silence >= options_.suspect_after) {
    return {};
  } else if (known && known->boot == hello.boot && hello.incarnation >= it->second.incarnation) {
    return {};  // its agent came back before its old stream was seen to end
  }
  return Cat("another live agent is ", hello.node, " already, from ", it->second.peer,
             ": give this host a name of its own (--node)");
}

void LauncherLoop::On(const SessionOpened& input) {
  const Hello& hello = input.hello;
  bool final = false;
  if (const std::string why = WhyRejected(hello, final); !why.empty()) return Refuse(input, why, final);
  HaltIfLater(hello.node, hello.epoch_seen);
  if (superseded_by_.value > 0)
    return Refuse(input, Cat("a launcher of epoch ", superseded_by_, " has taken over from this one"), false);
  // What this launcher has written itself is no part of what an earlier one told of.
  const LogIndex ends = hello.epoch_seen == world_.state.epoch ? end_ : recovered_end_;
  if (hello.index_seen > ends)
    Halt(Cat(hello.node, " was told of log entry ", hello.index_seen, ", this log ended at ", ends,
             ": the log lost its tail (restored backup?); nothing is decided here any more"));
  if (const auto old = sessions_.find(hello.node); old != sessions_.end()) {
    nodes_by_session_.erase(old->second.id);
    rims_.links.Close(old->second.id);
  }
  nodes_by_session_[input.session] = hello.node;
  sessions_[hello.node] = {.id = input.session,
                           .state_id = hello.state_id,
                           .incarnation = hello.incarnation,
                           .peer = input.peer,
                           .report_hash = HashOf(hello.report)};
  HostNow& host = Host(hello.node);
  if (const NodeState* known = NodeIn(world_.state, hello.node); known && known->state_id != hello.state_id) host.told = 0;
  const bool was_silent = host.pulse != Pulse::trusted;  // suspect, or lost and held: too many were
  if (host.pulse != Pulse::trusted || !host.report) host.heard_since = NowAt(now_).at;
  host.connected = true;
  host.pulse = Pulse::trusted;
  host.pulse_why.clear();
  host.report = hello.report;
  host.silent_since = NowAt(now_).at;
  detector_.Watch(hello.node, NowAt(now_).at, NowAt(now_).at);
  if (halted_.empty()) {
    if (const NodeState* known = NodeIn(world_.state, hello.node); known && known->boot != hello.boot)
      KeepLastWords(hello.node);
    const Facts joined = Join(world_, hello);
    Commit(joined);
    if (joined.empty() && was_silent) Commit({NodeTrusted{hello.node, Cat(hello.node, " opened a new session")}});
  }
  OnReport(hello.node, sessions_[hello.node], hello.report);
  WhenDurable([this, id = input.session, node = hello.node] {
    const auto it = sessions_.find(node);
    if (it != sessions_.end() && it->second.id == id) SendWelcome(it->second, HasGangs(node) ? Peers::told : Peers::left_out);
  });
  touched_nodes_.insert(hello.node);
  RetryHeldEvictions();
}

// This launcher has been superseded. Its log may have told it already, unless it is a copy, or there was nothing to decide. It
// lets go of all agents: an acknowledgement keeps gangs alive whose successors the other one may be about to start.
void LauncherLoop::HaltIfLater(const NodeId& node, Epoch obeyed) {
  if (obeyed <= world_.state.epoch) return;
  Halt(Cat(node, " has obeyed epoch ", obeyed, ", this launcher is only epoch ", world_.state.epoch,
           ": another launcher has taken over, or this log is an old copy; nothing is decided here any more"));
  superseded_by_ = std::max(superseded_by_, obeyed);
  while (!sessions_.empty()) CloseSession(NodeId(sessions_.begin()->first));
}

void LauncherLoop::Refuse(const SessionOpened& input, const std::string& why, bool final) {
  rims_.log("warning", Cat("refused an agent from ", input.peer, ": ", why));
  rims_.links.Send(input.session, Rejected{why, final});
  rims_.links.Close(input.session);
}

// A host that lives and hears a launcher of an earlier epoch is somebody else's.
void LauncherLoop::WarnOfRival(const NodeId& node, const Pong& pong) {
  if (pong.epoch.value == 0 || pong.epoch >= world_.state.epoch || pong.launcher_silent) return;
  if (sessions_.contains(node) || NowAt(now_).at < return_until_ || !rivals_.insert(pong.epoch).second) return;
  rims_.log("warning", Cat(node, " lives and follows a launcher of epoch ", pong.epoch, ", this one is epoch ",
                           world_.state.epoch, ": two launchers run, end one of them"));
}

void LauncherLoop::On(const SessionMessage& input) {
  const auto it = nodes_by_session_.find(input.session);
  if (it == nodes_by_session_.end()) return;  // replaced by a newer session
  const NodeId node = it->second;
  Session& session = sessions_.at(node);
  if (const auto* beat = std::get_if<Beat>(&input.message)) {
    OnBeat(node, session, *beat);
  } else if (const auto* report = std::get_if<Report>(&input.message)) {
    OnReport(node, session, *report);
  } else if (const auto* refused = std::get_if<DrillRefused>(&input.message)) {
    const JobState* job = JobIn(world_.state, refused->job);
    if (halted_.empty() && job && job->generation == refused->generation && job->drill && job->drill->node == node)
      Commit({DrillNotDone{refused->job, refused->generation, node, Sentence("no drill on ", node, ": ", Said(refused->why))}});
  } else if (const auto* answer = std::get_if<PeerAnswer>(&input.message)) {
    Found(answer->suspect, answer->nonce, {node, answer->finding, answer->evidence, NowAt(judged_at_).at}, answer->beat);
  }
}

void LauncherLoop::On(const SessionClosed& input) {
  const auto it = nodes_by_session_.find(input.session);
  if (it == nodes_by_session_.end()) return;
  const NodeId node = it->second;
  nodes_by_session_.erase(it);
  sessions_.erase(node);
  Host(node).connected = false;
  Take(detector_.SessionLost(node, NowAt(now_).at, input.why));
}

void LauncherLoop::On(const DialAnswer& input) {
  std::optional<Beat> beat;
  const NodeState* node = NodeIn(world_.state, input.node);
  if (input.pong && node && input.pong->node == input.node) {
    if (input.pong->boot == node->boot) beat = input.pong->beat;
    // Of an agent that this launcher knows: one of another cluster may have the name and the address by now.
    if (input.pong->beat.agent == TagOf(node->state_id, input.pong->boot)) {
      HaltIfLater(input.node, input.pong->epoch);
      WarnOfRival(input.node, *input.pong);
    }
  }
  Found(input.node, input.nonce, {NodeId(), input.finding, input.evidence, NowAt(judged_at_).at}, beat);
}

// An answer of another agent of that name (a second one, one whose state directory is new, one that a reboot brought) says only
// that the host is up: the one that has a session here may be gone without a word.
void LauncherLoop::Found(const NodeId& suspect, std::uint64_t nonce, Opinion opinion, std::optional<Beat> beat) {
  const NodeState* node = NodeIn(world_.state, suspect);
  if (beat && node && beat->agent != TagOf(node->state_id, node->boot)) {
    beat.reset();
    opinion.finding = PeerFinding::agent_down;
    opinion.evidence = "another agent answers under its name";
  }
  const DetectorOutput output = detector_.Found(suspect, nonce, opinion, beat);
  SyncSilence(suspect);
  Take(output);
}

void LauncherLoop::On(const HookDone& input) {
  if (!halted_.empty()) return;
  if (input.remedy)
    Commit({RemedyEnded{input.node, *input.remedy, input.off, input.why}});
  else
    Commit({FenceEnded{input.node, input.boot, input.off, input.why}});
}

void LauncherLoop::OnBeat(const NodeId& node, Session& session, const Beat& beat) {
  Take(detector_.Heard(node, NowAt(now_).at, beat));
  HostNow& host = Host(node);
  host.silent_since = detector_.SilentSince(node).value_or(NowAt(now_).at);
  if (session.awaited != 0 && now_ - session.awaited_since >= options_.fence_after / 2) {
    // Heard all that time, it has also received what was sent (assumed, as in agent/core/fence.h).
    host.told = std::max(host.told, session.awaited);
    session.awaited = session.welcomed > host.told ? session.welcomed : 0;
    session.awaited_since = now_;
  }
  rims_.links.Send(session.id, BeatAck{world_.state.epoch, beat.seq, beat.sent, durable_,
                                       beat.state_hash != session.report_hash, rims_.clock.Wall()});
}

void LauncherLoop::OnReport(const NodeId& node, Session& session, const Report& report) {
  session.report_hash = HashOf(report);
  NoteSteps(world_, NowAt(now_).at, node, report);
  Host(node).report = report;
  touched_nodes_.insert(node);
  bool failed = false;  // here first
  for (const GangStatus& gang : report.gangs) {
    touched_jobs_.insert(gang.job);
    const auto bad = [](const RankStatus& rank) { return rank.exit && rank.exit->code != 0u; };
    if (std::none_of(gang.ranks.begin(), gang.ranks.end(), bad)) continue;
    std::erase_if(world_.first_failure,
                  [&](const auto& known) { return known.first.job == gang.job && known.first.generation < gang.generation; });
    failed = world_.first_failure.try_emplace({gang.job, gang.generation}, NowAt(now_).at).second || failed;
  }
  if (halted_.empty()) Commit(RegisterCheckpoints(world_, node, report));
  if (report.checkpoints.empty()) {
    // Of many that are well one decision speaks as well as one for each. The first failure is looked at before what comes
    // after.
    reports_.emplace_back(session.id, report.seq);
    if (failed || left_ == 0) SettleReports();
    return;
  }
  SettleReports();
  WhenDurable([this, id = session.id, seq = report.seq, registered = RegisteredIn(world_.state, report)] {
    rims_.links.Send(id, ReportAck{world_.state.epoch, seq, durable_, registered});
  });
}

void LauncherLoop::SettleReports() {
  if (halted_.empty()) SettleJobs();
  for (const auto& [id, seq] : std::exchange(reports_, {}))
    WhenDurable([this, session = id, report = seq] {
      rims_.links.Send(session, ReportAck{world_.state.epoch, report, durable_, {}});
    });
}

void LauncherLoop::Take(const DetectorOutput& output) {
  for (const AskAbout& ask : output.ask) Ask(ask);
  for (const TrustChanged& change : output.changed) {
    HostNow& host = Host(change.node);
    if (change.trust == Trust::trusted) host.heard_since = NowAt(now_).at;
    host.pulse = PulseOf(change.trust);
    host.pulse_why = change.why;
    const NodeState* node = NodeIn(world_.state, change.node);
    if (!halted_.empty() || !node || !node->member) continue;
    if (change.trust == Trust::suspect) Commit({NodeSuspected{change.node, change.why}});
    if (change.trust == Trust::trusted) Commit({NodeTrusted{change.node, change.why}});
    if (change.trust == Trust::lost) TakeLost(change.node, change.why);
  }
  if (!output.changed.empty()) RetryHeldEvictions();
}

// Who was evicted has to say hello again: only that makes it a member.
void LauncherLoop::CloseSession(const NodeId& node) {
  const auto it = sessions_.find(node);
  if (it == sessions_.end()) return;
  rims_.links.Close(it->second.id);
  nodes_by_session_.erase(it->second.id);
  sessions_.erase(it);
  Host(node).connected = false;
}

void LauncherLoop::TakeLost(const NodeId& node, const std::string& why) {
  KeepLastWords(node);
  Commit(Evict(world_, node, why));
}

// Before anything is decided of a host whose ranks will never tell how they ended.
void LauncherLoop::KeepLastWords(const NodeId& node) {
  if (!rims_.last_words) return;
  auto& kept = Host(node).last_words;
  kept.clear();
  for (const auto& [id, job] : world_.state.jobs) {
    if (everstep::Ended(job.phase) || std::find(job.hosts.begin(), job.hosts.end(), node) == job.hosts.end()) continue;
    const GangKey gang{id, job.generation};
    if (std::vector<RankWords> words = rims_.last_words(node, gang); !words.empty()) kept[gang] = std::move(words);
  }
}

// Whoever was found lost while too many were silent is evicted as soon as the half rule allows.
void LauncherLoop::RetryHeldEvictions() {
  retry_evictions_ = left_ > 0;
  if (retry_evictions_ || !halted_.empty()) return;
  const std::vector<NodeId> silent = SilentMembers(world_);
  if (2 * silent.size() >= MemberCount(world_.state)) return;  // nobody may be: not asked anew for each of so many
  for (const NodeId& node : silent) {
    if (Host(node).pulse != Pulse::lost) continue;
    const Facts facts = Evict(world_, node, Host(node).pulse_why);
    if (!facts.empty() && std::holds_alternative<NodeLost>(facts.front())) Commit(facts);
  }
}

// All, by name; of many a part that is drawn, for each question anew. Session numbers grow, so a number that is drawn stands
// for the next one that is open.
std::vector<std::pair<SessionId, NodeId>> LauncherLoop::PeersToAsk() {
  std::vector<std::pair<SessionId, NodeId>> peers;
  if (sessions_.size() <= kPeersDrawn) {
    for (const auto& [node, session] : sessions_) peers.emplace_back(session.id, node);
    return peers;
  }
  const std::uint64_t first = nodes_by_session_.begin()->first.value;
  const std::uint64_t range = nodes_by_session_.rbegin()->first.value - first + 1;
  std::map<NodeId, SessionId> drawn;
  for (std::size_t i = 0; i < kPeersDrawn; ++i) {
    const auto it = nodes_by_session_.lower_bound(SessionId(first + rng_.Below(range)));
    drawn.emplace(it->second, it->first);
  }
  for (const auto& [node, session] : drawn) peers.emplace_back(session, node);
  return peers;
}

// The hosts of the jobs that have work there. Found once, not anew for each peer, and kept for the next suspect: with a
// thousand hosts in a job and many suspects that would be all this loop did.
const std::set<NodeId>& LauncherLoop::GangOf(const NodeId& suspect) {
  std::vector<const JobState*> jobs;
  for (const auto& [id, job] : world_.state.jobs)
    if (!everstep::Ended(job.phase) && std::find(job.hosts.begin(), job.hosts.end(), suspect) != job.hosts.end())
      jobs.push_back(&job);
  const GangKey key = jobs.size() == 1 ? GangKey{jobs[0]->id, jobs[0]->generation} : GangKey();
  if (jobs.size() == 1 && gang_asked_.first == key) return gang_asked_.second;
  gang_asked_ = {key, {}};
  for (const JobState* job : jobs) gang_asked_.second.insert(job->hosts.begin(), job->hosts.end());
  return gang_asked_.second;
}

void LauncherLoop::Ask(const AskAbout& ask) {
  const NodeState* suspect = NodeIn(world_.state, ask.suspect);
  if (!suspect) return;
  const auto acknowledged = detector_.NewestSent(ask.suspect);
  rims_.links.Dial(ask.suspect, suspect->address, Ping{ask.nonce, ask.suspect, world_.state.epoch, acknowledged},
                   kDialDeadline);
  // Peers that share no gang with the suspect come first: what breaks the gang may break its hosts' view too.
  const std::set<NodeId>& gang = GangOf(ask.suspect);
  std::vector<std::pair<bool, SessionId>> peers;
  for (const auto& [session, node] : PeersToAsk())
    if (node != ask.suspect && Host(node).pulse == Pulse::trusted) peers.emplace_back(gang.count(node) > 0, session);
  for (std::size_t i = peers.size(); i > 1; --i) std::swap(peers[i - 1], peers[rng_.Below(i)]);
  std::stable_sort(peers.begin(), peers.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  // One from outside the gang at least, but not only those: a gang's own network is a view of its own.
  if (!ask.everybody && peers.size() > kPeersAsked)
    std::rotate(peers.begin() + 1, peers.end() - (kPeersAsked - 1), peers.end());
  peers.resize(std::min(peers.size(), ask.everybody ? kPeersAskedAll : kPeersAsked));
  for (const auto& [shares, session] : peers)
    rims_.links.Send(session, ProbePeer{world_.state.epoch, ask.nonce, ask.suspect, suspect->address, acknowledged});
}

// The detector may have heard of a host otherwise than over its session. Later is the safe side, never earlier.
void LauncherLoop::SyncSilence(const NodeId& node) {
  HostNow& host = Host(node);
  host.silent_since = std::max(host.silent_since, detector_.SilentSince(node).value_or(host.silent_since));
}

}  // namespace everstep
