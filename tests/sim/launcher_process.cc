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

struct LauncherProcess::Life : LoopProcess<LauncherLoop, LauncherInput>, AgentLinks, ApiReplies, Journal, FenceHooks, Clock {
  explicit Life(LauncherProcess& process)
      : LoopProcess(process.around_.agenda, process.machine_, [&process] { process.DiedAndStartsSoon(); }),
        owner(process),
        around(process.around_),
        machine(process.machine_),
        rng(process.rng_.Next()),
        store(process.log_, *this) {}

  LauncherProcess& owner;
  const Surroundings& around;
  Machine& machine;
  Rng rng;
  MemoryStore store;
  bool decided = false;

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
    constexpr std::int64_t kStart = 1'700'000'000'000'000'000;
    return {kStart + Nanoseconds(around.agenda.now()) + owner.wall_shift.count()};
  }

  void Turned() override {
    if (std::exchange(decided, false)) owner.hooks_.decided(loop->world());
  }

  // ---- AgentLinks ----------------------------------------------------------------------------------------------------------

  void Send(SessionId session, ToAgent message) override {
    const auto found = connection_of.find(session);
    if (found == connection_of.end()) return;
    if (around.bug == Bug::one_shot_commands && !FirstTime(message)) return;
    const Peer& peer = peers.at(found->second);
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
              [this, node, nonce = ping.nonce, still = alive()](const Dialled& dialled) {
                if (!still.expired()) Deliver(DialAnswer{node, nonce, dialled.finding, dialled.pong, dialled.evidence});
              });
  }

  // ---- ApiReplies, FenceHooks ----------------------------------------------------------------------------------------------

  void Reply(std::uint64_t token, Result<ApiReply> reply, bool) override {
    around.agenda.After(1ms, [replied = owner.hooks_.replied, token, reply = std::move(reply)] { replied(token, reply); });
  }
  void Run(const NodeId& node, const BootId& boot, std::vector<std::string>, Duration) override {
    Later(1s, [this, node, boot] { Deliver(FenceDone{node, boot, false, "no fence hook in this simulation"}); });
  }

  // ---- Journal -------------------------------------------------------------------------------------------------------------

  void Append(LogIndex expected, Epoch epoch, Batch batch) override {
    decided = true;
    waiting.push_back({expected, epoch, std::move(batch), std::nullopt});
    Write();
  }
  void Compact(Epoch epoch, everstep::Snapshot snapshot) override {
    waiting.push_back({LogIndex(0), epoch, std::nullopt, std::move(snapshot)});
    Write();
  }
  void ReadHistory(std::uint64_t token, HistoryQuery query) override {
    Later(1ms, [this, token, query] { Deliver(HistoryRead{token, store.History(query)}); });
  }
  // What waits goes to the disk as one group.
  void Write() {
    if (!writing.empty() || waiting.empty()) return;
    writing = std::exchange(waiting, {});
    if (around.bug == Bug::act_before_durable) Later(0s, [this, end = EndOf(writing)] { Deliver(Durable{end, false}); });
    Duration takes = 200us + rng.Jitter(owner.disk.delay_max);
    if (owner.disk.stall > 0 && rng.Unit() < owner.disk.stall) takes += rng.Jitter(owner.disk.stall_max);
    Later(takes, [this] {
      const Result<LogIndex> end = Commit();
      writing.clear();
      if (!end) return Deliver(StoreFailed{end.error()});
      if (around.bug != Bug::act_before_durable) Deliver(Durable{*end, false});
      Write();
    });
  }
  LogIndex EndOf(const std::deque<Work>& group) const {
    LogIndex end = owner.log_->end;
    for (const Work& work : group)
      if (work.batch) end = LogIndex(work.expected.value + work.batch->entries.size());
    return end;
  }
  Result<LogIndex> Commit() {
    LogIndex end = owner.log_->end;
    for (Work& work : writing) {
      if (work.snapshot) {
        EVERSTEP_TRY(store.Compact(work.epoch, *work.snapshot));
      } else {
        EVERSTEP_ASSIGN(end, store.Append(work.expected, work.epoch, {*work.batch}));
      }
    }
    return end;
  }
};

