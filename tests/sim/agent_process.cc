#include "tests/sim/agent_process.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "agent/daemon/loop.h"
#include "base/text.h"
#include "tests/sim/dial.h"
#include "tests/sim/launcher_process.h"
#include "tests/sim/loop_process.h"

namespace everstep::sim {

namespace {

// What has none is as good as the newest.
Epoch EpochOf(const ToAgent& message) {
  return std::visit(
      [](const auto& said) {
        if constexpr (requires { said.epoch; })
          return said.epoch;
        else
          return Epoch(UINT64_MAX);
      },
      message);
}

void Renew(ToAgent& message, Epoch epoch) {
  std::visit(
      [&](auto& said) {
        if constexpr (requires { said.epoch; }) said.epoch = epoch;
      },
      message);
}

}  // namespace

// All rims of one life of the process: what they do later is dropped when the process is gone by then.
struct AgentProcess::Life : LoopProcess<AgentLoop, AgentInput>, LauncherLink, Files, StateWriter, SlowFiles {
  explicit Life(AgentProcess& process)
      : LoopProcess(process.around_.agenda, process.machine_, [&process] { process.DiedAndStartsSoon(); }),
        owner(process),
        around(process.around_),
        machine(process.machine_),
        rng(process.rng_.Next()) {}

  AgentProcess& owner;
  const Surroundings& around;
  Machine& machine;
  Rng rng;

  struct Handed {
    std::string path{};
    std::uint64_t number = 0;
    std::string bytes{};
  };
  std::deque<Handed> unwritten{};
  Time disk_free{};

  std::shared_ptr<Connection> connection{};
  std::uint64_t connection_id = 0;
  std::uint64_t attempt = 0;
  std::uint64_t pings = 0;
  std::map<std::uint64_t, std::function<void(std::optional<Pong>)>> answers{};

  struct Watched {
    std::map<std::string, std::uint64_t> seen{};  // versions that were complete at the last look
    std::map<std::string, std::uint64_t> told{};
    Time since{};
  };
  std::map<GangKey, Watched> watches{};

  // ---- LauncherLink --------------------------------------------------------------------------------------------------------

  void Open() override { Knock(++attempt, 1s); }
  void Knock(std::uint64_t number, Duration pause) {
    Later(around.network.Delay(), [this, number, pause] {
      if (number != attempt) return;
      const int there = around.launcher_machine;
      const bool passes = around.network.Passes(machine.index, there) && around.network.Passes(there, machine.index);
      if (!passes) return Later(pause, [this, number, pause] { Knock(number, 2 * pause); });
      if (const Time clogged = around.network.ClogUntil(machine.index, there); clogged > around.agenda.now())
        return Later(clogged - around.agenda.now(), [this, number, pause] { Knock(number, pause); });
      LauncherProcess* launcher = around.launcher();
      if (!launcher) return Post(around.network.Delay(), LinkClosed{"connection refused"});
      connection = std::make_shared<Connection>(around.network, machine.index, there);
      const std::uint64_t id = launcher->Accept(connection, owner);
      connection_id = id;
      connection->a.closed = [this, id, still = alive()](const std::string& why) {
        if (still.expired() || connection_id != id) return;
        connection.reset();
        Deliver(LinkClosed{why});
      };
      Post(around.network.Delay(), LinkOpened{});
    });
  }
  void Send(FromAgent message) override {
    if (!connection) return;
    auto* hello = std::get_if<Hello>(&message);
    if (hello && hello->epoch_seen < owner.epoch_of_ranks_)
      around.accuse(
          Cat("I2: ", machine.name, " does not know epoch ", owner.epoch_of_ranks_, " any more, and has started ranks in it"));
    connection->SendToB([launchers = around.launcher, id = connection_id, message = std::move(message)] {
      if (LauncherProcess* launcher = launchers()) launcher->Take(id, message);
    });
  }
  void Close() override {
    ++attempt;
    if (connection) connection->CloseA("closed by the agent");
    connection.reset();
    connection_id = 0;
    Post(1ms, LinkClosed{"closed by this agent"});
  }
  void Ask(const NodeId& node, const std::string& address, const Ping& ping, Duration deadline) override {
    Dial(around, machine.index, address, ping, deadline,
         [this, node, nonce = ping.nonce, still = alive()](const Dialled& dialled) {
           if (!still.expired()) Deliver(PingAnswer{node, nonce, dialled.finding, dialled.pong, dialled.evidence});
         });
  }
  void Answer(std::uint64_t token, std::optional<Pong> pong) override {
    const auto found = answers.find(token);
    if (found == answers.end()) return;
    const auto answer = std::move(found->second);
    answers.erase(found);
    answer(std::move(pong));
  }

  // ---- Files, StateWriter --------------------------------------------------------------------------------------------------

