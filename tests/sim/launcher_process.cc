#include "tests/sim/launcher_process.h"

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/text.h"
#include "launcher/daemon/loop.h"
#include "tests/sim/dial.h"
#include "tests/sim/loop_process.h"

namespace everstep::sim {

struct LauncherProcess::Life : LoopProcess<LauncherLoop, LauncherInput>, AgentLinks, ApiReplies, Journal, SiteHooks, Clock {
  explicit Life(LauncherProcess& process)
      : LoopProcess(process.around_.agenda, process.machine_, [this, &process] { process.LoopEnded(this); }),
        owner(process),
        around(process.around_),
        machine(process.machine_),
        rng(process.rng_.Next()),
        store(process.log_.NewStore(*this)) {
    loop = std::make_unique<LauncherLoop>(owner.options_, "simulated",
                                          LauncherRims{*this, *this, *this, *this, *this,
                                                       [this](std::string_view level, const std::string& line) {
                                                         around.trace(Cat(name, ": ", level, ": ", line));
                                                       }},
                                          Rng(process.rng_.Next()));
  }

  LauncherProcess& owner;
  const Surroundings& around;
  Machine& machine;
  Rng rng;
  std::unique_ptr<Store> store;
  std::string name = "launcher";
  bool decided = false;
  bool astray = false;  // on a copy of the log, or the other way round: what becomes durable there is nobody's log

  struct Peer {
    std::shared_ptr<Connection> connection{};
    AgentProcess* agent = nullptr;
    SessionId session{};  // 0: no Hello yet
  };
  std::map<std::uint64_t, Peer> peers{};  // by connection
  std::map<SessionId, std::uint64_t> connection_of{};
  std::uint64_t sessions = 0;

  struct Work {
    LogIndex expected{};
    Epoch epoch{};
    std::optional<Batch> batch{};
    std::optional<everstep::Snapshot> snapshot{};
  };
  std::deque<Work> waiting{}, writing{};

  // ---- Clock ---------------------------------------------------------------------------------------------------------------

  Time Now() override { return Local(); }
  WallTime Wall() override {
    constexpr std::int64_t kStart = 1'800'000'000'000'000'000;
    return {kStart + Nanoseconds(around.agenda.now()) + owner.wall_shift.count()};
  }

  Duration Skew() override {
    if (around.bug == Bug::wall_clock_read) skew = std::max(skew, owner.wall_shift);
    return skew;
  }
  Duration skew{0};

  Duration Takes() override { return rng.Jitter(owner.turn_max); }
  void Turned() override {
    if (!std::exchange(decided, false) || astray) return;
    if (around.bug == Bug::evict_beyond_half) EvictTheProtected();
    if (around.bug == Bug::double_spare) ShareASpare();
    owner.hooks_.decided(loop->world());
  }
  void EvictTheProtected() {
    for (const auto& [node, host] : loop->world().hosts) {
      const NodeState* known = NodeIn(loop->world().state, node);
      if (host.pulse == Pulse::lost && known && known->member) Post(1ms, ApiCall{0, ConfirmDead{node, "nobody"}});
    }
  }
  void ShareASpare() {
    auto& jobs = const_cast<World&>(loop->world()).state.jobs;  // what a wrong rule of placement would leave behind
    for (auto& [id, job] : jobs)
      for (auto& [other_id, other] : jobs)
        if (id < other_id && !everstep::Ended(job.phase) && !everstep::Ended(other.phase) && !job.spares.empty() &&
            other.spares.empty())
          other.spares = job.spares;
  }

  // ---- AgentLinks ----------------------------------------------------------------------------------------------------------

