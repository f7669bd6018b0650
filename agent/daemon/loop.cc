#include "agent/daemon/loop.h"

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace everstep {

namespace {
constexpr std::size_t kProbesMax = 256;
constexpr std::size_t kHeldMax = 1024;

std::optional<Time> Sooner(std::optional<Time> a, std::optional<Time> b) {
  if (!a || !b) return a ? a : b;
  return std::min(*a, *b);
}
}  // namespace

AgentLoop::AgentLoop(AgentSetup setup, LauncherLink& link, Processes& processes, Files& files, StateWriter& writer,
                     SlowFiles& slow_files, Rng rng, LogSink log)
    : setup_(std::move(setup)),
      link_(link),
      slow_files_(slow_files),
      rng_(rng),
      log_(std::move(log)),
      state_(files, writer, setup_.state_dir),
      gangs_(processes, slow_files, state_, setup_.host, setup_.progress, setup_.state_dir + "/gangs", log_),
      session_(Rng(rng_.Next())) {}

Status AgentLoop::Begin(Time now) {
  EVERSTEP_TRY(state_.Load());
  AgentMemory memory = state_.memory();
  memory.incarnation = memory.incarnation.Next();
  memory.boot = setup_.boot;
  if (memory.state_id.empty()) memory.state_id = Cat(rng_.Next());
  EVERSTEP_TRY(state_.RememberNow(std::move(memory)));
  obeyed_ = state_.memory().epoch;

  fence_.emplace(setup_.node, now);
  const ClusterMemory& cluster = state_.cluster();
  if (!cluster.peers.empty()) fence_->Told(cluster.fence_after, cluster.peers);
  log_("info",
       Cat("agent of ", setup_.node, ", incarnation ", incarnation(), ", epoch ", state_.memory().epoch, " obeyed last"));
  EVERSTEP_TRY(gangs_.Adopt());
  adopting_ = true;
  return {};
}

void AgentLoop::Handle(Time now, AgentInput input) {
  std::visit([&](const auto& i) { On(now, i); }, input);
  Settle(now);
}

void AgentLoop::Tick(Time now) {
  gangs_.Tick(now);
  Settle(now);
}

std::optional<Time> AgentLoop::Deadline() const {
  if (adopting_ && !adopt_until_) return Time();  // at once
  std::optional<Time> due = Sooner(adopt_until_, gangs_.Deadline());
  due = Sooner(due, session_.Deadline());
  if (session_.Up()) due = Sooner(due, reporter_.Deadline());
  if (!gangs_.Guarding()) return due;
  due = Sooner(due, fence_->Deadline());
  if (fence_->Lease() != lapse_said_) due = Sooner(due, fence_->Lease());
  return due;
}

void AgentLoop::Settle(Time now) {
  if (adopting_ && !adopt_until_) adopt_until_ = now + kAdoptionMax;
  if (adopting_ && (gangs_.Settled() || now >= *adopt_until_)) {
    adopting_ = false;
    adopt_until_.reset();
    session_.Begin(now);
  }
  if (gangs_.Guarding()) RememberCluster();
  reporter_.SetGangs(gangs_.Statuses());
  RunFence(now);
  RunSession(now);
}

// ---- the link ------------------------------------------------------------------------------------------------------------

void AgentLoop::RunSession(Time now) {
  for (SessionStep step = session_.Tick(now); step.act != SessionAct::nothing; step = session_.Tick(now)) {
    if (step.act == SessionAct::open) link_.Open();
    if (step.act == SessionAct::beat) link_.Send(FreshBeat(now));
    if (step.act == SessionAct::close) {
      log_("warning", Cat("closing the link: ", step.why));
      link_.Close();
    }
  }
  if (session_.Up() && reporter_.Due(now)) link_.Send(reporter_.Take(now));
}

void AgentLoop::CloseLink(const std::string& why) {
  log_("error", Cat("closing the link: ", why));
  session_.CloseNow();
  link_.Close();
}

void AgentLoop::On(Time now, const LinkOpened&) {
  if (session_.phase() != SessionPhase::opening) return;
  session_.Opened(now);
  hello_sent_ = now;
  link_.Send(Hello{.protocol = limit::kProtocol,
                   .version = setup_.version,
                   .node = setup_.node,
                   .boot = setup_.boot,
                   .state_id = state_.memory().state_id,
                   .incarnation = incarnation(),
                   .address = setup_.address,
                   .job_address = setup_.host.job_address,
                   .accelerators = setup_.accelerators,
                   .epoch_seen = state_.memory().epoch,
                   .index_seen = state_.memory().index,
                   .report = reporter_.Take(now)});
}

void AgentLoop::On(Time now, const LinkClosed& input) {
  if (session_.Up() || input.why != link_said_) log_("warning", Cat("no link to the launcher: ", input.why));
  link_said_ = input.why;
  hello_sent_.reset();
  held_.clear();
  session_.Closed(now);
}

void AgentLoop::On(Time now, const LinkMessage& input) {
  if (!held_.empty()) {
    session_.Heard(now);
    if (held_.size() >= kHeldMax) return CloseLink("the disk does not take the launcher's epoch");
    held_.push_back(input);
    return;
  }
  const SessionPhase phase = session_.phase();
  const bool greeting = std::holds_alternative<Welcome>(input.message) || std::holds_alternative<Rejected>(input.message);
  if (phase != SessionPhase::up && !(phase == SessionPhase::greeting && greeting)) return;
  session_.Heard(now);
  std::visit(
      [&]<class Message>(const Message& message) {
        LogIndex index{};
        if constexpr (requires { message.index; }) index = message.index;
        if constexpr (requires { message.epoch; })
          if (!Authority(message.epoch, index, Message::kName)) return;
        if constexpr (requires { message.epoch; })
          if (MustWait(message.epoch, Message::kName)) return held_.push_back(input);
        Obey(now, message);
      },
      input.message);
}

bool AgentLoop::Authority(Epoch epoch, LogIndex index, std::string_view what) {
  if (const auto stale = WhyStaleEpoch(state_.memory(), epoch)) {
    CloseLink(Cat(what, " refused: ", *stale));
    return false;
  }
  state_.Heard(index);
  return true;
}

bool AgentLoop::MustWait(Epoch epoch, std::string_view what) {
  if (epoch <= obeyed_) return false;
  if (epoch_write_ && epoch_write_->epoch == epoch) return true;
  AgentMemory memory = state_.memory();
  memory.epoch = epoch;
  epoch_write_ = {.write = state_.Remember(std::move(memory)), .epoch = epoch, .what = std::string(what)};
  return true;
}

void AgentLoop::EpochWritten(Time now, const Status& status) {
  const EpochWrite done = *std::exchange(epoch_write_, std::nullopt);
  const std::vector<LinkMessage> held = std::exchange(held_, {});
  if (!status) {
    if (!held.empty())
      CloseLink(Cat(done.what, " refused: epoch ", done.epoch, " cannot be remembered: ", status.error().Str()));
    return;
  }
  obeyed_ = done.epoch;
  log_("info", Cat("obeys epoch ", done.epoch, " from now on"));
  for (const LinkMessage& message : held) On(now, message);
}

void AgentLoop::On(Time now, const StateWritten& input) {
  if (!state_.IsMemory(input)) {
    if (!input.status)
      log_("warning", Cat("an agent started without a launcher will not know its peers: ", input.status.error().Str()));
    return;
  }
  if (epoch_write_ && input.number >= epoch_write_->write) EpochWritten(now, input.status);
  gangs_.Handle(now, input);
}

void AgentLoop::Obey(Time now, const Welcome& welcome) {
  if (!session_.Up()) log_("info", Cat("welcomed in epoch ", welcome.epoch, ": fence time ", Show(welcome.fence_after)));
  session_.Welcomed(now, welcome.beat_every, welcome.fence_after);
  link_said_.clear();
  if (welcome.membership == 0) {
    fence_->Told(welcome.fence_after);
  } else {
    fence_->Told(welcome.fence_after, welcome.peers);
    cluster_ = ClusterMemory{.fence_after = welcome.fence_after, .peers = welcome.peers};
  }
  // The launcher has our Hello, so it heard of us at or after the time it was sent.
  if (hello_sent_) Acknowledged(now, *hello_sent_);
  hello_sent_.reset();
}

void AgentLoop::Obey(Time, const Rejected& rejected) {
  if (rejected.final)
    ended_why_ = rejected.why;
  else
    CloseLink(Cat("rejected by the launcher: ", rejected.why));
}

void AgentLoop::Obey(Time now, const BeatAck& ack) {
  session_.Acknowledged();
  if (ack.report_wanted) reporter_.Wanted();
  if (ack.wall && on_clock_) on_clock_(now, ack.sent, *ack.wall);
  Acknowledged(now, ack.sent);
}

void AgentLoop::Obey(Time, const ReportAck& ack) {
  for (const std::string& path : ack.registered) slow_files_.Registered(path);
  reporter_.Acknowledged(ack.seq);
}

void AgentLoop::RememberCluster() {
  if (!cluster_) return;
  if (*cluster_ != state_.cluster()) state_.Remember(*std::move(cluster_));
  cluster_.reset();
}

Beat AgentLoop::FreshBeat(Time now) {
  beat_ = beat_.Next();
  return {.seq = beat_,
          .incarnation = incarnation(),
          .sent = now,
          .state_hash = reporter_.hash(),
          .agent = TagOf(state_.memory().state_id, setup_.boot)};
}

// ---- peers and the fence -------------------------------------------------------------------------------------------------

void AgentLoop::Acknowledged(Time now, Time sent) {
  if (!fence_->Acknowledged(now, sent)) return;
  count_said_.reset();
  gangs_.SetLease(*fence_->Lease());
}

void AgentLoop::RunFence(Time now) {
  if (!gangs_.Guarding()) return;
  Follow(now, fence_->Tick(now, rng_));
  const std::optional<Time> lease = fence_->Lease();
  if (!lease || now < *lease || lapse_said_ == lease) return;
  lapse_said_ = lease;
  log_("error", Cat("no acknowledgement of the launcher and no majority of the hosts for ",
                    Show(fence_->fence_after().value_or(Duration(0))), ": the keepers kill the gangs of this host"));
}

void AgentLoop::Follow(Time now, Fence::Step step) {
  for (const Fence::Question& question : step.ask)
    link_.Ask(question.peer.node, question.peer.address, {.nonce = question.nonce, .to = question.peer.node},
              fence_->Patience());
  if (step.launcher_heard) session_.Hopeful(now);
  if (!step.why.empty() && count_said_ != step.grew) {
    count_said_ = step.grew;
    log_(step.grew ? "info" : "warning", step.why);
  }
  if (step.grew) gangs_.SetLease(*fence_->Lease());
}

void AgentLoop::On(Time now, const PingReceived& input) {
  const Ping& ping = input.ping;
  if (ping.to != setup_.node) return link_.Answer(input.token, std::nullopt);
  const Epoch obeyed = state_.memory().epoch;
  if (session_.Up() && rumour_.Leave(now, obeyed, ping.epoch))
    CloseLink(Cat("a launcher of epoch ", ping.epoch, " asks after this host, the one it follows is of epoch ", obeyed,
                  ": looking who answers now"));
  // Epoch 0, of an agent that counts its peers, is always stale.
  if (ping.acknowledged && !WhyStaleEpoch(state_.memory(), ping.epoch)) Acknowledged(now, *ping.acknowledged);
  link_.Answer(input.token, Pong{.nonce = ping.nonce,
                                 .node = setup_.node,
                                 .boot = setup_.boot,
                                 .beat = FreshBeat(now),
                                 .launcher_silent = fence_->LauncherSilent(now),
                                 .epoch = obeyed});
}

void AgentLoop::Obey(Time, const ProbePeer& probe) {
  if (probes_.size() >= kProbesMax) {
    log_("warning", Cat("not asking ", probe.suspect, ": ", probes_.size(), " questions are open"));
    return;
  }
  probes_.insert({probe.suspect, probe.nonce});
  link_.Ask(probe.suspect, probe.address,
            {.nonce = probe.nonce, .to = probe.suspect, .epoch = probe.epoch, .acknowledged = probe.acknowledged},
            kProbePatience);
}

void AgentLoop::On(Time now, const PingAnswer& input) {
  if (probes_.erase({input.node, input.nonce}) == 0) return Follow(now, fence_->Answered(now, input));
  PeerAnswer answer{.nonce = input.nonce,
                    .suspect = input.node,
                    .finding = input.finding,
                    .beat = std::nullopt,
                    .evidence = Clip(Printable(input.evidence), limit::kWhyBytes)};
  if (input.finding == PeerFinding::alive) {
    const bool itself = input.pong && input.pong->node == input.node && input.pong->nonce == input.nonce;
    if (itself)
      answer.beat = input.pong->beat;
    else
      answer.finding = PeerFinding::nothing;  // another host answers at that address: no sign of this one
  }
  if (session_.Up()) link_.Send(std::move(answer));
}

// ---- drills --------------------------------------------------------------------------------------------------------------

void AgentLoop::Obey(Time now, const Inject& inject) {
  const auto why_not = gangs_.Handle(inject);
  if (why_not) On(now, DrillFailed{.gang = {.job = inject.job, .generation = inject.generation}, .why = *why_not});
}

void AgentLoop::On(Time now, const CheckpointTorn& input) {
  if (!input.why_not.empty()) return On(now, DrillFailed{.gang = input.gang, .why = input.why_not});
  gangs_.Handle(input);
}

void AgentLoop::On(Time, const DrillFailed& input) {
  const std::string why = Clip(Printable(input.why), limit::kWhyBytes);
  log_("warning", Cat("no drill on ", input.gang, ": ", why));
  if (session_.Up()) link_.Send(DrillRefused{.job = input.gang.job, .generation = input.gang.generation, .why = why});
}

// ---- keepers and files ---------------------------------------------------------------------------------------------------

void AgentLoop::On(Time now, const KeeperEvent& input) { gangs_.Handle(now, input); }

void AgentLoop::On(Time now, const GangChecked& input) { gangs_.Handle(now, input); }

void AgentLoop::On(Time, const CheckpointFound& input) { reporter_.Add(input.seen); }

}  // namespace everstep