  Result<std::string> Read(const std::string& path) override {
    const auto found = owner.disk_.find(path);
    if (found == owner.disk_.end()) return Fail(ErrorCode::kNotFound, Cat("no file ", path));
    return found->second;
  }
  Status Write(const std::string& path, const std::string& bytes) override {
    owner.disk_[path] = bytes;
    return {};
  }
  Result<std::vector<std::string>> List(const std::string&) override { return std::vector<std::string>{}; }
  Status Remove(const std::string& path) override {
    owner.disk_.erase(path);
    return {};
  }
  Status MakeDirectory(const std::string&) override { return {}; }

  void Write(std::string path, std::uint64_t number, std::string bytes) override {
    Duration takes = rng.Jitter(owner.disk.delay_max);
    if (owner.disk.stall > 0 && rng.Unit() < owner.disk.stall) takes += rng.Jitter(owner.disk.stall_max);
    disk_free = std::max(disk_free, around.agenda.now()) + takes;
    unwritten.push_back({std::move(path), number, std::move(bytes)});
    Later(disk_free - around.agenda.now(), [this] { WriteOne(); });
  }
  void WriteOne() {
    Handed one = std::move(unwritten.front());
    unwritten.pop_front();
    if (owner.disk.fails)
      return Deliver(StateWritten{one.path, one.number, Fail(ErrorCode::kIo, Cat("write ", one.path, ": input/output error"))});
    if (around.bug != Bug::forgetful_agent) owner.disk_[one.path] = std::move(one.bytes);
    Deliver(StateWritten{.path = std::move(one.path), .number = one.number, .status = {}});
  }

  // ---- SlowFiles -----------------------------------------------------------------------------------------------------------

