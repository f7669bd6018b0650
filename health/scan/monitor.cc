#include "health/scan/monitor.h"

#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdio>

#include "base/real/clock.h"
#include "base/text.h"
#include "health/scan/command.h"
#include "health/scan/report_text.h"

namespace everstep::health {

namespace {

constexpr Duration kFileEvery = 200ms;  // a log that is a file does not tell when it grows
constexpr std::size_t kRecordsAtOnce = 10'000;

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
                 AlarmOptions alarms, Time now, Emit emit)
    : catalogue_(catalogue), watch_(catalogue.checks, profile, alarms, Time()), emit_(std::move(emit)) {
  for (MonitorGroup& group : groups) groups_.push_back({.group = std::move(group), .next = now});
  OpenLog(catalogue, profile, log, now);
}

void Monitor::OpenLog(const Catalogue& catalogue, const Profile& profile, const std::string& log, Time now) {
  const KernelLogAsked asked{log, catalogue.checks, catalogue.xids, profile.accelerator};
  auto listener = KernelListener::Make(asked, Microseconds(now));
  auto opened = Kmsg::Open(log);
  if (!listener || !opened) {
    const std::string why = listener ? opened.error().message : listener.error().message;
    return Take({.check = "kernel.log", .word = "unreadable", .evidence = why}, now);
  }
  log_is_device_ = IsDevice(opened->fd());
  log_ = *std::move(opened);
  listener_ = *std::move(listener);
}

void Monitor::Step(Time now) {
  ReadLog(now);
  for (Running& running : groups_) StepGroup(running, now);
  for (const AlarmChange& change : watch_.Expire(now)) emit_(change);
}

void Monitor::ReadLog(Time now) {
  if (!log_) return;
  log_->ReadNew([&](const KernelRecord& record) { listener_->Take(record); }, kRecordsAtOnce);
  Collected collected;
  listener_->TellNew(Seconds(now.time_since_epoch()), collected);
  if (const std::uint64_t lost = log_->overrun(); lost > overrun_told_) {
    collected.Number("kernel.overrun", "", static_cast<double>(lost - overrun_told_),
                     "gaps in the numbers of the log's records");
    overrun_told_ = lost;
  }
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
  for (const AlarmChange& change : watch_.Take(reading, now)) emit_(change);
}

void Monitor::AddTo(std::vector<pollfd>& polled) const {
  if (log_ && log_is_device_) polled.push_back({.fd = log_->fd(), .events = POLLIN, .revents = 0});
  for (const Running& running : groups_)
    if (running.run) running.run->AddTo(polled);
}

int Monitor::TimeoutMs(Time now) const {
  Time next = now + 1s;
  for (const Running& running : groups_) next = std::min(next, running.run ? running.run->NextDeadline() : running.next);
  if (log_ && !log_is_device_) next = std::min(next, now + kFileEvery);
  return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(std::max(next - now, Duration())).count());
}

int RunMonitorCommand(int argc, const char* const* argv) {
  const auto failed = [](const Error& error) {
    std::fprintf(stderr, "everstep-agent monitor: %s\n", error.Str().c_str());
    return 2;
  };
  const auto command = ScanCommandFrom(argc, argv);
  if (!command) return failed(command.error());
  const ScanOptions& options = command->options;
  const auto catalogue = LoadCatalogue(options.catalogue);
  if (!catalogue) return failed(catalogue.error());
  const auto chosen = ProfileOf(options, *catalogue);
  if (!chosen) return failed(chosen.error());
  std::fprintf(stderr, "everstep-agent monitor: %s\n", chosen->why.c_str());
  RealClock clock;
  bool heard = true;
  const std::string host = HostName(),
                    log = options.kernel_log.empty() ? Root(options.root).At("/dev/kmsg") : options.kernel_log;
  Monitor monitor(*catalogue, chosen->profile, HostGroups(options, *catalogue, chosen->profile), log, {}, clock.Now(),
                  [&](const AlarmChange& change) {
                    heard = heard && std::fputs(AlarmJson(change, host).c_str(), stdout) >= 0 && std::fflush(stdout) == 0;
                  });
  while (heard) {
    monitor.Step(clock.Now());
    std::vector<pollfd> polled;
    monitor.AddTo(polled);
    ::poll(polled.data(), polled.size(), monitor.TimeoutMs(clock.Now()));
  }
  return 0;
}

}  // namespace everstep::health
