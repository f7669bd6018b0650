#include "launcher/core/host_health.h"

#include <algorithm>

#include "base/contains.h"
#include "launcher/core/drain.h"
#include "launcher/core/membership.h"
#include "launcher/core/placement.h"
#include "launcher/core/sentence.h"

namespace everstep {

namespace {

constexpr std::size_t kEverybody = 4;                        // fewer hosts may all be bad
constexpr Duration kRemovalWindow = 1h;                      // policy.removals_percent counts within it
constexpr Duration kRemedyMemory = std::chrono::hours(168);  // remedies for the same check within it lead to a graver one
constexpr std::size_t kRemediesOfAKind = 2;
constexpr Duration kXidJobs = 24h;     // different jobs that an Xid hit within it count
constexpr Duration kBrokenSince = 1h;  // so long it may have been broken before all hosts failed it

std::string TitleOf(const HostAlarm& alarm) {
  return alarm.scope.empty() ? alarm.check : Cat(alarm.check, " of ", alarm.scope);
}

const KnownAlarm* Known(const NodeState& node, const HostAlarm& alarm) {
  for (const KnownAlarm& known : node.alarms)
    if (known.alarm.check == alarm.check && known.alarm.scope == alarm.scope) return &known;
  return nullptr;
}

// Raised anew, or graver than what is on record.
bool IsNews(const NodeState& node, const HostAlarm& alarm) {
  const KnownAlarm* known = Known(node, alarm);
  if (!known) return true;
  const HostAlarm& old = known->alarm;
  return old.since != alarm.since || (alarm.fail && !old.fail) || alarm.action > old.action;
}

// Of a report, the gravest of each check and scope: what is cut to its limit may look alike.
std::vector<const HostAlarm*> Told(const HostHealth& health) {
  std::vector<const HostAlarm*> told;
  for (const HostAlarm& alarm : health.alarms) {
    const auto same = [&](const HostAlarm* other) { return other->check == alarm.check && other->scope == alarm.scope; };
    const auto known = std::find_if(told.begin(), told.end(), same);
    if (known == told.end())
      told.push_back(&alarm);
    else if (alarm.action > (*known)->action)
      *known = &alarm;
  }
  return told;
}

const HostHealth* HealthOf(const World& world, const NodeId& node) {
  const HostNow* host = HostIn(world, node);
  return host && host->connected && host->report ? &host->report->health : nullptr;
}

// By its UUID, the GPU that the alarm is about; empty: it is about something else, or nobody can tell which it is.
std::string GpuOf(const HostHealth& health, const std::string& scope) {
  // NVML says "GPU 3 at 0000:18:00", the kernel's log "GPU at 0000:18:00".
  const auto bus = [](const std::string& text) {
    const std::size_t at = text.rfind(" at ");
    return !text.starts_with("GPU ") || at == std::string::npos ? std::string() : text.substr(at + 4);
  };
  for (const HostGpu& gpu : health.gpus)
    if (gpu.scope == scope || (!bus(scope).empty() && bus(scope) == bus(gpu.scope))) return gpu.uuid;
  constexpr std::string_view kUuid = "GPU-";
  const std::size_t at = scope.find(kUuid);
  if (at == std::string::npos) return {};
  const std::size_t end = scope.find_first_of(" ,)", at);
  const std::string uuid = scope.substr(at, end == std::string::npos ? end : end - at);
  return uuid.size() > kUuid.size() ? uuid : std::string();
}

JobId JobOn(const World& world, const NodeId& node) {
  for (const auto& [id, job] : world.state.jobs)
    for (const LiveGang& gang : job.live)
      if (gang.node == node) return id;
  return {};
}

// ---- whether a host may be taken out of work ------------------------------------------------------------------------------

struct Crowd {
  std::size_t watched = 0;
  std::size_t failing = 0;
};
// `besides`: a host that counts among them although its own record may not say so yet.
Crowd FailingNow(const World& world, const std::string& check, const NodeId& besides = {}) {
  Crowd crowd;
  for (const auto& [id, node] : world.state.nodes) {
    const HostHealth* health = node.member ? HealthOf(world, id) : nullptr;
    if (!health || !health->watched) continue;
    ++crowd.watched;
    // What its host asks for, or more where it has come back (Escalate).
    const auto fails = [&](const HostAlarm& alarm) {
      const KnownAlarm* known = alarm.check == check ? Known(node, alarm) : nullptr;
      return alarm.check == check && std::max(alarm.action, known ? known->alarm.action : alarm.action) >= HealthAction::defer;
    };
    crowd.failing += id == besides || std::any_of(health->alarms.begin(), health->alarms.end(), fails) ? 1 : 0;
  }
  return crowd;
}
bool IsBroken(const Crowd& crowd) { return crowd.watched >= kEverybody && crowd.failing == crowd.watched; }

// Why not; empty: it may. It fails the check, whether that is on record or not.
std::string Forbidden(const World& world, Now now, const NodeState& node, const std::string& check) {
  if (const Crowd crowd = FailingNow(world, check, node.node); IsBroken(crowd))
    return Cat("all ", crowd.watched, " hosts fail ", check,
               ", so the check is taken for broken and nobody is taken out of work");
  return RemovalForbidden(world, now, node);
}

// The alarm's own action, or a graver one where that has been tried in vain.
HealthAction ActionFor(Now now, const NodeState& node, const HostAlarm& alarm, std::string& because) {
  if (alarm.action < HealthAction::reset || alarm.action == HealthAction::replace) return alarm.action;
  HealthAction action = alarm.action;
  while (action < HealthAction::replace) {
    const auto tried =
        static_cast<std::size_t>(std::count_if(node.remedies.begin(), node.remedies.end(), [&](const RemedyRecord& record) {
          return record.check == alarm.check && record.action == action && now.at - record.at < kRemedyMemory;
        }));
    if (tried < kRemediesOfAKind) break;
    because = Cat(" (", Name(action), " was tried ", tried, " times)");
    action = static_cast<HealthAction>(static_cast<int>(action) + 1);
  }
  return action;
}

std::string WhatHappens(const World& world, const JobId& job, HealthAction action) {
  const JobState* runs = job.empty() ? nullptr : JobIn(world.state, job);
  if (!runs) return "nothing new is placed there";
  switch (action) {
    case HealthAction::defer: return Cat(job, " goes on there to its end, nothing new is placed there");
    case HealthAction::drain:
      if (!runs->spec.checkpoint) return Cat(job, ", which has no checkpoints, goes on there to its end");
      return Cat(job, " moves to another host, if one is free, at its next checkpoint, in ", Show(world.policy.move_within),
                 " at the latest");
    default: return Cat(job, " moves to another host at once");
  }
}

// What this Xid has done to the same GPU before, this time included. A remedy: it took a host out of work, and came back.
health::XidHistory XidHistoryOf(const World& world, Now now, const NodeState& node, const AlarmRaised& raised) {
  health::XidHistory history;
  std::vector<JobId> jobs;
  // A job that has hit it on other GPUs too is what they have in common.
  const auto elsewhere = [&](const JobId& job) {
    return std::any_of(world.state.xids.begin(), world.state.xids.end(), [&](const XidSeen& seen) {
      return seen.code == raised.xid && seen.gpu != raised.gpu && seen.job == job && now.at - seen.at < kXidJobs;
    });
  };
  const auto hit = [&](const JobId& job) {
    if (!job.empty() && !Contains(jobs, job) && !elsewhere(job)) jobs.push_back(job);
  };
  hit(raised.job);
  for (const XidSeen& seen : world.state.xids) {
    if (seen.gpu != raised.gpu || seen.code != raised.xid) continue;
    if (now.at - seen.at < kXidJobs) hit(seen.job);
    history.remedies += seen.removed && now.at - seen.at < kRemedyMemory ? 1 : 0;
  }
  history.jobs = static_cast<std::uint32_t>(jobs.size());
  const bool waits = node.quarantine && node.quarantine->xid == raised.xid && node.quarantine->scope == raised.alarm.scope;
  if (waits && history.remedies > 0) --history.remedies;  // nothing has been done yet
  return history;
}

// An Xid that comes back asks for more than the first one did.
void Escalate(const World& world, Now now, const NodeState& node, AlarmRaised& raised) {
  HostAlarm& alarm = raised.alarm;
  raised.xid = alarm.check == kXidCheck ? health::XidCodeIn(alarm.why) : std::nullopt;
  if (!raised.xid) return;
  const HostHealth* health = HealthOf(world, node.node);
  raised.gpu = XidGpu(health ? GpuOf(*health, alarm.scope) : std::string(), node.node, alarm.scope);
  const std::string who = alarm.why.substr(0, alarm.why.find(": "));
  const auto more =
      health::Escalated(world.policy.xids, *raised.xid, alarm.action, who, XidHistoryOf(world, now, node, raised));
  if (!more) return;
  alarm.action = more->action;
  alarm.fail = true;
  alarm.why = Sentence(more->why, ": ", Name(more->action));
}

Facts Raised(const World& world, Now now, const NodeState& node, const HostAlarm& told) {
  AlarmRaised raised{.node = node.node, .alarm = told, .job = JobOn(world, node.node)};
  Escalate(world, now, node, raised);
  const HostAlarm& alarm = raised.alarm;
  const std::string what = Sentence(node.node, ": ", TitleOf(alarm), ": ", OneLine(alarm.why, 400));
  if (alarm.action < HealthAction::defer) {
    raised.why = Sentence(what, alarm.action == HealthAction::app ? "; the program's doing, the host stays" : "; noted");
    return {raised};
  }
  if (node.quarantine && node.quarantine->action >= alarm.action) {
    raised.why = Sentence(what, "; it is in quarantine already");
    return {raised};
  }
  const std::string forbidden = Forbidden(world, now, node, alarm.check);
  raised.why = forbidden.empty() ? what : Sentence(what, "; asks for ", Name(alarm.action), ": ", forbidden);
  return {raised};
}

// The gravest alarm that stands, asks for more than has been done, and that nobody has cleared; nullptr: there is none.
const HostAlarm* Unanswered(const NodeState& node) {
  const HostAlarm* gravest = nullptr;
  for (const KnownAlarm& known : node.alarms) {
    if (known.cleared || known.alarm.action < HealthAction::defer) continue;
    if (node.quarantine && node.quarantine->action >= known.alarm.action) continue;
    if (!gravest || known.alarm.action > gravest->action) gravest = &known.alarm;
  }
  return gravest;
}

Facts QuarantineDue(const World& world, Now now, const NodeState& node) {
  const HostAlarm* alarm = Unanswered(node);
  if (!alarm || !HealthOf(world, node.node) || !Forbidden(world, now, node, alarm->check).empty()) return {};
  NodeQuarantined quarantined{.node = node.node, .check = alarm->check, .scope = alarm->scope, .job = JobOn(world, node.node)};
  quarantined.gpu = GpuOf(*HealthOf(world, node.node), alarm->scope);
  if (alarm->check == kXidCheck) quarantined.xid = health::XidCodeIn(alarm->why);
  std::string because;
  quarantined.action = ActionFor(now, node, *alarm, because);
  quarantined.cause = Cat(TitleOf(*alarm), ": ", OneLine(alarm->why, 400));
  quarantined.why = Sentence(node.node, " is taken out of work, ", Name(quarantined.action), because, ": ", quarantined.cause,
                             "; ", WhatHappens(world, quarantined.job, quarantined.action));
  Facts facts{quarantined};
  for (const auto& [id, job] : world.state.jobs)
    if (Contains(job.spares, node.node))
      facts.push_back(
          SpareReleased{id, node.node, Sentence(node.node, " is no spare of ", id, " any more: it is quarantined")});
  return facts;
}

Facts PutOffDue(const World& world, Now now, const NodeState& node) {
  if (!node.member || !PutOff(node) || !RemovalForbidden(world, now, node).empty()) return {};
  Facts facts{HostHeldBack{node.node, Sentence(node.node, " is taken out of work: it failed its check ",
                                               Show(std::max(Duration(0), now.at - node.fabric->at)), " ago and was put off: ",
                                               OneLine(node.fabric->why, 400), "; everstep check gives it back")}};
  for (const auto& [id, job] : world.state.jobs)
    if (Contains(job.spares, node.node))
      facts.push_back(
          SpareReleased{id, node.node, Sentence(node.node, " is no spare of ", id, " any more: it failed its check")});
  return facts;
}

// A host that the job could go to.
bool HasAnother(const World& world, const JobState& job) {
  const std::vector<NodeId> fit = EligibleHosts(world, job);
  return std::any_of(fit.begin(), fit.end(), [&](const NodeId& id) { return !Contains(job.hosts, id); });
}

// ---- the way back --------------------------------------------------------------------------------------------------------

Facts BrokenCheckReleases(const World& world, Now now, const std::string& check) {
  const Crowd crowd = FailingNow(world, check);
  if (!IsBroken(crowd)) return {};
  Facts facts;
  for (const auto& [id, node] : world.state.nodes)
    if (node.quarantine && node.quarantine->check == check && node.quarantine->remedy == RemedyPhase::none)
      facts.push_back(QuarantineOver{id, Sentence(id, " may be given work again: all ", crowd.watched, " hosts fail ", check,
                                                  ", so the check is taken for broken")});
  const auto counts = [&](const health::Offence& offence) {
    return offence.what == check && now.at - offence.at < kBrokenSince;
  };
  const auto any = [&](const std::vector<health::Offence>& offences) {
    return std::any_of(offences.begin(), offences.end(), counts);
  };
  if (any(world.state.gpu_offences) || std::any_of(world.state.nodes.begin(), world.state.nodes.end(),
                                                   [&](const auto& entry) { return any(entry.second.offences); }))
    facts.push_back(OffencesTakenBack{check, now.at - kBrokenSince,
                                      Sentence("what ", check, " has done to hosts within ", Show(kBrokenSince),
                                               " counts against them no more: all ", crowd.watched, " hosts fail it")});
  return facts;
}

// ---- GPUs that are followed, and what fades --------------------------------------------------------------------------------

// Of its GPUs, those that have offences. nullopt: nobody can tell which it has.
std::optional<std::vector<std::string>> OffendersIn(const World& world, const NodeState& node) {
  const HostHealth* health = HealthOf(world, node.node);
  if (!health || health->gpus.empty()) return std::nullopt;
  std::vector<std::string> seen;
  for (const HostGpu& gpu : health->gpus)
    if (std::any_of(world.state.gpu_offences.begin(), world.state.gpu_offences.end(),
                    [&](const health::Offence& offence) { return offence.who == gpu.uuid; }))
      seen.push_back(gpu.uuid);
  return seen;
}

Facts GpuFacts(const World& world, Now now, const NodeState& node) {
  if (world.state.gpu_offences.empty() && node.gpus.empty()) return {};
  const auto seen = OffendersIn(world, node);
  if (!seen) return {};
  for (const std::string& gpu : *seen) {
    if (Contains(node.gpus, gpu)) continue;
    NodeState with = node;
    with.gpus = *seen;
    return {GpusSeen{node.node, *seen,
                     Sentence(node.node, " has ", gpu, " now, and what that GPU did elsewhere counts here: ",
                              OffencesOf(world.state, with, now.at).why)}};
  }
  for (const std::string& gpu : node.gpus)
    if (!Contains(*seen, gpu))
      return {GpusSeen{node.node, *seen,
                       Sentence(gpu, " is in ", node.node, " no more: what that GPU did counts no more against ", node.node)}};
  return {};
}

// REQUIRES: it is kept away.
Time FadedAt(const State& state, const NodeState& node) { return state.now + OffencesOf(state, node, state.now).fades_in; }

// Placement goes by the log's time, which stands still while nothing is decided: this moves it.
Facts FadedFacts(const World& world, Now now, const NodeState& node) {
  if (node.quarantine || !KeptAway(world.state, node)) return {};
  if (now.at < FadedAt(world.state, node)) return {};
  return {OffencesFaded{node.node, Sentence(node.node, " is kept away no more: its offences have faded")}};
}

}  // namespace

bool CountedAsRemoved(const World& world, Now now, const NodeState& node) {
  return std::any_of(world.state.removals.begin(), world.state.removals.end(),
                     [&](const Removal& removal) { return removal.node == node.node && now.at - removal.at < kRemovalWindow; });
}

std::string RemovalForbidden(const World& world, Now now, const NodeState& node, std::size_t besides) {
  if (world.policy.health == HealthMode::observe) return "health.mode is observe, so nothing is done";
  if (CountedAsRemoved(world, now, node)) return {};
  std::vector<Time> removed(besides, now.at);
  for (const Removal& removal : world.state.removals)
    if (now.at - removal.at < kRemovalWindow) removed.push_back(removal.at);
  const std::size_t members = MemberCount(world.state);
  const std::size_t most = std::max<std::size_t>(1, members * world.policy.removals_percent / 100);
  if (removed.size() < most) return {};
  // So many of the oldest must be an hour old that there is room for one.
  std::sort(removed.begin(), removed.end());
  const Duration again = removed[removed.size() - most] + kRemovalWindow - now.at;
  return Cat("checks have taken ", removed.size(), " of ", members, " hosts out of work within ", Show(kRemovalWindow),
             " and no more than ", most, " may go (health.removals_percent: ", world.policy.removals_percent,
             "), so it stays, and is weighed again in ", Show(again), "; to do it by hand: everstep drain ", node.node);
}

std::string StaysBecause(const World& world, Now now, const NodeState& node) {
  if (const HostAlarm* alarm = Unanswered(node)) {
    const std::string forbidden = Forbidden(world, now, node, alarm->check);
    if (forbidden.empty()) return {};
    return Cat("put off, ", Name(alarm->action), ": ", TitleOf(*alarm), ": ", OneLine(alarm->why, 300), "; ", forbidden);
  }
  if (!PutOff(node)) return {};
  const std::string forbidden = RemovalForbidden(world, now, node);
  return forbidden.empty() ? std::string()
                           : Cat("put off: failed its check: ", OneLine(node.fabric->why, 300), "; ", forbidden);
}

bool ShouldBeOut(const NodeState& node) { return FailedCheck(node) || Unanswered(node) != nullptr; }

Facts JudgeHealth(const World& world, Now now, const NodeId& id) {
  const NodeState* node = NodeIn(world.state, id);
  if (!node) return {};
  if (const HostHealth* health = HealthOf(world, id)) {
    for (const HostAlarm* alarm : Told(*health))
      if (IsNews(*node, *alarm)) return Raised(world, now, *node, *alarm);
    for (const KnownAlarm& known : node->alarms) {
      const auto same = [&](const HostAlarm& alarm) {
        return alarm.check == known.alarm.check && alarm.scope == known.alarm.scope;
      };
      if (!health->watched || std::any_of(health->alarms.begin(), health->alarms.end(), same)) continue;
      return {AlarmOver{id, known.alarm.check, known.alarm.scope, Sentence(id, ": ", TitleOf(known.alarm), " is over")}};
    }
    for (const HostAlarm& alarm : health->alarms)
      if (alarm.action >= HealthAction::defer)
        if (Facts released = BrokenCheckReleases(world, now, alarm.check); !released.empty()) return released;
  }
  if (Facts due = QuarantineDue(world, now, *node); !due.empty()) return due;
  if (Facts due = PutOffDue(world, now, *node); !due.empty()) return due;
  if (Facts seen = GpuFacts(world, now, *node); !seen.empty()) return seen;
  if (Facts faded = FadedFacts(world, now, *node); !faded.empty()) return faded;
  if (!node->quarantine) return {};
  if (QuarantineWaits(world, *node).empty())
    return {QuarantineOver{id, Sentence(id, " may be given work again: ", node->quarantine->check,
                                        " is over, and it has passed its checks since")}};
  if (auto due = RemedyDue(world, *node)) return {*std::move(due)};
  return {};
}

std::string QuarantineWaits(const World& world, const NodeState& node) {
  const Quarantine& quarantine = *node.quarantine;
  const bool rebooted = node.boot != quarantine.boot;
  switch (quarantine.action) {
    case HealthAction::replace:
      if (node.state_id == quarantine.state_id) return "it is to be replaced";
      break;
    case HealthAction::reboot:
      if (!rebooted) return "it is to be rebooted";
      break;
    case HealthAction::reset:
      if (!rebooted && quarantine.remedy != RemedyPhase::succeeded) return "its device is to be reset";
      break;
    default: break;
  }
  const HostHealth* health = HealthOf(world, node.node);
  if (!health || !health->watched) return "its monitor has not looked at it again yet";
  for (const KnownAlarm& known : node.alarms)
    if (!known.cleared && known.alarm.action >= HealthAction::defer) return Cat(TitleOf(known.alarm), " stands");
  return health->failing > 0 ? Cat(Count(health->failing, "check"), " of it fail") : std::string();
}

std::optional<Time> HealthDeadline(const World& world, Time now) {
  const bool waits = world.policy.health != HealthMode::observe && AnyUnanswered(world.state);
  std::optional<Time> next;
  const auto consider = [&](Time at) {
    if (at > now && (!next || at < *next)) next = at;
  };
  for (const Removal& removal : world.state.removals)
    if (waits) consider(removal.at + kRemovalWindow);
  for (const auto& [id, node] : world.state.nodes)
    if (!node.quarantine && KeptAway(world.state, node)) consider(FadedAt(world.state, node));
  return next;
}

bool OutOfWork(const State& state, const NodeState& node) { return node.drain || node.quarantine || KeptAway(state, node); }

bool KeptAway(const State& state, const NodeState& node) {
  return HasOffences(node) && OffencesOf(state, node, state.now).keep_away;
}

bool AnyUnanswered(const State& state) {
  return std::any_of(state.nodes.begin(), state.nodes.end(),
                     [](const auto& entry) { return Unanswered(entry.second) != nullptr || PutOff(entry.second); });
}

std::optional<RemedyStarted> RemedyDue(const World& world, const NodeState& node) {
  if (!node.quarantine || node.quarantine->remedy != RemedyPhase::none) return std::nullopt;
  if (world.policy.health == HealthMode::observe) return std::nullopt;
  const Quarantine& quarantine = *node.quarantine;
  if (!Contains(world.policy.remedies, quarantine.action) || node.boot != quarantine.boot) return std::nullopt;
  if (!JobOn(world, node.node).empty()) return std::nullopt;  // its work leaves it first
  return RemedyStarted{
      node.node, quarantine.check, quarantine.action,
      Sentence("the site's hook for ", Name(quarantine.action), " is run for ", node.node, ": ", quarantine.why)};
}

Result<Facts> ClearBy(const World& world, const ClearNode& request) {
  const NodeState* node = NodeIn(world.state, request.node);
  if (!node) return Fail(UnknownHost(world.state, request.node));
  const auto meant = [&](const std::string& check) { return request.check.empty() || check == request.check; };
  const bool alarms = std::any_of(node->alarms.begin(), node->alarms.end(),
                                  [&](const KnownAlarm& known) { return !known.cleared && meant(known.alarm.check); });
  const auto counts = [&](const health::Offence& offence) {
    return meant(offence.what) && (offence.who == node->node.value || Contains(node->gpus, offence.who));
  };
  const auto any = [&](const std::vector<health::Offence>& known) { return std::any_of(known.begin(), known.end(), counts); };
  const bool offences = any(node->offences) || any(world.state.gpu_offences);
  const bool held = node->quarantine && meant(node->quarantine->check);
  const bool failed = FailedCheck(*node) && meant(std::string(kFabric));
  if (held && node->quarantine->remedy == RemedyPhase::running)
    return Fail(ErrorCode::kConflict, Cat("the hook that is to ", Name(node->quarantine->action), ' ', node->node, " runs"),
                Cat("clear it once that has ended: everstep events --node ", node->node, " -f"));
  if (!alarms && !offences && !held && !failed) {
    std::vector<std::string> checks;
    for (const KnownAlarm& known : node->alarms)
      if (!known.cleared && !Contains(checks, known.alarm.check)) checks.push_back(known.alarm.check);
    if (request.check.empty() || checks.empty()) return Facts();
    return Fail(ErrorCode::kNotFound,
                Cat(node->node, " has no alarm of ", OneLine(request.check, 80), "; there are: ", Join(checks)));
  }
  const std::string what = request.check.empty() ? std::string("all alarms") : request.check;
  const std::string note = request.note.empty() ? std::string() : Cat(": ", Said(request.note));
  Facts facts{AlarmsCleared{request.node, request.check, OneLine(request.by, 100), Said(request.note),
                            Sentence(request.node, ": ", what, " cleared by ", Who(request.by), note)}};
  if (held)
    facts.push_back(
        QuarantineOver{request.node, Sentence(request.node, " may be given work again: cleared by ", Who(request.by))});
  return facts;
}

std::string QuarantineText(const NodeState& node, std::optional<Time> at) {
  const Quarantine& quarantine = *node.quarantine;
  const std::string ago = at ? Cat(" (", Show(std::max(Duration(0), *at - quarantine.since)), ')') : std::string();
  const std::string remedy = quarantine.remedy == RemedyPhase::none ? std::string() : Cat("; ", quarantine.remedy_why);
  return Cat("quarantined, ", Name(quarantine.action), ": ", quarantine.why, remedy, ago);
}

std::string LeavesBecause(const World& world, Now now, const JobState& job, const NodeState& node) {
  const Quarantine& quarantine = *node.quarantine;
  if (quarantine.action <= HealthAction::defer || world.policy.health == HealthMode::observe) return {};
  if (quarantine.action > HealthAction::drain || job.preflight) return Cat(node.node, " is ", QuarantineText(node));
  if (!HasAnother(world, job)) return {};  // it works as long as it works
  if (quarantine.job == job.id && job.checkpoints_ever > quarantine.checkpoints)
    return Cat(node.node, " is ", QuarantineText(node), "; there is a checkpoint of after that");
  const auto at = LeavesAt(world, job, node);
  if (!at || now.at < *at) return {};
  return Cat(node.node, " is ", QuarantineText(node), "; there was no checkpoint within ", Show(world.policy.move_within));
}

std::optional<Time> LeavesAt(const World& world, const JobState& job, const NodeState& node) {
  if (!node.quarantine || node.quarantine->action != HealthAction::drain || !job.spec.checkpoint) return std::nullopt;
  if (world.policy.health == HealthMode::observe || !HasAnother(world, job)) return std::nullopt;
  return node.quarantine->since + world.policy.move_within;
}

bool HasOffences(const NodeState& node) { return !node.offences.empty() || !node.gpus.empty(); }

health::OffenderScore OffencesOf(const State& state, const NodeState& node, Time at) {
  if (node.gpus.empty()) return health::Score(node.offences, node.node.value, at);
  std::vector<health::Offence> all = node.offences;
  for (const health::Offence& offence : state.gpu_offences) {
    if (!Contains(node.gpus, offence.who)) continue;
    health::Offence& here = all.emplace_back(offence);
    here.who = node.node.value;
    here.what = Cat(offence.what, " of ", offence.who, offence.where == node.node.value ? "" : Cat(" in ", offence.where));
  }
  return health::Score(all, node.node.value, at);
}

}  // namespace everstep