  void Ready(const GangSpec& spec) override {
    Later(1ms + rng.Jitter(50ms), [this, spec] {
      if (const Time back = around.training.storage_back(); back > around.agenda.now())
        return Later(back - around.agenda.now(), [this, spec] { Ready(spec); });
      Deliver(Look(spec));
    });
  }
  GangChecked Look(const GangSpec& spec) {
    GangChecked checked{.gang = {spec.job, spec.generation}};
    const auto pin = spec.resume ? around.training.pins.find(spec.resume->path) : around.training.pins.end();
    if (owner.refuses)
      checked.not_readied = NotReadied{Refusal::host, *owner.refuses};
    else if (spec.resume && (pin == around.training.pins.end() || pin->second.version != spec.resume->files.front().inode))
      checked.not_readied = NotReadied{Refusal::checkpoint, Cat(spec.resume->source, ": not as registered")};
    else
      checked.readied = Readied{.program = "/usr/bin/python3", .env = spec.env};
    if (checked.readied && spec.watches_checkpoints)  // incomplete ones are moved aside before a start
      std::erase_if(around.training.files[spec.job], [](const auto& file) { return file.second.torn; });
    return checked;
  }
  void Watch(const GangKey& gang, const CheckpointSpec&) override {
    watches[gang] = {.since = around.agenda.now()};
    Scan(gang);
  }
  void Scan(const GangKey& gang) {
    const auto found = watches.find(gang);
    if (found == watches.end()) return;
    if (Handles() && around.training.storage_back() <= around.agenda.now()) ScanOnce(gang, found->second);
    Later(500ms, [this, gang] { Scan(gang); });
  }
  // A file counts once two looks have found it complete and the same.
  void ScanOnce(const GangKey& gang, Watched& watched) {
    std::map<std::string, std::uint64_t> complete;
    for (const auto& [name, file] : around.training.files[gang.job]) {
      if ((file.torn && around.bug != Bug::torn_checkpoints) || watched.told[name] == file.version) continue;
      complete[name] = file.version;
      if (watched.seen[name] != file.version) continue;
      watched.told[name] = file.version;
      const std::string path = Cat("/ckpt/.everstep/", gang.job, '/', name, '#', file.version);
      around.training.pins.try_emplace(path, file);
      CheckpointSeen seen{.job = gang.job, .generation = gang.generation, .source = name, .step = file.step, .complete = true};
      seen.path = path;
      seen.files = {
          {.name = "", .size = 1, .inode = file.version, .mtime_ns = Nanoseconds(file.finished), .digest = "simulated"}};
      seen.why = "simulated";
      seen.was_there = file.writer != gang.generation && around.bug != Bug::foreign_checkpoints;
      Deliver(CheckpointFound{std::move(seen)});
    }
    watched.seen = std::move(complete);
  }
  void Registered(const std::string&) override {}
  // Half of the newest one, as if somebody saved the next step and was cut short.
  void Tear(const GangKey& gang, std::uint32_t rank) override {
    std::uint64_t step = 0;
    for (const auto& [name, file] : around.training.files[gang.job]) step = std::max(step, file.step);
    around.training.files[gang.job].try_emplace(
        Cat("step-", step + 1, "-torn"),
        SavedFile{.writer = gang.generation, .step = step + 1, .version = UINT64_MAX, .torn = true});
    Later(1ms + rng.Jitter(20ms), [this, gang, rank] { Deliver(CheckpointTorn{gang, rank}); });
  }
  void Unwatch(const GangKey& gang) override { watches.erase(gang); }
};

AgentProcess::AgentProcess(const Surroundings& around, Machine& machine, Rng rng)
    : keepers(around.agenda, machine, around.training, Rng(rng.Next()), around.bug,
              [this](KeeperEvent event) {
                if (life_) life_->Deliver(std::move(event));
              }),
      around_(around),
      machine_(machine),
      rng_(rng) {
  said_ = health;
  keepers.execs = [this](const GangKey& gang) { epoch_of_ranks_ = std::max(epoch_of_ranks_, ordered_[gang]); };
}
AgentProcess::~AgentProcess() = default;

bool AgentProcess::Alive() const { return life_ != nullptr; }

void AgentProcess::Start() {
  if (life_ || !machine_.Runs()) return;
  life_ = std::make_unique<Life>(*this);
  AgentSetup setup{.node = NodeId(machine_.name),
                   .boot = machine_.boot(),
                   .version = "simulated",
                   .address = address(),
                   .host = {.job_address = "10.0.0." + std::to_string(machine_.index)},
                   .state_dir = "/state"};
  Life& life = *life_;
  life.loop = std::make_unique<AgentLoop>(
      setup, life, keepers, life, life, life, Rng(rng_.Next()),
      [this](std::string_view, std::string line) { around_.trace(Cat(machine_.name, ": ", line)); });
  if (const Status begun = life.loop->Begin(life.Local()); !begun) {
    around_.trace(Cat(machine_.name, ": the agent cannot begin: ", begun.error().Str()));
    Kill();
    return StartSoon();
  }
  life.loop->Tick(life.Local());
  life.Deliver(HealthSaid{said_});
}

void AgentProcess::HealthChanged() {
  health.failing = static_cast<std::uint32_t>(health.alarms.size());
  if (around_.bug == Bug::alarm_never_over && health.alarms.size() < said_.alarms.size()) return;
  said_ = health;
  if (life_) life_->Deliver(HealthSaid{said_});
}

// As a service manager does.
void AgentProcess::StartSoon() {
  around_.agenda.After(200ms + rng_.Jitter(2s), [this] { Start(); });
}

void AgentProcess::DiedAndStartsSoon() {
  Kill();
  StartSoon();
}

void AgentProcess::Kill() {
  if (!life_) return;
  const bool off = machine_.power == Power::off;
  for (auto& write : life_->unwritten) {  // in order, up to some point
    if (rng_.Below(2) == 0) break;
    disk_[write.path] = std::move(write.bytes);
  }
  if (life_->connection && off) life_->connection->VanishA();
  if (life_->connection && !off) life_->connection->CloseA("connection reset");
  epoch_heard_ = epoch_of_ranks_;  // what came with a later one may not have been on disk, and nothing was done for it
  const std::unique_ptr<Life> gone = std::move(life_);
}

void AgentProcess::StopProcess() {
  if (life_) life_->Stop();
}
void AgentProcess::ContinueProcess() {
  if (life_) life_->Continue();
}
void AgentProcess::MachineResumed(Duration stood) {
  keepers.Resumed(stood);
  if (life_) life_->Turn();
}

void AgentProcess::TakePing(const Ping& ping, std::function<void(std::optional<Pong>)> answer) {
  if (!life_) return;
  const std::uint64_t token = ++life_->pings;
  life_->answers[token] = std::move(answer);
  life_->Deliver(PingReceived{token, ping});
}

void AgentProcess::WasSent(const ToAgent& message) {
  constexpr std::size_t kRemembered = 40;
  if (!std::holds_alternative<Welcome>(message) && !std::holds_alternative<Rejected>(message) &&
      !std::holds_alternative<ProbePeer>(message)) {
    told_.push_back(message);
    if (told_.size() > kRemembered) told_.pop_front();
  }
}

void AgentProcess::TakeOldMessage(std::uint64_t dice) {
  if (life_ && life_->connection && !told_.empty()) TakeMessage(ToAgent(told_[dice % told_.size()]), life_->connection_id);
}

void AgentProcess::TakeMessage(ToAgent message, std::uint64_t connection) {
  if (!life_ || life_->connection_id != connection) return;
  if (auto* welcome = std::get_if<Welcome>(&message); welcome && around_.bug == Bug::short_exclusion)
    welcome->fence_after = 20s;
  const bool stale = EpochOf(message) < epoch_heard_;
  if (stale && around_.bug == Bug::ignore_epoch) Renew(message, epoch_heard_);
  if (std::holds_alternative<Welcome>(message)) epoch_heard_ = std::max(epoch_heard_, EpochOf(message));
  if (const auto* start = std::get_if<everstep::Start>(&message))
    ordered_.try_emplace({start->job, start->generation}, start->epoch);  // a later one may wait for the disk
  if (auto* ack = std::get_if<BeatAck>(&message); ack && around_.bug == Bug::fence_from_receipt) ack->sent = life_->Local();
  keepers.stale = stale;
  life_->Deliver(LinkMessage{std::move(message)});
  keepers.stale = false;
}

}  // namespace everstep::sim
