#include "tests/sim/cluster.h"

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace everstep::sim {

namespace {

std::vector<std::unique_ptr<Machine>> MakeMachines(const RunOptions& options, Rng& rng) {
  std::vector<std::unique_ptr<Machine>> machines;
  for (int i = 0; i <= options.hosts; ++i) {
    auto machine = std::make_unique<Machine>();
    machine->index = i;
    machine->name = i == 0 ? "launcher" : Cat('n', i);
    machine->clock.base = 1min + rng.Jitter(24h);
    machine->clock.rate_ppm = static_cast<std::int64_t>(rng.Below(20001)) - 10000;  // within ±1 %
    machines.push_back(std::move(machine));
  }
  return machines;
}

}  // namespace

Cluster::Cluster(const RunOptions& options)
    : options_(options),
      rng_(options.seed),
      machines_(MakeMachines(options_, rng_)),
      network_(agenda_, Rng(rng_.Next()), machines_),
      training_(
          agenda_, network_, Rng(rng_.Next()),
          [this](const RankPlace& place, const RankExit& exit) {
            agents_[static_cast<std::size_t>(place.machine)]->keepers.RankExited(place, exit);
          },
          [this](const std::string& what) { Accuse(what); }),
      around_{.agenda = agenda_,
              .network = network_,
              .training = training_,
              .launcher = [this] { return launcher_ && launcher_->Alive() ? launcher_.get() : nullptr; },
              .launcher_machine = 0,
              .agent_at = [this](const std::string& address) -> AgentProcess* {
                for (const auto& agent : agents_)
                  if (agent && agent->address() == address) return agent.get();
                return nullptr;
              },
              .trace = [this](const std::string& line) { Trace(line); },
              .bug = options_.bug} {
  agents_.push_back(nullptr);
  for (int i = 1; i <= options_.hosts; ++i) {
    agents_.push_back(std::make_unique<AgentProcess>(around_, *machines_[static_cast<std::size_t>(i)], Rng(rng_.Next())));
    agents_.back()->keepers.ignores_term = 0.1;
  }
  launcher_ = std::make_unique<LauncherProcess>(
      around_, *machines_[0], std::make_shared<MemoryLog>(), Rng(rng_.Next()),
      LauncherProcess::Hooks{[this](const World& world) { judge_.Decided(world); },
                             [this](std::uint64_t token, const Result<ApiReply>& reply) { Replied(token, reply); }});
  launcher_->wall_shift = options_.wall_shift;
}

Cluster::~Cluster() = default;

void Cluster::Accuse(const std::string& what) { judge_.Accuse(what); }

void Cluster::Trace(const std::string& line) {
  constexpr std::size_t kKept = 400;
  std::string whole = Cat(Nanoseconds(agenda_.now()), ' ', line);
  for (const char c : whole) hash_ = (hash_ ^ static_cast<unsigned char>(c)) * 0x100000001b3u;  // FNV-1a
  trace_.push_back(Cat(Show(agenda_.now().time_since_epoch()), "  ", line));
  if (!options_.keep_trace && trace_.size() > kKept) trace_.pop_front();
}

// ---- the user
// ----------------------------------------------------------------------------------------------------------------

void Cluster::Submit(int number) {
  JobSpec spec;
  spec.name = Cat("job-", number);
  spec.command = {"python3", "train.py"};
  spec.workdir = "/srv";
  spec.nodes = static_cast<std::uint32_t>(1 + rng_.Below(static_cast<std::uint64_t>(std::min(3, options_.hosts - 1))));
  spec.spares = static_cast<std::uint32_t>(rng_.Below(2));
  spec.checkpoint = CheckpointSpec{.dir = "/ckpt"};
  spec.restart.budget = 100;
  Script script{.steps = 50 + 10 * rng_.Below(30), .zombie_saves = rng_.Below(2) == 0};
  if (rng_.Below(8) == 0) script.bug = 40;
  AskUntilAnswered(++tokens_, SubmitJob{spec, Cat("request-", number)}, script);
}

// A person who gets no answer asks again, with the same request id.
void Cluster::AskUntilAnswered(std::uint64_t token, const ApiRequest& request, const Script& script) {
  open_[token] = script;
  if (launcher_->Alive()) launcher_->Ask(token, request);
  agenda_.After(5s, [this, token, request, script] {
    if (open_.contains(token)) AskUntilAnswered(token, request, script);
  });
}

void Cluster::Replied(std::uint64_t token, const Result<ApiReply>& reply) {
  const auto open = open_.find(token);
  if (open == open_.end() || !reply) return;
  if (const auto* submitted = std::get_if<Submitted>(&*reply)) {
    training_.scripts[submitted->job] = open->second;
    judge_.Acknowledged(submitted->job);
    Trace(Cat("user: ", submitted->job, ": ", submitted->why));
  }
  open_.erase(open);
}

// ---- the run
// -----------------------------------------------------------------------------------------------------------------

void Cluster::Begin() {
  launcher_->Start();
  for (std::size_t i = 1; i < agents_.size(); ++i)
    agenda_.After(Rng(rng_.Next()).Jitter(3s), [agent = agents_[i].get()] { agent->Start(); });
  for (int number = 1; number <= options_.jobs; ++number)
    agenda_.After(5s + rng_.Jitter(options_.fault_phase - 10s), [this, number] { Submit(number); });
  for (const Fault& fault : faults_)
    agenda_.At(fault.at, [this, fault] {
      Trace(Cat("fault: ", fault.Str()));
      Strike(fault);
    });
}

Outcome Cluster::Run() {
  Rng dice(~options_.seed);  // their own: with other faults all else stays as it was
  faults_ = options_.faults ? *options_.faults
                            : DrawFaults({.hosts = options_.hosts, .over = options_.fault_phase, .calm = options_.calm}, dice);
  Begin();
  const Time heal = AtNanoseconds(0) + options_.fault_phase, end = heal + options_.heal_phase;
  while (agenda_.Step(heal) && !judge_.Convinced()) continue;
  HealAll();
  while (!judge_.Convinced() && agenda_.now() < end) {
    const Time until = std::min(end, agenda_.now() + 1s);
    while (agenda_.Step(until) && !judge_.Convinced()) continue;
    if (open_.empty() && judge_.AllEnded() && training_.Running().empty()) break;
  }
  const Time still = agenda_.now() + 5min;  // what was decided last becomes durable, at a disk that stood still too
  while (!judge_.Convinced() && !launcher_->Quiet() && agenda_.Step(still)) continue;
  judge_.End(launcher_->world(), launcher_->log(), training_, open_.size());
  Outcome outcome = judge_.outcome();
  outcome.hash = hash_;
  outcome.events = agenda_.events();
  outcome.virtual_time = agenda_.now().time_since_epoch();
  outcome.faults = faults_;
  outcome.trace.assign(trace_.begin(), trace_.end());
  return outcome;
}

void Cluster::HealAll() {
  Trace("all faults are over");
  healed_ = true;
  network_.HealAll();
  network_.weather = {};
  for (auto& machine : machines_) {
    if (machine->power == Power::paused) Resume(machine->index);
    if (machine->power == Power::off) PowerOn(machine->index);
  }
  launcher_->disk = {};
  launcher_->ContinueProcess();
  if (!launcher_->Alive()) launcher_->Start();
  for (auto& agent : agents_) {
    if (!agent) continue;
    agent->disk = {};
    agent->refuses.reset();
    agent->ContinueProcess();
    if (!agent->Alive()) agent->Start();
  }
}

}  // namespace everstep::sim