  void Send(SessionId session, ToAgent message) override {
    const auto found = connection_of.find(session);
    if (found == connection_of.end()) return;
    if (around.bug == Bug::one_shot_commands && !FirstTime(message)) return;
    const Peer& peer = peers.at(found->second);
    peer.agent->WasSent(message);
    peer.connection->SendToA(
        [agent = peer.agent, id = found->second, message = std::move(message)] { agent->TakeMessage(message, id); });
  }
  std::set<std::string> sent_once{};
  bool FirstTime(const ToAgent& message) {
    return std::visit(
        [this](const auto& m) {
          if constexpr (requires { m.gang; })
            return sent_once.insert(Cat(m.kName, m.gang.job, m.gang.generation, m.gang.node_rank)).second;
          if constexpr (requires { m.generation; }) return sent_once.insert(Cat(m.kName, m.job, m.generation)).second;
          return true;
        },
        message);
  }
  void Close(SessionId session) override {
    const auto found = connection_of.find(session);
    if (found == connection_of.end()) return;
    const std::uint64_t id = found->second;
    peers.at(id).connection->CloseB("closed by the launcher");
    Later(1ms, [this, id] { Closed(id, "closed by this launcher"); });
  }
  void Closed(std::uint64_t id, const std::string& why) {
    const auto found = peers.find(id);
    if (found == peers.end()) return;
    const SessionId session = found->second.session;
    peers.erase(found);
    connection_of.erase(session);
    if (session.value != 0) Deliver(SessionClosed{session, why});
  }
  void Dial(const NodeId& node, const std::string& address, const Ping& ping, Duration deadline) override {
    sim::Dial(around, machine.index, address, ping, deadline,
              [this, node, nonce = ping.nonce, still = alive()](Dialled dialled) {
                if (still.expired()) return;
                if (DeafToSuccessors() && dialled.pong) dialled.pong->epoch = Epoch(0);
                Deliver(DialAnswer{node, nonce, dialled.finding, dialled.pong, dialled.evidence});
              });
  }

  // ---- ApiReplies, SiteHooks ----------------------------------------------------------------------------------------------

  void Reply(std::uint64_t token, Result<ApiReply> reply, bool) override {
    if (astray) return;  // people ask the launcher that answers at the address now
    around.agenda.After(1ms, [replied = owner.hooks_.replied, token, reply = std::move(reply)] { replied(token, reply); });
  }
  void Run(HookRun run) override {
    const auto done = [this, node = run.node, boot = run.boot, still = alive()](bool off) {
      if (!still.expired())
        Deliver(HookDone{node, boot, std::nullopt, off, off ? "the site's hook has switched it off" : "exit code 1"});
    };
    if (const NodeState* known = NodeIn(loop->world().state, run.node); known && known->member)
      around.accuse(Cat("I25: ", run.node, " is to be switched off, and is a member"));
    owner.hooks_.fence(run.node, done);
  }

  // ---- Journal -------------------------------------------------------------------------------------------------------------

  void Append(LogIndex expected, Epoch epoch, Batch batch) override {
    decided = true;
    end = LogIndex(expected.value + batch.entries.size());
    waiting.push_back({expected, epoch, std::move(batch), std::nullopt});
    Write();
  }
  void Compact(Epoch epoch, everstep::Snapshot snapshot) override {
    waiting.push_back({LogIndex(0), epoch, std::nullopt, std::move(snapshot)});
    Write();
  }
  void ReadHistory(std::uint64_t token, HistoryQuery query) override {
    Later(1ms, [this, token, query] { Deliver(HistoryRead{token, store->History(query)}); });
  }
  // Like the store thread (launcher/daemon/store_thread.h): all appends up to the next other work are one group.
  void Write() {
    if (!writing.empty() || waiting.empty()) return;
    do {
      writing.push_back(std::move(waiting.front()));
      waiting.pop_front();
    } while (writing.front().batch && !waiting.empty() && waiting.front().batch);
    if (around.bug == Bug::act_before_durable && writing.front().batch)
      Later(0s, [this, early = end] { Deliver(Durable{early, false}); });
    Duration takes = 200us + rng.Jitter(owner.disk.delay_max);
    if (owner.disk.stall > 0 && rng.Unit() < owner.disk.stall) takes += rng.Jitter(owner.disk.stall_max);
    Later(takes, [this] {
      const Result<LogIndex> written = Commit();
      if (writing.front().batch && !astray) {
        if (written)
          owner.hooks_.durable(LogIndex(writing.front().expected.value + 1), Batches());
        else if (this == owner.life_.get())
          owner.hooks_.uncertain(Batches());
      }
      const bool appended = std::exchange(writing, {}).front().batch.has_value();
      if (!written) return Deliver(StoreFailed{written.error()});
      if (appended) {
        told = *written;
        Look();
      }
      Write();
    });
  }
  LogIndex told{};
  bool nearly_full = false;
  void Look() {
    const bool was = std::exchange(nearly_full, store->NearlyFull());
    if (nearly_full && !was) Later(5s, [this] { LookAgain(); });
    if (around.bug != Bug::act_before_durable) Deliver(Durable{told, nearly_full});
  }
  void LookAgain() {
    if (nearly_full && writing.empty()) Look();
    if (nearly_full) Later(5s, [this] { LookAgain(); });
  }
  std::vector<Batch> Batches() const {
    std::vector<Batch> batches;
    for (const Work& work : writing)
      if (work.batch) batches.push_back(*work.batch);
    return batches;
  }
  Result<LogIndex> Commit() {
    const Work& first = writing.front();
    if (first.batch) return store->Append(first.expected, first.epoch, Batches());
    EVERSTEP_TRY(store->Compact(first.epoch, *first.snapshot));
    return LogIndex(0);
  }
  LogIndex end{};

