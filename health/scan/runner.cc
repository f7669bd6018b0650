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

struct Running {
  pid_t pid = -1;
  Fd output{};
  Time until{};
  std::string bytes{};
  std::string waiting{};
};

[[noreturn]] void BeProbe(const Probe& probe, int fd, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);
  PipeSink sink(fd);
  probe.run(sink);
  ::_exit(0);
}

Running Start(const Probe& probe, Time now) {
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

void TakeLines(Running& running, ProbeResult& result) {
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
void Bury(Running& running, bool killed, ProbeResult& result) {
  const Fd pidfd = OpenPidfd(running.pid);
  if (killed && pidfd.open()) SignalPidfd(pidfd, SIGKILL);
  if (pidfd.open()) {
    pollfd one{.fd = pidfd.get(), .events = POLLIN, .revents = 0};
    ::poll(&one, 1, kEndMs);
  }
  int status = 0;
  if (::waitpid(running.pid, &status, WNOHANG) != running.pid || killed) return;
  if (WIFSIGNALED(status))
    result.broken =
        Cat("the probe was killed by signal ", WTERMSIG(status), running.waiting.empty() ? "" : Cat(", in ", running.waiting));
  else if (WEXITSTATUS(status) != 0)
    result.broken = Cat("the probe ended with code ", WEXITSTATUS(status));
}

void GiveUp(const Probe& probe, Running& running, ProbeResult& result) {
  result.timed_out = true;
  result.broken =
      Cat("no answer within ", Show(probe.deadline), running.waiting.empty() ? "" : Cat(", waiting for ", running.waiting));
  running.output.Reset();
  Bury(running, true, result);
}

// Whether it goes on.
bool ReadSome(Running& running, ProbeResult& result) {
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

}  // namespace

std::vector<ProbeResult> RunProbes(const std::vector<Probe>& probes) {
  RealClock clock;
  std::vector<ProbeResult> results(probes.size());
  std::vector<Running> running;
  for (std::size_t i = 0; i < probes.size(); ++i) {
    running.push_back(Start(probes[i], clock.Now()));
    if (!running[i].output.open()) results[i].broken = "no process could be started for the probe";
  }
  for (;;) {
    std::vector<pollfd> polled;
    std::vector<std::size_t> which;
    Time next = Time::max();
    for (std::size_t i = 0; i < running.size(); ++i) {
      if (!running[i].output.open()) continue;
      polled.push_back({.fd = running[i].output.get(), .events = POLLIN, .revents = 0});
      which.push_back(i);
      next = std::min(next, running[i].until);
    }
    if (polled.empty()) return results;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(std::max(next - clock.Now(), Duration()));
    if (::poll(polled.data(), polled.size(), static_cast<int>(left.count())) < 0 && errno != EINTR) return results;
    for (std::size_t k = 0; k < polled.size(); ++k) {
      const std::size_t i = which[k];
      if (polled[k].revents != 0 && !ReadSome(running[i], results[i])) continue;
      if (clock.Now() >= running[i].until) GiveUp(probes[i], running[i], results[i]);
    }
  }
}

}  // namespace everstep::health