LauncherProcess::LauncherProcess(const Surroundings& around, Machine& machine, std::shared_ptr<MemoryLog> log, Rng rng,
                                 Hooks hooks)
    : around_(around), machine_(machine), log_(std::move(log)), rng_(rng), hooks_(std::move(hooks)) {}
LauncherProcess::~LauncherProcess() = default;

void LauncherProcess::Start() {
  if (life_ || !machine_.Runs()) return;
  life_ = std::make_unique<Life>(*this);
  const auto recovered = life_->store.Open();
  if (!recovered) {
    around_.trace(Cat("launcher: ", recovered.error().Str()));
    life_.reset();
    return StartSoon();
  }
  const Epoch epoch = recovered->epoch.Next();
  Check(life_->store.BeginEpoch(epoch).has_value(), "a store that is open can be claimed");
  Life& life = *life_;
  life.loop = std::make_unique<LauncherLoop>(LauncherOptions{}, "simulated",
                                             LauncherRims{life, life, life, life, life,
                                                          [this](std::string_view level, const std::string& line) {
                                                            around_.trace(Cat("launcher: ", level, ": ", line));
                                                          }},
                                             Rng(rng_.Next()));
  const Status begun = life.loop->Begin(life.Now(), *recovered, epoch);
  Check(begun.has_value(), begun ? "" : begun.error().message.c_str());
  life.Turn();
}

void LauncherProcess::DiedAndStartsSoon() {
  Kill();
  StartSoon();
}

void LauncherProcess::StartSoon() {
  around_.agenda.After(500ms + rng_.Jitter(2s), [this] { Start(); });
}

void LauncherProcess::Kill() {
  if (!life_) return;
  if (!life_->writing.empty() && rng_.Below(2) == 0) static_cast<void>(life_->Commit());
  if (around_.bug == Bug::lost_on_reopen && !log_->entries.empty()) {
    log_->entries.pop_back();
    log_->end = LogIndex(log_->end.value - 1);
  }
  const bool off = machine_.power == Power::off;
  for (auto& [id, peer] : life_->peers) {
    if (off)
      peer.connection->VanishB();
    else
      peer.connection->CloseB("connection reset");
  }
  const std::unique_ptr<Life> gone = std::move(life_);
}

void LauncherProcess::StopProcess() {
  if (life_) life_->Stop();
}
void LauncherProcess::ContinueProcess() {
  if (life_) life_->Continue();
}
void LauncherProcess::MachineResumed() {
  if (life_) life_->Turn();
}

std::uint64_t LauncherProcess::Accept(std::shared_ptr<Connection> connection, AgentProcess& agent) {
  const std::uint64_t id = ++connections_;
  Life* life = life_.get();
  connection->b.closed = [life, id, still = life->alive()](const std::string& why) {
    if (!still.expired()) life->Closed(id, why);
  };
  life->peers[id] = {std::move(connection), &agent, SessionId(0)};
  return id;
}

// What the first message of a stream must be, the rim checks: launcher/rpc.
void LauncherProcess::Take(std::uint64_t connection, const FromAgent& message) {
  const auto found = life_ ? life_->peers.find(connection) : decltype(life_->peers.end()){};
  if (!life_ || found == life_->peers.end()) return;
  Life::Peer& peer = found->second;
  if (const auto* hello = std::get_if<Hello>(&message); hello && peer.session.value == 0) {
    peer.session = SessionId(++life_->sessions);
    life_->connection_of[peer.session] = connection;
    return life_->Deliver(SessionOpened{peer.session, peer.agent->address(), *hello});
  }
  if (peer.session.value != 0) life_->Deliver(SessionMessage{peer.session, message});
}

void LauncherProcess::Ask(std::uint64_t token, ApiRequest request) {
  if (life_) life_->Deliver(ApiCall{token, std::move(request)});
}

bool LauncherProcess::Quiet() const { return life_ && life_->waiting.empty() && life_->writing.empty(); }

const World* LauncherProcess::world() const { return life_ && life_->loop ? &life_->loop->world() : nullptr; }

}  // namespace everstep::sim
