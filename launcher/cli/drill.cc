// everstep drill: brings about a fault on purpose, follows what comes of it, and prints the measured recovery.

#include <CLI/CLI.hpp>
#include <memory>

#include "base/real/clock.h"
#include "base/yaml/quantity.h"
#include "launcher/cli/drill_watch.h"
#include "launcher/cli/flags.h"
#include "launcher/cli/follow.h"
#include "launcher/cli/globals.h"
#include "launcher/cli/output.h"
#include "launcher/cli/run_screen.h"
#include "launcher/cli/verbs.h"
#include "launcher/cli/view_text.h"

namespace everstep {

namespace {

struct FaultWord {
  std::string_view word;
  std::optional<FaultKind> kind;  // nullopt: of the launcher
  std::string_view does;
  Duration lasts;
};

constexpr FaultWord kFaults[] = {
    {"rank-kill", FaultKind::rank_kill, "SIGKILL to a rank", 0s},
    {"host-lost", FaultKind::host_lost, "the host's ranks are killed, its agent is silent for a time", 30s},
    {"freeze", FaultKind::freeze, "agent, keeper and ranks of a host are stopped for a time, then go on", 30s},
    {"link-cut", FaultKind::link_cut, "the agent of a host cannot be reached for a time; its ranks go on", 30s},
    {"hang", FaultKind::hang, "a rank is stopped (SIGSTOP): progress.hang_after has to notice", limit::kFaultLasts},
    {"ckpt-torn", FaultKind::checkpoint_torn,
     "half a checkpoint, newer than all others, appears; then a rank of the first host is killed", 0s},
    {"launcher-kill", std::nullopt, "SIGKILL to the launcher: the job must not notice", 0s},
};

struct DrillFlags {
  std::string fault{};
  JobId job{};
  std::optional<std::uint32_t> rank{};
  std::string node{};
  std::string lasts{};
  std::string timeout{};
  std::uint32_t times = 1;
  bool dry_run = false;
};

const FaultWord& Named(std::string_view word) {
  for (const FaultWord& fault : kFaults)
    if (fault.word == word) return fault;
  return kFaults[0];
}

Result<Duration> DurationOf(std::string_view flag, const std::string& text) {
  const auto parsed = ParseDuration(text);
  if (parsed) return *parsed;
  return Fail(ErrorCode::kInvalid, Cat(flag, ": found ", parsed.error().message, ", legal: a duration such as 90s or 10min"),
              parsed.error().hint);
}

struct Victim {
  std::uint32_t rank = 0;
  NodeId node{};
};

// The last rank, unless one is named: rank 0 has the rendezvous, and loses more. A torn checkpoint is made by the host that
// watches them, the first: a rank there is hit.
Result<Victim> VictimIn(const JobView& job, const DrillFlags& flags) {
  if (job.hosts.empty())
    return Fail(ErrorCode::kConflict, Cat(job.id, " is ", Name(job.phase), ": a drill is for a job that runs"));
  if (!flags.node.empty()) {
    for (const HostView& host : job.hosts)
      if (host.node.value == flags.node) return Victim{host.first_rank, host.node};
    std::vector<std::string> names;
    for (const HostView& host : job.hosts) names.push_back(host.node.value);
    return Fail(ErrorCode::kNotFound, Cat(job.id, " has no rank on ", Clip(Printable(flags.node), 80)),
                Cat("it runs on ", Join(names)));
  }
  const bool first = Named(flags.fault).kind == FaultKind::checkpoint_torn;
  const HostView& last = first ? job.hosts.front() : job.hosts.back();
  const std::uint32_t rank = flags.rank.value_or(last.first_rank + last.ranks - 1);
  for (const HostView& host : job.hosts)
    if (rank >= host.first_rank && rank < host.first_rank + host.ranks) return Victim{rank, host.node};
  return Fail(ErrorCode::kNotFound, Cat(job.id, " has no rank ", rank), Cat("its ranks are 0 to ", job.world_size - 1));
}

class Drill {
 public:
  Drill(const Cli& cli, const DrillFlags& flags, Duration lasts, Duration timeout)
      : cli_(cli), flags_(flags), fault_(Named(flags.fault)), lasts_(lasts), timeout_(timeout), screen_(cli.console) {}

