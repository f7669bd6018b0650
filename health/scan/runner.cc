#include "health/scan/runner.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "base/json/codec.h"
#include "base/real/clock.h"
#include "base/real/fd.h"
#include "base/real/proc.h"
#include "base/text.h"

namespace everstep::health {

// A line from a probe's process.
struct ProbeLine {
  std::optional<Reading> reading{};
  std::optional<std::string> waiting{};
};
EVERSTEP_FIELDS(ProbeLine, reading, waiting)

namespace {

constexpr std::size_t kBytesMax = 8u << 20;  // from one probe
constexpr int kEndMs = 200;                  // from the end of its output to its own

class PipeSink : public Sink {
 public:
  explicit PipeSink(int fd) : fd_(fd) {}
  void Take(Reading reading) override { Write({.reading = std::move(reading)}); }
  void Waiting(std::string what) override { Write({.waiting = std::move(what)}); }

 private:
  void Write(const ProbeLine& line) {
    const std::string text = ToJson(line) + '\n';
    for (std::size_t sent = 0; sent < text.size();) {
      const ssize_t wrote = ::write(fd_, text.data() + sent, text.size() - sent);
      if (wrote < 0 && errno == EINTR) continue;
      if (wrote <= 0) ::_exit(1);  // nobody listens any more
      sent += static_cast<std::size_t>(wrote);
    }
  }
  int fd_;
};

[[noreturn]] void BeProbe(const Probe& probe, int fd, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);
  PipeSink sink(fd);
  probe.run(sink);
  ::_exit(0);
}

}  // namespace

ProbeRun::Running ProbeRun::Start(const Probe& probe, Time now) {
  Running running{.until = now + probe.deadline};
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return running;
  running.output = Fd(ends[0]);
  const Fd writer(ends[1]);
  const pid_t parent = ::getpid();
  running.pid = ::fork();
  if (running.pid == 0) BeProbe(probe, writer.get(), parent);
  if (running.pid < 0) running.output.Reset();
  return running;
}

void ProbeRun::TakeLines(Running& running, ProbeResult& result) {
  std::size_t begin = 0;
  for (std::size_t end = 0; (end = running.bytes.find('\n', begin)) != std::string::npos; begin = end + 1) {
    auto line = FromJson<ProbeLine>(std::string_view(running.bytes).substr(begin, end - begin));
    if (!line) continue;
    if (line->reading) result.readings.push_back(*std::move(line->reading));
    if (line->waiting) running.waiting = *std::move(line->waiting);
  }
  running.bytes.erase(0, begin);
}

// Its end, as far as it comes by itself or by SIGKILL within a moment.
void ProbeRun::Bury(Running& running, bool killed, ProbeResult& result) {
  const Fd pidfd = OpenPidfd(running.pid);
  if (killed && pidfd.open()) SignalPidfd(pidfd, SIGKILL);
  if (pidfd.open()) {
    pollfd one{.fd = pidfd.get(), .events = POLLIN, .revents = 0};
    ::poll(&one, 1, kEndMs);
  }
  int status = 0;
  const bool ended = ::waitpid(running.pid, &status, WNOHANG) == running.pid;
  if (!ended) result.left = running.pid;
  if (!ended || killed) return;
  if (WIFSIGNALED(status))
    result.broken =
        Cat("the probe was killed by signal ", WTERMSIG(status), running.waiting.empty() ? "" : Cat(", in ", running.waiting));
  else if (WEXITSTATUS(status) != 0)
    result.broken = Cat("the probe ended with code ", WEXITSTATUS(status));
}

void ProbeRun::GiveUp(Duration deadline, Running& running, ProbeResult& result) {
  result.timed_out = true;
  result.broken =
      Cat("no answer within ", Show(deadline), running.waiting.empty() ? "" : Cat(", waiting for ", running.waiting));
  running.output.Reset();
  Bury(running, true, result);
}

// Whether it goes on.
bool ProbeRun::ReadSome(Running& running, ProbeResult& result) {
  char buffer[16 << 10];
  const ssize_t got = ::read(running.output.get(), buffer, sizeof buffer);
  if (got < 0 && (errno == EINTR || errno == EAGAIN)) return true;
  if (got > 0) {
    running.bytes.append(buffer, static_cast<std::size_t>(got));
    TakeLines(running, result);
    if (running.bytes.size() < kBytesMax) return true;
  }
  running.output.Reset();
  Bury(running, false, result);
  return false;
}

ProbeRun::ProbeRun(const std::vector<Probe>& probes, Time now) : results_(probes.size()) {
  for (std::size_t i = 0; i < probes.size(); ++i) {
    deadlines_.push_back(probes[i].deadline);
    running_.push_back(Start(probes[i], now));
    if (!running_[i].output.open()) results_[i].broken = "no process could be started for the probe";
  }
}

ProbeRun::~ProbeRun() {
  for (std::size_t i = 0; i < running_.size(); ++i)
    if (running_[i].output.open()) GiveUp(deadlines_[i], running_[i], results_[i]);
}

bool ProbeRun::Done() const {
  return std::none_of(running_.begin(), running_.end(), [](const Running& one) { return one.output.open(); });
}

void ProbeRun::AddTo(std::vector<pollfd>& polled) const {
  for (const Running& one : running_)
    if (one.output.open()) polled.push_back({.fd = one.output.get(), .events = POLLIN, .revents = 0});
}

Time ProbeRun::NextDeadline() const {
  Time next = Time::max();
  for (const Running& one : running_)
    if (one.output.open()) next = std::min(next, one.until);
  return next;
}

void ProbeRun::Step(Time now) {
  for (std::size_t i = 0; i < running_.size(); ++i) {
    Running& one = running_[i];
    if (!one.output.open()) continue;
    pollfd ready{.fd = one.output.get(), .events = POLLIN, .revents = 0};
    if (::poll(&ready, 1, 0) > 0 && !ReadSome(one, results_[i])) continue;
    if (now >= one.until) GiveUp(deadlines_[i], one, results_[i]);
  }
}

namespace {

std::vector<ProbeResult> RunTogether(const std::vector<Probe>& probes) {
  RealClock clock;
  ProbeRun run(probes, clock.Now());
  while (!run.Done()) {
    std::vector<pollfd> polled;
    run.AddTo(polled);
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(std::max(run.NextDeadline() - clock.Now(), Duration()));
    if (::poll(polled.data(), polled.size(), static_cast<int>(left.count())) < 0 && errno != EINTR) break;
    run.Step(clock.Now());
  }
  return run.results();
}

}  // namespace

std::vector<ProbeResult> RunProbes(const std::vector<Probe>& probes) {
  std::vector<Probe> together;
  for (const Probe& probe : probes)
    if (!probe.alone) together.push_back(probe);
  std::vector<ProbeResult> first = RunTogether(together), results;
  auto next = first.begin();
  for (const Probe& probe : probes) results.push_back(probe.alone ? RunTogether({probe}).front() : std::move(*next++));
  return results;
}

}  // namespace everstep::health