  // ---- what comes from agents, as a launcher with a planted bug would take it ---------------------------------------------

  bool DeafToSuccessors() const { return around.bug == Bug::deaf_to_successor || around.bug == Bug::ignore_epoch; }
  std::map<NodeId, Beat> last_beats{};
  FromAgent Misread(const NodeId& from, FromAgent message) {
    if (const auto* beat = std::get_if<Beat>(&message)) last_beats[from] = *beat;
    auto* answer = std::get_if<PeerAnswer>(&message);
    if (around.bug == Bug::peer_word_as_beat && answer && last_beats.contains(answer->suspect)) {
      Beat& beat = last_beats[answer->suspect];
      beat.seq = beat.seq.Next();
      answer->finding = PeerFinding::alive;
      answer->beat = beat;
    }
    auto* report = std::get_if<Report>(&message);
    if (around.bug == Bug::start_before_empty && report)
      for (GangStatus& gang : report->gangs)
        if (gang.phase == GangPhase::stopping) gang.phase = GangPhase::empty;
    if (around.bug == Bug::ignore_generation && report)
      for (GangStatus& gang : report->gangs)
        if (const JobState* job = JobIn(loop->world().state, gang.job)) gang.generation = job->generation;
    return message;
  }
};

LauncherProcess::LauncherProcess(const Surroundings& around, Machine& machine, LauncherDisk& log, LauncherOptions options,
                                 Rng rng, Hooks hooks)
    : around_(around), machine_(machine), log_(log), options_(std::move(options)), rng_(rng), hooks_(std::move(hooks)) {}
LauncherProcess::~LauncherProcess() = default;

Epoch LauncherProcess::EpochAfter(const Recovered& recovered) {
  return around_.bug == Bug::equal_epochs ? recovered.epoch.Next() : NextEpoch(recovered, rng_);
}

// In the order of launcher/main.cc.
void LauncherProcess::Start() {
  if (life_ || !machine_.Runs()) return;
  auto life = std::make_unique<Life>(*this);
  const auto recovered = life->store->Open();
  const Status known = recovered ? life->loop->Replay(*recovered) : Fail(recovered.error());
  const Epoch epoch = known ? EpochAfter(*recovered) : Epoch();
  const Status claimed = known ? life->store->BeginEpoch(epoch) : known;
  if (!claimed) return CannotStart(std::move(life), claimed.error());
  log_.FoundIntact();
  life_ = std::move(life);
  began_ = around_.agenda.now();
  hooks_.opened(*recovered);
  life_->loop->Begin(life_->Now(), recovered->last_write, epoch);
  life_->Turn();
}

void LauncherProcess::CannotStart(std::unique_ptr<Life> life, const Error& error) {
  around_.trace(Cat("launcher: cannot start on its log: ", NameOf(error.code)));
  if (error.code == ErrorCode::kCorrupt && !log_.Damaged())
    around_.accuse(Cat("I11: the log is refused although nothing harmed it: ", error.message));
  log_.DiesAtRest();
  life.reset();
  log_.Died(false);
  if (error.code == ErrorCode::kCorrupt) log_.Repair();
  StartSoon();
}

void LauncherProcess::LoopEnded(Life* life) {
  if (life == life_.get()) return DiedAndStartsSoon();
  const auto zombie = std::find_if(zombies_.begin(), zombies_.end(), [&](const auto& one) { return one.get() == life; });
  if (zombie == zombies_.end()) return;
  around_.trace("launcher: the superseded one ends");
  std::unique_ptr<Life> gone = std::move(*zombie);
  zombies_.erase(zombie);
  End(std::move(gone));
}

void LauncherProcess::DiedAndStartsSoon() {
  Kill();
  StartSoon();
}

void LauncherProcess::StartSoon() {
  around_.agenda.After(500ms + rng_.Jitter(2s), [this] { Start(); });
}

void LauncherProcess::Kill() {
  const bool off = machine_.power == Power::off;
  if (off)
    for (auto& zombie : std::exchange(zombies_, {})) End(std::move(zombie));
  if (!life_) {
    if (off) log_.Died(true);
    return;
  }
  if (!life_->writing.empty()) {
    if (life_->writing.front().batch) hooks_.uncertain(life_->Batches());
    if (log_.DiesWhileWriting()) static_cast<void>(life_->Commit());
  } else {
    log_.DiesAtRest();
  }
  End(std::move(life_));
  log_.Died(off);
}

void LauncherProcess::End(std::unique_ptr<Life> life) {
  const bool off = machine_.power == Power::off;
  for (auto& [id, peer] : life->peers) {
    if (off)
      peer.connection->VanishB();
    else
      peer.connection->CloseB("connection reset");
  }
}

bool LauncherProcess::SecondIsRefused() {
  if (!life_ || log_.LockStolen()) return true;
  Life second(*this);
  const auto opened = second.store->Open();
  if (opened) return false;
  around_.trace(Cat("launcher: a second one on the same log is refused: ", NameOf(opened.error().code)));
  return opened.error().code == ErrorCode::kConflict;
}

void LauncherProcess::Supersede(Duration lasts) {
  if (!life_ || !log_.StealLock()) return;
  around_.trace("launcher: it stands still, and another one is started on its log");
  life_->Stop();
  if (!life_->writing.empty() && life_->writing.front().batch) hooks_.uncertain(life_->Batches());
  Life* const old = life_.get();
  zombies_.push_back(std::move(life_));
  ++superseded_;
  Start();
  around_.agenda.After(lasts, [old, still = old->alive()] {
    if (!still.expired()) old->Continue();
  });
}

void LauncherProcess::SupersedeByCopy(Duration lasts) {
  if (!life_ || log_.Damaged()) return;
  around_.trace("launcher: it stands still, and another one is started on a copy of its log");
  life_->Stop();
  life_->name = "launcher of before";
  life_->astray = true;
  Life* const old = life_.get();
  zombies_.push_back(std::move(life_));
  ++superseded_;
  log_.GoOnWithACopy();
  Start();
  const bool starts_anew = rng_.Below(2) == 0;
  around_.agenda.After(lasts, [this, old, still = old->alive(), starts_anew, number = superseded_] {
    if (still.expired()) return;
    if (!starts_anew || number != superseded_) return old->Continue();
    StartAnew(old);
  });
}

// Its host has started again: a launcher like any other, on the log that it has.
void LauncherProcess::StartAnew(Life* old) {
  const auto place = std::find_if(zombies_.begin(), zombies_.end(), [&](const auto& one) { return one.get() == old; });
  End(std::move(*place));
  zombies_.erase(place);
  auto life = std::make_unique<Life>(*this);
  life->name = "launcher of before";
  life->astray = true;
  life->store = log_.StoreOfBefore(*life);
  const auto recovered = life->store->Open();
  if (!recovered || !life->loop->Replay(*recovered)) return;
  const Epoch epoch = EpochAfter(*recovered);
  if (!life->store->BeginEpoch(epoch)) return;
  around_.trace(Cat("launcher: the one of before starts again on its own log: epoch ", epoch));
  zombies_.push_back(std::move(life));
  Life& begun = *zombies_.back();
  begun.loop->Begin(begun.Now(), recovered->last_write, epoch);
  begun.Turn();
}

// One that has started again with a later epoch, and that no agent finds, is a stray: it waits and warns.
bool LauncherProcess::SupersededStillLeads() const {
  if (!life_ || !life_->loop->world().state.halted.empty()) return false;  // it may be the one that leads
  const Epoch newest = life_->loop->world().state.epoch;
  return std::any_of(zombies_.begin(), zombies_.end(), [&](const auto& one) {
    const State& state = one->loop->world().state;
    return !one->loop->Ended() && state.halted.empty() && state.epoch <= newest;
  });
}

void LauncherProcess::ContinueZombies() {
  std::vector<Life*> all;
  for (const auto& zombie : zombies_) all.push_back(zombie.get());
  for (Life* const zombie : all) zombie->Continue();
}

void LauncherProcess::MeetNewerLog() {
  Kill();
  if (!log_.BecomeNewer()) return StartSoon();
  const std::string before = log_.Content();
  Start();
  if (life_) return around_.accuse("I11: a launcher takes a log in which a newer version has written");
  if (log_.Content() != before) around_.accuse("I11: a launcher that refused a newer version's log has changed it");
  around_.trace("launcher: the log of a newer version is put away, the one of before put back");
  log_.BecomeOlder();
}

void LauncherProcess::EndZombies() {
  for (auto& zombie : std::exchange(zombies_, {})) End(std::move(zombie));
}

void LauncherProcess::StopProcess() {
  if (life_) life_->Stop();
}
void LauncherProcess::ContinueProcess() {
  if (!life_) return;
  life_->Continue();
  began_ = around_.agenda.now();
}
void LauncherProcess::MachineResumed() {
  began_ = around_.agenda.now();
  if (life_) life_->Turn();
  for (const auto& zombie : zombies_) zombie->Turn();
}

std::uint64_t LauncherProcess::Accept(std::shared_ptr<Connection> connection, AgentProcess& agent) {
  const std::uint64_t id = ++connections_;
  // The address is not sure whom it belongs to while there are two.
  Life* life = !zombies_.empty() && rng_.Unit() < 0.3 ? zombies_[rng_.Below(zombies_.size())].get() : life_.get();
  connection->b.closed = [life, id, still = life->alive()](const std::string& why) {
    if (!still.expired()) life->Closed(id, why);
  };
  life->peers[id] = {std::move(connection), &agent, SessionId(0)};
  return id;
}

LauncherProcess::Life* LauncherProcess::OwnerOf(std::uint64_t connection) {
  if (life_ && life_->peers.contains(connection)) return life_.get();
  for (const auto& zombie : zombies_)
    if (zombie->peers.contains(connection)) return zombie.get();
  return nullptr;
}

// What the first message of a stream must be, the rim checks: launcher/rpc.
void LauncherProcess::Take(std::uint64_t connection, const FromAgent& message) {
  Life* const life = OwnerOf(connection);
  if (!life) return;
  Life::Peer& peer = life->peers.at(connection);
  if (const auto* hello = std::get_if<Hello>(&message); hello && peer.session.value == 0) {
    peer.session = SessionId(++life->sessions);
    life->connection_of[peer.session] = connection;
    SessionOpened opened{peer.session, peer.agent->address(), *hello};
    if (life->DeafToSuccessors()) opened.hello.epoch_seen = std::min(opened.hello.epoch_seen, life->loop->world().state.epoch);
    return life->Deliver(std::move(opened));
  }
  if (peer.session.value == 0) return;
  const NodeId from(peer.agent->machine().name);
  life->Deliver(SessionMessage{peer.session, around_.bug == Bug::none ? message : life->Misread(from, message)});
}

void LauncherProcess::Ask(std::uint64_t token, ApiRequest request) {
  if (!life_) return;
  const auto* clear = std::get_if<ClearNode>(&request);
  if (clear && life_->around.bug == Bug::clear_undrains) life_->Deliver(ApiCall{0, UndrainNode{clear->node, "nobody"}});
  life_->Deliver(ApiCall{token, std::move(request)});
}

bool LauncherProcess::NearlyFull() const { return life_ && life_->nearly_full; }

bool LauncherProcess::Quiet() const { return life_ && life_->waiting.empty() && life_->writing.empty(); }

const World* LauncherProcess::world() const { return life_ && life_->loop ? &life_->loop->world() : nullptr; }

std::optional<Time> LauncherProcess::well_since() const {
  if (!life_ || !life_->Handles()) return std::nullopt;
  return began_;
}

}  // namespace everstep::sim
