#include "tests/sim/cluster.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <utility>

#include "base/text.h"

namespace everstep::sim {

namespace {

// Once all faults are over: until then agents have asked, found their way and told.
constexpr Duration kSupersededKnowsWithin = 2min;

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

LauncherOptions OptionsFor(const Swarm& swarm, Bug bug) {
  LauncherOptions options;
  options.compact_every = swarm.compact_every;
  options.health_mode = swarm.observe && bug != Bug::observe_acts ? HealthMode::observe : HealthMode::act;
  if (bug == Bug::removals_unbounded) options.removals_percent = 100;
  if (swarm.fence_hook) options.fence_command = {"/usr/local/bin/power-off"};
  if (bug == Bug::port_reuse) {
    options.port_last = options.port_first + 1;
    options.port_rest = Duration(0);
  }
  return options;
}

}  // namespace

Cluster::Cluster(const RunOptions& options)
    : options_(options),
      rng_(options.seed),
      swarm_(DrawSwarm(options.calm, options.bug, Rng(options.seed ^ 0x5357'4152'4dull))),
      machines_(MakeMachines(options_, rng_)),
      network_(agenda_, Rng(rng_.Next()), machines_),
      training_(
          agenda_, network_, Rng(rng_.Next()),
          [this](const RankPlace& place, const RankExit& exit) {
            agents_[static_cast<std::size_t>(place.machine)]->keepers.RankExited(place, exit);
          },
          [this](const RankPlace& place, std::uint64_t step) {
            agents_[static_cast<std::size_t>(place.machine)]->keepers.RankStepped(place, step);
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
              .accuse = [this](const std::string& what) { Accuse(what); },
              .bug = options_.bug},
      launcher_options_(OptionsFor(swarm_, options_.bug)),
      judge_(agenda_, training_, options_.calm, LauncherOptions{}.port_rest,
             [this](const NodeId& node) { return TruthOf(node); }),
      log_(swarm_.store, options_.bug, Rng(rng_.Next())) {
  judge_.only_observes = swarm_.observe;
  training_.pins_follow = options_.bug == Bug::unpinned;
  training_.starting = [this](const RankPlace& place) { judge_.RankStarts(place); };
  agents_.push_back(nullptr);
  for (int i = 1; i <= options_.hosts; ++i) {
    agents_.push_back(std::make_unique<AgentProcess>(around_, *machines_[static_cast<std::size_t>(i)], Rng(rng_.Next())));
    agents_.back()->keepers.ignores_term = swarm_.ignores_term;
    agents_.back()->keepers.injected = [this, i](const GangKey& gang, const everstep::Fault& drill) {
      Injected(i, gang, drill);
    };
  }
  watch_.resize(machines_.size());
  launcher_ = std::make_unique<LauncherProcess>(
      around_, *machines_[0], log_, launcher_options_, Rng(rng_.Next()),
      LauncherProcess::Hooks{
          .decided = [this](const World& world) { judge_.Decided(world); },
          .opened = [this](const Recovered& recovered) { judge_.Opened(recovered); },
          .durable = [this](LogIndex first, const std::vector<Batch>& batches) { judge_.Durable(first, batches); },
          .uncertain = [this](const std::vector<Batch>& batches) { judge_.Uncertain(batches); },
          .replied = [this](std::uint64_t token, const Result<ApiReply>& reply) { Replied(token, reply); },
          .fence = [this](const NodeId& node, const std::function<void(bool off)>& done) { FenceOff(node, done); }});
  launcher_->wall_shift = options_.wall_shift;
  launcher_->turn_max = swarm_.turn_max;
  if (swarm_.old_log) BeginOnOldLog();
}

Cluster::~Cluster() = default;

void Cluster::BeginOnOldLog() {
  std::ifstream in(EVERSTEP_SOURCE_DIR "/tests/launcher/core/testdata/log_0.1.0.jsonl");
  const std::string lines{std::istreambuf_iterator<char>(in), {}};
  std::vector<std::string> entries = Split(lines, '\n');
  std::erase(entries, "");
  log_.Load(entries);
  judge_.Loaded(entries);
}

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
  spec.restart.budget = swarm_.budget;
  Script script{.steps = 50 + 10 * rng_.Below(30),
                .save_max = swarm_.save_max,
                .saves_block = rng_.Unit() < swarm_.saves_block,
                .zombie_saves = rng_.Unit() < swarm_.zombie_saves};
  if (rng_.Unit() < swarm_.buggy) script.bug = 40;
  Rng own(options_.seed * 1000 + static_cast<std::uint64_t>(number));  // what came later to the job file changes no other dice
  if (own.Unit() < 0.2) spec.time_limit = 20s + own.Jitter(100s);
  if (own.Unit() < 0.3) spec.progress.hang_after = 15s;
  if (own.Unit() < 0.4) spec.preflight = {.level = PreflightLevel::quick, .valid_for = own.Below(2) == 0 ? 1min : 1h};
  if (options_.nodes > 0) {
    spec.time_limit.reset();
    spec.progress.hang_after.reset();
    spec.preflight = {};
    spec.nodes = options_.nodes;
    spec.spares = 1;
    spec.restart.budget = 100;
    script = {.steps = static_cast<std::uint64_t>(options_.fault_phase / script.step)};
  }
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
  for (const Fault& fault : faults_)
    if (fault.kind == FaultKind::launcher_lost_write || fault.kind == FaultKind::launcher_misdirected_write)
      log_.KeepLastSync();
  launcher_->Start();
  Tick();
  for (std::size_t i = 1; i < agents_.size(); ++i)
    agenda_.After(Rng(rng_.Next()).Jitter(3s), [agent = agents_[i].get()] { agent->Start(); });
  for (int number = 1; number <= options_.jobs; ++number)
    agenda_.After(options_.nodes > 0 ? 5s : 5s + rng_.Jitter(options_.fault_phase - 10s), [this, number] { Submit(number); });
  for (const Fault& fault : faults_)
    agenda_.At(fault.at, [this, fault] {
      Trace(Cat("fault: ", fault.Str()));
      Strike(fault);
    });
}

// ---- what is true of hosts -------------------------------------------------------------------------------------------------

void Cluster::Watch(int index) {
  const auto at = static_cast<std::size_t>(index);
  const Machine& machine = *machines_[at];
  Judge::HostTruth& truth = watch_[at].truth;
  const Time now = agenda_.now();
  const bool clogged = std::max(network_.ClogUntil(index, 0), network_.ClogUntil(0, index)) > now;
  const bool trouble = !machine.Runs() || !agents_[at]->Alive() || watch_[at].stopped || clogged ||
                       !network_.Passes(index, 0) || !network_.Passes(0, index) || network_.weather.stall > 0;
  if ((trouble && !truth.in_trouble) || (!machine.Runs() && !truth.gone)) truth.since = now;
  truth.gone = !machine.Runs();
  const bool unreachable = truth.gone || watch_[at].stopped || (agents_[at]->Alive() && !Reaches(index));
  if (unreachable && !truth.unreachable) truth.unreachable_since = now;
  truth.unreachable = unreachable;
  if (!trouble && truth.in_trouble) truth.ended = now;
  truth.in_trouble = trouble;
}

// The launcher and the host hear each other, or both a peer that could tell.
bool Cluster::Reaches(int index) const {
  const auto both = [this](int a, int b) { return network_.Passes(a, b) && network_.Passes(b, a); };
  if (network_.Passes(index, 0) || network_.Passes(0, index)) return true;  // one way is trouble enough to tell nothing
  for (int peer = 1; peer <= options_.hosts; ++peer)
    if (peer != index && both(0, peer) && (network_.Passes(peer, index) || network_.Passes(index, peer))) return true;
  return false;
}

Judge::HostTruth Cluster::TruthOf(const NodeId& node) const {
  for (std::size_t i = 1; i < machines_.size(); ++i)
    if (machines_[i]->name == node.value) return watch_[i].truth;
  return {.in_trouble = true, .ended = {}};  // a host of the log that an earlier version has left
}

void Cluster::Tick() {
  for (int i = 1; i <= options_.hosts; ++i) Watch(i);
  if (const auto since = launcher_->well_since(); since && launcher_->world()) judge_.Tick(*launcher_->world(), *since);
  RoomIsNoticed();
  agenda_.After(1s, [this] { Tick(); });
}

// I17: once there is room, jobs are taken again, without a restart.
void Cluster::RoomIsNoticed() {
  constexpr Duration kNoticedWithin = 20s;
  const Time now = agenda_.now();
  if (log_.full()) full_at_ = now;
  const auto since = launcher_->well_since();
  if (!since || now - *since < kNoticedWithin || now - full_at_ < kNoticedWithin || launcher_->disk.stall > 0) return;
  if (launcher_->NearlyFull())
    Accuse(Cat("I17: the log's disk has had room for ", Show(now - full_at_), ", and jobs are refused for want of it"));
}

// The site's hook: it takes a while, and does not always work.
void Cluster::FenceOff(const NodeId& node, const std::function<void(bool off)>& done) {
  Rng dice(rng_.Next());
  const bool works = dice.Unit() < swarm_.hook_works;
  agenda_.After(500ms + dice.Jitter(4s), [this, node, done, works, off = 10s + dice.Jitter(30s)] {
    for (std::size_t i = 1; i < machines_.size(); ++i) {
      if (machines_[i]->name != node.value || !works) continue;
      if (machines_[i]->power == Power::paused) machines_[i]->power = Power::up;  // off is off
      PowerOff(static_cast<int>(i), off);
      agenda_.After(off, [this, i] { PowerOn(static_cast<int>(i)); });  // also when all faults are over by then
    }
    done(works);
  });
}

Outcome Cluster::Run() {
  Rng dice(~options_.seed);  // their own: with other faults all else stays as it was
  faults_ =
      options_.faults
          ? *options_.faults
          : DrawFaults({.hosts = options_.hosts, .over = options_.fault_phase, .calm = options_.calm, .only = options_.only},
                       dice);
  Begin();
  const Time heal = AtNanoseconds(0) + options_.fault_phase, end = heal + options_.heal_phase;
  while (agenda_.Step(heal) && !judge_.Convinced()) continue;
  HealAll();
  while (!judge_.Convinced() && agenda_.now() < end) {
    const Time until = std::min(end, agenda_.now() + 1s);
    while (agenda_.Step(until) && !judge_.Convinced()) continue;
    const bool two_lead = launcher_->SupersededStillLeads();
    if (!two_lead) launcher_->EndZombies();  // an operator does, who reads their logs
    if (two_lead && agenda_.now() - heal >= kSupersededKnowsWithin)
      Accuse("I2: a launcher was superseded and believes that it leads, although it can hear the agents");
    if (two_lead) continue;
    if (judge_.Halted(launcher_->world()) && agenda_.now() - heal >= kSupersededKnowsWithin) break;
    if (open_.empty() && judge_.AllEnded() && training_.Running().empty() && launcher_->Quiet() && NobodyIsOut()) break;
  }
  const Time still = agenda_.now() + 5min;  // what was decided last becomes durable, at a disk that stood still too
  while (!judge_.Convinced() && !launcher_->Quiet() && agenda_.Step(still)) continue;
  judge_.End(launcher_->world(), launcher_->Quiet(), open_.size());
  Outcome outcome = judge_.outcome();
  Sum(outcome);
  outcome.swarm = swarm_.Str();
  outcome.superseded = launcher_->superseded();
  outcome.hash = hash_;
  outcome.events = agenda_.events();
  outcome.virtual_time = agenda_.now().time_since_epoch();
  outcome.faults = faults_;
  outcome.trace.assign(trace_.begin(), trace_.end());
  return outcome;
}

// Of jobs that are done: what they did, and how much of it counted.
void Cluster::Sum(Outcome& outcome) const {
  const World* world = launcher_->world();
  if (!world) return;
  for (const auto& [id, truth] : training_.truth()) {
    const JobState* job = JobIn(world->state, id);
    const auto script = training_.scripts.find(id);
    if (!job || script == training_.scripts.end() || job->phase != JobPhase::done) continue;
    outcome.steps += truth.executed;
    outcome.steps_lost += truth.executed - std::min(truth.executed, truth.reached);
    outcome.useful += script->second.step * static_cast<std::int64_t>(truth.reached);
    outcome.saving += truth.saving;
    outcome.lasted += truth.last - *truth.first;
  }
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
  training_.Heal();
  log_.Heal();
  launcher_->disk = {};
  launcher_->ContinueProcess();
  launcher_->ContinueZombies();
  if (!launcher_->Alive()) launcher_->Start();
  for (HostWatch& watch : watch_) watch.stopped = false;
  for (auto& agent : agents_) {
    if (!agent) continue;
    agent->disk = {};
    agent->refuses.reset();
    agent->ContinueProcess();
    if (!agent->Alive()) agent->Start();
    agent->health = {.watched = true};
    agent->HealthChanged();
    CareFor(agent->machine().index);
  }
}

}  // namespace everstep::sim
