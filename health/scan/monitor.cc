#include "health/scan/monitor.h"

#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>
#include <utility>

#include "base/json/codec.h"
#include "base/messages.h"
#include "base/text.h"

namespace everstep::health {

namespace {

constexpr Duration kFileEvery = 200ms;  // a log that is a file does not tell when it grows
constexpr std::size_t kRecordsAtOnce = 10'000;
constexpr std::size_t kSentenceBytes = 500;

// Readings of the log, on their way to the watch.
class Collected : public Sink {
 public:
  void Take(Reading reading) override { readings.push_back(std::move(reading)); }
  void Waiting(std::string) override {}
  std::vector<Reading> readings{};
};

bool IsDevice(int fd) {
  struct stat is {};
  return ::fstat(fd, &is) == 0 && !S_ISREG(is.st_mode);
}

std::int64_t Microseconds(Time now) { return Nanoseconds(now) / 1000; }

HostAlarm HostAlarmOf(const Alarm& alarm) {
  const Verdict& verdict = alarm.verdict;
  return {.check = Clip(verdict.check, limit::kCheckBytes),
          .scope = Clip(verdict.scope, 2 * limit::kCheckBytes),
          .fail = verdict.state == State::fail,
          .action = verdict.action,
          .why = Clip(Printable(verdict.why), kSentenceBytes),
          .evidence = Clip(Printable(verdict.evidence), kSentenceBytes),
          .remedy = Clip(Printable(verdict.remedy), kSentenceBytes),
          .since = alarm.raised};
}

}  // namespace

std::vector<MonitorGroup> HostGroups(const ScanOptions& options, const Catalogue& catalogue, const Profile& profile,
                                     Duration counters_every, Duration mounts_every) {
  std::vector<MonitorGroup> groups(1);
  groups[0].every = counters_every;
  for (Probe& probe : HostProbes(options, catalogue, profile)) {
    if (probe.name == "kernel's log") continue;  // it is followed
    if (probe.scope.empty()) {
      groups[0].probes.push_back(std::move(probe));
    } else {
      groups.push_back({.probes = {std::move(probe)}, .every = mounts_every});
    }
  }
  return groups;
}

Monitor::Monitor(const Catalogue& catalogue, const Profile& profile, std::vector<MonitorGroup> groups, const std::string& log,
                 AlarmOptions alarms, Time now, Emit emit, const MonitorMemory& memory)
    : catalogue_(catalogue),
      watch_(catalogue.checks, profile, alarms, Time()),
      emit_(std::move(emit)),
      began_(now),
      alarms_(alarms) {
  for (MonitorGroup& group : groups) groups_.push_back({.group = std::move(group), .next = now});
  watch_.Restore({memory.alarms, memory.pending, memory.counters, memory.gpus}, now);
  for (const Alarm& alarm : memory.alarms) standing_[{alarm.verdict.check, alarm.verdict.scope}] = HostAlarmOf(alarm);
  log_from_ = memory.log_seen > 0 ? memory.log_seen + 1 : 0;
  OpenLog(catalogue, profile, log, now, log_from_);
}

void Monitor::Tell(const AlarmChange& change) {
  const std::pair key(change.alarm.verdict.check, change.alarm.verdict.scope);
  if (change.raised)
    standing_[key] = HostAlarmOf(change.alarm);
  else
    standing_.erase(key);
  emit_(change);
}

HostHealth Monitor::Health() const {
  const Watch::Counts counts = watch_.Newest();
  HostHealth health{
      .watched = std::all_of(groups_.begin(), groups_.end(), [](const Running& running) { return running.looked; }),
      .unwatched = {},
      .judged = counts.judged,
      .failing = counts.failing,
      .warning = counts.warning,
      .unknown = counts.unknown};
  for (const auto& [key, alarm] : standing_) health.alarms.push_back(alarm);
  for (const auto& [scope, noted] : programs_)
    if (!standing_.contains({noted.alarm.check, scope})) health.alarms.push_back(noted.alarm);
  std::stable_sort(health.alarms.begin(), health.alarms.end(), [](const HostAlarm& a, const HostAlarm& b) {
    return std::pair(a.action, a.fail) > std::pair(b.action, b.fail);
  });
  for (const HostGpu& gpu : watch_.Gpus())
    if (health.gpus.size() < limit::kGpusPerHost)
      health.gpus.push_back({Clip(gpu.scope, 2 * limit::kCheckBytes), Clip(Printable(gpu.uuid), limit::kCheckBytes)});
  if (health.alarms.size() > limit::kAlarmsPerHost) health.alarms.resize(limit::kAlarmsPerHost);
  return health;
}

HostChecks Monitor::Checks(Time now) const {
  HostChecks checks{.watched_for = now - began_, .checks = watch_.Checks(now)};
  KeepWithin(checks, limit::kChecksBytes);
  return checks;
}

MonitorMemory Monitor::Memory() const {
  WatchMemory watch = watch_.Memory();
  return {.boot = {},
          .log_seen = std::max(listener_ ? listener_->last() : 0, log_from_ - 1),
          .log_told = log_told_,
          .alarms = std::move(watch.raised),
          .pending = std::move(watch.pending),
          .counters = std::move(watch.counters),
          .gpus = std::move(watch.gpus)};
}

std::string NewsIn(MonitorMemory memory) {
  memory.log_seen = 0;
  for (CounterMemory& counter : memory.counters) counter.samples.clear();  // when it was looked at; what it holds is news
  for (Alarm& alarm : memory.alarms)
    alarm = {.verdict = {.check = alarm.verdict.check,
                         .scope = alarm.verdict.scope,
                         .state = alarm.verdict.state,
                         .action = alarm.verdict.action},
             .raised = alarm.raised};
  for (Alarm& alarm : memory.pending) alarm.verdict.evidence.clear();
  return ToJson(memory);
}

void Monitor::OpenLog(const Catalogue& catalogue, const Profile& profile, const std::string& log, Time now,
                      std::int64_t since) {
  const KernelLogAsked asked{log, catalogue.checks, catalogue.xids, profile.accelerator};
  auto listener = KernelListener::Make(asked, since);
  auto opened = Kmsg::Open(log);
  if (!listener || !opened) {
    const std::string why = listener ? opened.error().message : listener.error().message;
    watch_.Follow(why, now);
    return Take({.check = "kernel.log", .word = "unreadable", .evidence = why}, now);
  }
  log_is_device_ = IsDevice(opened->fd());
  log_ = *std::move(opened);
  listener_ = *std::move(listener);
  watch_.Follow(std::nullopt, now);
}

void Monitor::Step(Time now) {
  ReadLog(now);
  for (Running& running : groups_) StepGroup(running, now);
  for (const AlarmChange& change : watch_.Expire(now)) Tell(change);
  std::erase_if(programs_, [&](const auto& entry) { return now - entry.second.last >= alarms_.clear_after; });
}

// Not before anything may be raised: a line comes once. What the log held at the start counts as if it was said now, but for
// lines of an earlier boot, whose times lie ahead.
void Monitor::ReadLog(Time now) {
  if (!log_ || now < Time(alarms_.grace)) return;
  const std::int64_t until = Microseconds(now + 1s);
  const bool first = !std::exchange(listens_, true);
  const auto take = [&](const KernelRecord& record) {
    if (!first || record.at <= until) listener_->Take(record);
  };
  log_->ReadNew(take, kRecordsAtOnce);
  Collected collected;
  listener_->TellNew(Seconds(now.time_since_epoch()), collected);
  if (const std::uint64_t lost = log_->overrun(); lost > overrun_told_) {
    collected.Number("kernel.overrun", "", static_cast<double>(lost - overrun_told_),
                     "gaps in the numbers of the log's records");
    overrun_told_ = lost;
  }
  if (!collected.readings.empty()) log_told_ = listener_->last();
  for (const Reading& reading : collected.readings) Take(reading, now);
}

// Whose process of the last run is still there, killed in vain, is not started again; the others are.
std::vector<std::size_t> Monitor::Startable(Running& running) const {
  std::vector<std::size_t> startable;
  running.last.resize(running.group.probes.size());
  for (std::size_t i = 0; i < running.last.size(); ++i) {
    ProbeResult& result = running.last[i];
    if (result.left > 0 && ::waitpid(result.left, nullptr, WNOHANG) != 0) result.left = -1;
    if (result.left <= 0) startable.push_back(i);
  }
  return startable;
}

void Monitor::StepGroup(Running& running, Time now) {
  if (running.run) {
    running.run->Step(now);
    if (!running.run->Done()) return;
    for (std::size_t i = 0; i < running.started.size(); ++i) running.last[running.started[i]] = running.run->results()[i];
    running.run.reset();
    TakeResults(running, now);
    running.looked = true;
    return;
  }
  if (now < running.next) return;
  running.next = now + running.group.every;
  running.started = Startable(running);
  if (running.started.empty()) return TakeResults(running, now);
  std::vector<Probe> probes;
  for (const std::size_t i : running.started) probes.push_back(running.group.probes[i]);
  running.run = std::make_unique<ProbeRun>(probes, now);
}

// What one has read, once; that one hangs, as long as it does.
void Monitor::TakeResults(const Running& running, Time now) {
  for (const std::size_t i : running.started)
    for (const Reading& reading : running.last[i].readings) Take(reading, now);
  for (std::size_t i = 0; i < running.last.size(); ++i)
    for (const Reading& reading : BrokenReadings(catalogue_, running.group.probes[i], running.last[i])) Take(reading, now);
}

void Monitor::Take(const Reading& reading, Time now) {
  ++looks_;
  if (reading.check == "gpu.xid" && reading.word == Name(Action::app)) TakeProgramsXid(reading, now);
  for (const AlarmChange& change : watch_.Take(reading, now)) Tell(change);
}

void Monitor::TakeProgramsXid(const Reading& reading, Time now) {
  const auto [at, first] = programs_.try_emplace(reading.scope);
  Noted& noted = at->second;
  noted.last = now;
  if (!first && now - noted.alarm.since < alarms_.again_after) return;
  noted.alarm = {.check = Clip(reading.check, limit::kCheckBytes),
                 .scope = Clip(reading.scope, 2 * limit::kCheckBytes),
                 .action = Action::app,
                 .why = Clip(Printable(reading.means), kSentenceBytes),
                 .evidence = Clip(Printable(reading.evidence), kSentenceBytes),
                 .since = now};
}

void Monitor::Hear(const Reading& reading, Time now) {
  const Check* check = catalogue_.Find(reading.check);
  if (check && check->by == Reader::agent) Take(reading, now);
}

void Monitor::AddTo(std::vector<pollfd>& polled) const {
  if (log_ && log_is_device_ && listens_) polled.push_back({.fd = log_->fd(), .events = POLLIN, .revents = 0});
  for (const Running& running : groups_)
    if (running.run) running.run->AddTo(polled);
}

int Monitor::TimeoutMs(Time now) const {
  Time next = now + 1s;
  for (const Running& running : groups_) next = std::min(next, running.run ? running.run->NextDeadline() : running.next);
  if (log_ && !log_is_device_) next = std::min(next, now + kFileEvery);
  return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(std::max(next - now, Duration())).count());
}

}  // namespace everstep::health