  // The fault itself is over then, and its host can be expected back.
  Time until() const { return until_; }

  // nullopt: interrupted.
  Result<std::optional<DrillView>> Run(Interrupts& interrupts) {
    EVERSTEP_ASSIGN(const auto client, Connect(cli_));
    EVERSTEP_ASSIGN(const JobReply found, Ask<JobReply>(*client, GetJob{.job = flags_.job}));
    EVERSTEP_ASSIGN(const InfoReply info, Ask<InfoReply>(*client, GetInfo{}));
    EVERSTEP_ASSIGN(victim_, VictimIn(found.job, flags_));
    job_ = found.job;
    deadline_ = clock_.Now() + timeout_;
    if (!fault_.kind) return KillTheLauncher(info, interrupts);
    return Break(info, interrupts);
  }

 private:
  Result<std::optional<DrillView>> Break(const InfoReply& info, Interrupts& interrupts) {
    const bool tears = fault_.kind == FaultKind::checkpoint_torn;
    DrillWatch watch(job_, flags_.fault, victim_.node, victim_.rank, Lasts(*fault_.kind) ? lasts_ : Duration(0), tears);
    Follower job(ClientOptionsOf(cli_), queue_, Topic::job, JobNews(job_.id));
    Follower events(ClientOptionsOf(cli_), queue_, Topic::events, EventNews({}, {}, info.index));
    EVERSTEP_TRY(Inject(watch));
    EVERSTEP_ASSIGN(const bool through, Until(interrupts, watch, [&] { return watch.Done(); }));
    if (!through) return std::optional<DrillView>();
    if (watch.over()) until_ = *watch.over();
    return std::optional(watch.view());
  }

  Status Inject(DrillWatch& watch) {
    const InjectFault request{.job = job_.id,
                              .generation = job_.generation,
                              .kind = *fault_.kind,
                              .rank = victim_.rank,
                              .lasts = Lasts(*fault_.kind) ? lasts_ : Duration(0),
                              .by = Requester()};
    EVERSTEP_TRY(Ask<Accepted>(cli_, request));
    watch.Begun(clock_.Now());
    return {};
  }

  // False: interrupted. A time-out is no error: the view says how far it came.
  Result<bool> Until(Interrupts& interrupts, DrillWatch& watch, const std::function<bool()>& done) {
    while (!done() && clock_.Now() < deadline_) {
      if (interrupts.Wait(std::min<Duration>(deadline_ - clock_.Now(), 1s), queue_.fd())) return false;
      watch.Tick(clock_.Now());
      while (const auto news = queue_.Take()) {
        if (const auto* seen = std::get_if<JobView>(&*news)) watch.On(clock_.Now(), *seen);
        if (const auto* event = std::get_if<EventView>(&*news)) {
          watch.On(clock_.Now(), *event);
          const bool about = event->job == job_.id || event->node == victim_.node;
          if (ForPeople(cli_.output) && about && event->kind != "checkpoint_registered") screen_.Event(*event, clock_.Wall());
        }
        const auto* end = std::get_if<StreamEnded>(&*news);
        if (end && !end->how) return Fail(end->how.error());
      }
    }
    return true;
  }

  // The launcher's streams end with it: it is asked again and again instead.
  Result<std::optional<DrillView>> KillTheLauncher(const InfoReply& before, Interrupts& interrupts) {
    DrillWatch watch(job_, flags_.fault, NodeId(), std::nullopt);
    DrillView& view = watch.view();
    const Time begun = clock_.Now();
    // Its death is the answer.
    const auto answer = Ask<Accepted>(cli_, KillLauncher{.by = Requester()});
    if (!answer && answer.error().code != ErrorCode::kUnavailable && answer.error().code != ErrorCode::kTimeout)
      return Fail(answer.error());
    if (ForPeople(cli_.output)) screen_.Say("the launcher is killed");
    while (clock_.Now() < deadline_ && view.outcome == DrillOutcome::unfinished) {
      if (interrupts.Wait(50ms)) return std::optional<DrillView>();
      LookAround(view, before, begun);
    }
    return std::optional(view);
  }

