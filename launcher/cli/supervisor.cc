#include "launcher/cli/supervisor.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>

#include "base/real/files.h"
#include "base/real/proc.h"
#include "base/text.h"
#include "launcher/cli/local_burial.h"
#include "launcher/cli/spawn.h"
#include "launcher/cli/terminal.h"

namespace everstep {

namespace {

constexpr Duration kServesWithin = 20s;
constexpr Duration kTermGrace = 8s;      // for launcher and agents to end by themselves
constexpr Duration kKillPatience = 20s;  // for the kernel to take away what was killed
constexpr Duration kLivedLong = 10s;     // who lived this long is started again at once
constexpr Duration kFarFuture = 24h;

std::string HowItEnded(int status) {
  if (WIFSIGNALED(status)) return Cat("was killed by signal ", WTERMSIG(status));
  return Cat("ended with exit code ", WEXITSTATUS(status));
}

}  // namespace

Status Supervisor::Run() {
  if (::prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) return FailErrno(errno, "become", "subreaper");
  sigset_t set{};
  sigemptyset(&set);
  for (const int signal : {SIGCHLD, SIGTERM, SIGINT}) sigaddset(&set, signal);
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
  for (const int signal : {SIGHUP, SIGPIPE}) ::signal(signal, SIG_IGN);
  signals_ = Fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_.open()) return FailErrno(errno, "open", "a signalfd");

  Status started = Start();
  if (!started) {
    Tell(Cat("failed ", started.error().Str()));
    Log(started.error().Str());
  }
  if (started) Loop();
  ending_ = true;
  EndAll();
  EVERSTEP_TRY(RemoveLocalCluster(options_.directory));
  return started;
}

Status Supervisor::Start() {
  EVERSTEP_TRY(StartLauncher());
  const std::string address_file = options_.directory + "/address";
  RealFiles files;
  for (const Time deadline = clock_.Now() + kServesWithin;;) {
    if (const auto address = files.Read(address_file); address && !Trim(*address).empty()) {
      AddAgents(std::string(Trim(*address)));
      break;
    }
    if (WaitForSignal(clock_.Now() + 10ms)) return Fail(ErrorCode::kConflict, "told to end before it was up");
    const Daemon& launcher = daemons_.front();
    if (launcher.pid == 0 || clock_.Now() > deadline)
      return Fail(ErrorCode::kUnavailable,
                  Cat("the launcher ", launcher.pid == 0 ? "ended" : Cat("does not serve after ", Show(kServesWithin)), ": ",
                      LastError(launcher.log)),
                  Cat("see ", launcher.log));
  }
  for (std::size_t i = 1; i < daemons_.size(); ++i) EVERSTEP_TRY(Launch(daemons_[i]));
  EVERSTEP_TRY(Record());
  return {};
}

Status Supervisor::StartLauncher() {
  const std::string& directory = options_.directory;
  daemons_.push_back(
      {.name = "launcher",
       .argv = {options_.programs + "/everstep-launcher", "--listen", Cat("127.0.0.1:", options_.port), "--state",
                directory + "/launcher", "--address-file", directory + "/address", "--config", directory + "/launcher.yaml"},
       .log = directory + "/launcher.log"});
  EVERSTEP_TRY(Launch(daemons_.back()));
  return Record();
}

void Supervisor::AddAgents(const std::string& address) {
  daemons_.front().argv[2] = address;  // the agents know it by this port: a launcher that is started again must have it too
  for (std::uint32_t i = 1; i <= options_.nodes; ++i) {
    const std::string name = Cat('n', i), state = Cat(options_.directory, '/', name);
    daemons_.push_back({.name = name,
                        .argv = {options_.programs + "/everstep-agent", "--node", name, "--launcher", address, "--listen",
                                 "127.0.0.1:0", "--state", state, "--monitor", options_.monitor ? "true" : "false"},
                        .log = state + ".log"});
  }
  Tell(Cat("serving ", address));
}

Status Supervisor::Launch(Daemon& daemon) {
  daemon.started = clock_.Now();
  EVERSTEP_ASSIGN(daemon.pid, SpawnDaemon({.argv = daemon.argv, .environment = options_.environment, .log = daemon.log}));
  return {};
}

Status Supervisor::Record() {
  LocalCluster cluster{.boot = BootIdText(), .nodes = options_.nodes};
  cluster.supervisor = RecordOf("supervisor", ::getpid()).value_or(ProcessRecord{});
  for (const Daemon& daemon : daemons_)
    if (const auto record = daemon.pid == 0 ? std::nullopt : RecordOf(daemon.name, daemon.pid))
      cluster.daemons.push_back(*record);
  return WriteLocalCluster(options_.directory, cluster);
}

void Supervisor::Loop() {
  for (;;) {
    Time until = clock_.Now() + kFarFuture;
    for (const Daemon& daemon : daemons_)
      if (daemon.pid == 0) until = std::min(until, daemon.again);
    if (WaitForSignal(until)) return;
    StartDead();
  }
}

bool Supervisor::WaitForSignal(Time until) {
  const Duration left = std::max<Duration>(0s, until - clock_.Now());
  pollfd poll_fd{.fd = signals_.get(), .events = POLLIN, .revents = 0};
  ::poll(&poll_fd, 1, static_cast<int>(left / 1ms) + 1);
  signalfd_siginfo info{};
  while (::read(signals_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT) ending_ = true;
  }
  Reap();
  return ending_;
}

void Supervisor::Reap() {
  for (;;) {
    int status = 0;
    const pid_t pid = ::waitpid(-1, &status, WNOHANG);
    if (pid <= 0) return;
    const auto daemon = std::find_if(daemons_.begin(), daemons_.end(), [&](const Daemon& d) { return d.pid == pid; });
    if (daemon != daemons_.end()) Died(*daemon, status);  // else a process whose own parent had ended
  }
}

void Supervisor::Died(Daemon& daemon, int status) {
  daemon.pid = 0;
  const bool lived_long = clock_.Now() - daemon.started >= kLivedLong;
  daemon.deaths = lived_long ? 1 : daemon.deaths + 1;
  constexpr std::uint32_t kQuickest = 1, kSlowest = 6;  // then at once, 0.2 s, 0.4 s … 6.4 s
  const std::uint32_t step = std::min(daemon.deaths, kSlowest) - kQuickest;
  daemon.again = clock_.Now() + (step == 0 ? Duration(0s) : Duration(100ms) * (1u << step));
  if (!ending_) Log(Cat(daemon.name, ' ', HowItEnded(status), ", is started again"));
}

void Supervisor::StartDead() {
  bool changed = false;
  for (Daemon& daemon : daemons_) {
    if (daemon.pid != 0 || daemon.again > clock_.Now()) continue;
    if (Status launched = Launch(daemon); !launched) {
      Log(launched.error().Str());
      daemon.again = clock_.Now() + 1s;
      continue;
    }
    changed = true;
  }
  if (!changed) return;
  if (Status recorded = Record(); !recorded) Log(recorded.error().Str());
}

void Supervisor::EndAll() {
  for (const Daemon& daemon : daemons_)
    if (daemon.pid != 0) ::kill(daemon.pid, SIGTERM);  // our own child, not reaped: nobody else can have this pid
  const auto running = [&] {
    return std::any_of(daemons_.begin(), daemons_.end(), [](const Daemon& daemon) { return daemon.pid != 0; });
  };
  for (const Time deadline = clock_.Now() + kTermGrace; running() && clock_.Now() < deadline;) WaitForSignal(deadline);
  const auto gone = [this] { return NothingLeft() && BuryGangs(options_.directory).empty(); };
  for (const Time deadline = clock_.Now() + kKillPatience; !gone() && clock_.Now() < deadline;)
    WaitForSignal(clock_.Now() + 50ms);
}

// Kills what is left of daemons, keepers and ranks.
bool Supervisor::NothingLeft() {
  Reap();
  const std::vector<ProcessStat> left = DescendantsOf({::getpid()}, AllProcesses());
  for (const ProcessStat& process : left) KillExactly(process);
  return left.empty();
}

void Supervisor::Tell(std::string line) {
  std::replace(line.begin(), line.end(), '\n', ' ');  // whoever waits reads one line and no more
  const std::string text = line + '\n';
  if (ready_.open() && ::write(ready_.get(), text.data(), text.size()) < 0) Log("nobody waits for this cluster to be ready");
}

void Supervisor::Log(const std::string& line) { WriteErr(Cat("supervisor: ", line, '\n')); }

}  // namespace everstep