  void LookAround(DrillView& view, const InfoReply& before, Time begun) {
    const auto client = Connect(cli_, 1s);
    if (!client) return;
    const auto info = Ask<InfoReply>(**client, GetInfo{});
    if (!info || info->epoch == before.epoch) return;  // not dead yet
    const Duration at = clock_.Now() - begun;
    if (!view.serving && ForPeople(cli_.output)) screen_.Say(Cat("the launcher serves again, epoch ", info->epoch));
    if (!view.serving) view.serving = at;
    if (!view.hosts_back && info->nodes_ready >= before.nodes_ready) view.hosts_back = at;
    const auto now = Ask<JobReply>(**client, GetJob{.job = job_.id});
    if (!now) return;
    view.why = now->job.why;
    const bool steps = job_.progress && now->job.progress && now->job.progress->step > job_.progress->step;
    if (steps && !view.stepped) view.stepped = at;
    if (Ended(now->job.phase) || now->job.generation != job_.generation) view.outcome = DrillOutcome::ended;
    if (now->job.phase == JobPhase::done && now->job.generation == job_.generation) view.outcome = DrillOutcome::undisturbed;
    if (view.hosts_back && (steps || !job_.progress)) view.outcome = DrillOutcome::undisturbed;
  }

  const Cli& cli_;
  const DrillFlags& flags_;
  const FaultWord& fault_;
  const Duration lasts_;
  const Duration timeout_;
  RealClock clock_{};
  NewsQueue queue_{};
  RunScreen screen_;
  JobView job_{};
  Victim victim_{};
  Time deadline_{};
  Time until_{};
};

bool ProvesNothing(const DrillView& drill) {
  return drill.fault == "ckpt-torn" && drill.outcome == DrillOutcome::recovered && drill.torn.empty();
}

int CodeOf(const std::vector<DrillView>& drills) {
  for (const DrillView& drill : drills) {
    if (drill.outcome == DrillOutcome::unfinished) return exit_code::kTimeout;
    if (drill.outcome == DrillOutcome::refused) return exit_code::kCouldNotRun;
    if (drill.outcome == DrillOutcome::ended || ProvesNothing(drill)) return exit_code::kBad;
  }
  return exit_code::kGood;
}

Result<int> SayWouldDo(const Cli& cli, const DrillFlags& flags, Duration lasts) {
  EVERSTEP_ASSIGN(const JobReply found, Ask<JobReply>(cli, GetJob{.job = flags.job}));
  EVERSTEP_ASSIGN(const Victim victim, VictimIn(found.job, flags));
  const FaultWord& fault = Named(flags.fault);
  std::string what = Cat(fault.does, " (", found.job.id, ')');
  if (fault.kind) {
    InjectFault request{.job = found.job.id, .generation = found.job.generation, .kind = *fault.kind, .rank = victim.rank};
    request.lasts = Lasts(*fault.kind) ? lasts : Duration(0);
    request.by = Requester();
    request.dry_run = true;
    EVERSTEP_ASSIGN(const Accepted reply, Ask<Accepted>(cli, request));
    what = Cat(reply.why, "; it costs a restart, ", found.job.restarts, " of ", found.job.restarts_max, " are used");
  }
  WriteErr(Cat("would do: ", Printable(what), "; nothing was changed\n"));
  return exit_code::kGood;
}

// The next one would meet a host that still stands still.
bool AwaitEnd(Interrupts& interrupts, Time until) {
  RealClock clock;
  constexpr Duration kComesBack = 5s;
  while (until > Time() && clock.Now() < until + kComesBack)
    if (interrupts.Wait(std::min<Duration>(until + kComesBack - clock.Now(), 1s))) return false;
  return true;
}

// --for and --timeout, or what they are where nobody says.
Result<Duration> LastsOf(const DrillFlags& flags) {
  const FaultWord& fault = Named(flags.fault);
  if (flags.lasts.empty()) return fault.lasts;
  EVERSTEP_ASSIGN(const Duration lasts, DurationOf("--for", flags.lasts));
  if (!fault.kind || !Lasts(*fault.kind))
    return Fail(ErrorCode::kInvalid, Cat("--for: ", flags.fault, " does not last"), "leave it out");
  if (lasts <= 0s || lasts > limit::kFaultLasts)
    return Fail(ErrorCode::kInvalid, Cat("--for: found ", flags.lasts, ", legal: more than 0s, at most 10min"));
  return lasts;
}

Result<int> RunDrills(const Cli& cli, const DrillFlags& flags) {
  if (!Named(flags.fault).kind && (!flags.node.empty() || flags.rank))
    return Fail(ErrorCode::kInvalid, Cat(flags.node.empty() ? "--rank" : "--node", ": launcher-kill hits no host"),
                "leave it out");
  EVERSTEP_ASSIGN(const Duration lasts, LastsOf(flags));
  EVERSTEP_ASSIGN(Duration timeout, DurationOf("--timeout", flags.timeout.empty() ? "5min" : flags.timeout));
  if (flags.timeout.empty() && flags.fault == "hang") timeout = lasts + 2min;
  if (flags.dry_run) return SayWouldDo(cli, flags, lasts);
  Interrupts interrupts;
  std::vector<DrillView> drills;
  Time until{};
  for (std::uint32_t i = 0; i < flags.times && CodeOf(drills) == exit_code::kGood; ++i) {
    Drill one(cli, flags, lasts, timeout);
    auto drill = AwaitEnd(interrupts, until) ? one.Run(interrupts) : Result<std::optional<DrillView>>();
    until = one.until();
    if (!drill || !*drill) {
      if (!drills.empty() && !ForPeople(cli.output)) WriteOut(ViewData(cli.output, drills));
      if (!drill) return Fail(drill.error());
      return Fail(ErrorCode::kConflict,
                  Cat("interrupted; what the drill did stays done", lasts > 0s ? Cat(", for ", Show(lasts), " at most") : ""),
                  Cat("everstep job ", flags.job));
    }
    if (ForPeople(cli.output)) WriteOut(Cat(i > 0 ? "\n" : "", DescribeDrill(**drill, cli.console.out.columns)));
    if (ForPeople(cli.output) && ProvesNothing(**drill))
      WriteErr("nothing was seen of the torn checkpoint: this proves nothing\n");
    drills.push_back(**std::move(drill));
  }
  if (!ForPeople(cli.output)) WriteOut(flags.times == 1 ? ViewData(cli.output, drills.front()) : ViewData(cli.output, drills));
  if (ForPeople(cli.output) && drills.size() > 1) WriteOut(Cat('\n', DescribeDrills(drills)));
  return CodeOf(drills);
}

std::string Footer() {
  std::string text = "Faults:\n";
  for (const FaultWord& fault : kFaults)
    text += Cat("  ", fault.word, std::string(15 - fault.word.size(), ' '), fault.does, '\n');
  return text +
         "A drill is on record (everstep events) and costs the job a restart of its budget; it counts as no failure of the "
         "code.";
}

}  // namespace

void AddDrill(CLI::App& app, Cli& cli) {
  auto flags = std::make_shared<DrillFlags>();
  CLI::App* verb = app.add_subcommand("drill", "break something on purpose, and print how long recovery took");
  std::vector<std::string> words;
  for (const FaultWord& fault : kFaults) words.emplace_back(fault.word);
  verb->add_option("FAULT", flags->fault, "what breaks, see below")
      ->required()
      ->check(OneOf(words))
      ->type_name(Join(words, "|"));
  verb->add_option("JOB", flags->job.value, kJobWords)->required();
  auto* rank =
      verb->add_option("--rank", flags->rank, "which rank, or the host of which; default: the last one")->type_name("R");
  verb->add_option("--node", flags->node, "which host")->type_name("HOST")->excludes(rank);
  verb->add_option("--for", flags->lasts, "how long it lasts: default 30s, a hang 10min")->type_name("DURATION");
  verb->add_option("--timeout", flags->timeout, "how long recovery is waited for [5min; hang: 2min more than it lasts]")
      ->type_name("DURATION");
  verb->add_option("--times", flags->times, "so many drills, one after another")->check(Between(1, 1000))->type_name("N");
  verb->add_flag("--dry-run", flags->dry_run, "say what would be done, and do nothing");
  verb->footer(Footer());
  AddOutputFlags(*verb, cli, false);
  verb->callback([&cli, flags] { cli.verb = [&cli, flags] { return RunDrills(cli, *flags); }; });
}

}  // namespace everstep
