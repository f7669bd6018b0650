#include "agent/monitor/monitor_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "base/json/codec.h"
#include "base/messages.h"
#include "base/real/clock.h"
#include "base/real/poll.h"
#include "base/real/proc.h"
#include "base/text.h"

namespace everstep {

namespace {

constexpr Duration kShortestPause = 1s;  // before it is started again; doubled each time
constexpr Duration kLongestPause = 60s;
constexpr Duration kSilence = 60s;              // it says something every 20 s
constexpr Duration kEndsWithin = 300ms;         // after SIGTERM
constexpr std::size_t kLineBytes = 256u << 10;  // of what it says; more is no health
constexpr std::size_t kUnreadBytes = 2u << 20;  // of all that it says: a line of checks is the longest

struct Child {
  pid_t pid = -1;
  Fd output{};
  Fd input{};
};

// Its stderr is ours. With default signals: this thread blocks some.
Result<Child> Spawn(const std::vector<std::string>& arguments, const std::vector<std::string>& environment) {
  std::array<int, 2> ends{}, talk{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return FailErrno(errno, "make", "a pipe for the monitor");
  Child child{.pid = -1, .output = Fd(ends[0])};
  const Fd writes(ends[1]);
  // No pipe: to write into one that nobody reads any more is a signal.
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, talk.data()) != 0)
    return FailErrno(errno, "make", "a way to talk to the monitor");
  child.input = Fd(talk[0]);
  const Fd reads(talk[1]);
  const auto pointers = [](const std::vector<std::string>& texts) {
    std::vector<char*> all;
    for (const std::string& text : texts) all.push_back(const_cast<char*>(text.c_str()));
    all.push_back(nullptr);
    return all;
  };
  const std::vector<char*> argv = pointers(arguments), variables = pointers(environment);
  posix_spawn_file_actions_t files{};
  posix_spawnattr_t attributes{};
  ::posix_spawn_file_actions_init(&files);
  ::posix_spawnattr_init(&attributes);
  ::posix_spawn_file_actions_adddup2(&files, reads.get(), 0);
  ::posix_spawn_file_actions_adddup2(&files, writes.get(), 1);
  ::posix_spawn_file_actions_addclosefrom_np(&files, 3);
  sigset_t signals{};
  sigemptyset(&signals);
  ::posix_spawnattr_setsigmask(&attributes, &signals);
  sigfillset(&signals);
  ::posix_spawnattr_setsigdefault(&attributes, &signals);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  const int error = ::posix_spawn(&child.pid, argv.front(), &files, &attributes, argv.data(), variables.data());
  ::posix_spawn_file_actions_destroy(&files);
  ::posix_spawnattr_destroy(&attributes);
  if (error != 0) return FailErrno(error, "start", "the monitor");
  return child;
}

// It and its probes, which are of its group. What hangs in the kernel ends when that lets it.
std::string Bury(pid_t pid) {
  ::kill(-pid, SIGTERM);
  int status = 0;
  Fd ended = OpenPidfd(pid);
  pollfd one{.fd = ended.get(), .events = POLLIN, .revents = 0};
  ::poll(&one, ended.open() ? 1 : 0, static_cast<int>(kEndsWithin / 1ms));
  ::kill(-pid, SIGKILL);
  ::poll(&one, ended.open() ? 1 : 0, static_cast<int>(kEndsWithin / 1ms));
  if (::waitpid(pid, &status, WNOHANG) != pid) return "it does not end, even by SIGKILL";
  if (WIFEXITED(status)) return Cat("it ended with code ", WEXITSTATUS(status), ": what it said is in the agent's log");
  return Cat("it was killed by signal ", WTERMSIG(status));
}

}  // namespace

Result<HostHealth> HealthFrom(std::string_view line) {
  EVERSTEP_ASSIGN(HostHealth health, FromJson<HostHealth>(line, {.bytes_max = kLineBytes}));
  const Report report{.seq = {}, .gangs = {}, .checkpoints = {}, .health = health};
  EVERSTEP_TRY(Validate(FromAgent(report)));
  return health;
}

MonitorProcess::MonitorProcess(std::vector<std::string> argv, std::vector<std::string> environment, ToldChecks& told, Post post)
    : argv_(std::move(argv)),
      environment_(std::move(environment)),
      told_(told),
      post_(std::move(post)),
      ending_(::eventfd(0, EFD_CLOEXEC)),
      thread_([this] { Run(); }) {}

MonitorProcess::~MonitorProcess() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(ending_.get(), &one, sizeof one);
  thread_.join();
}

void MonitorProcess::Run() {
  for (Duration pause = kShortestPause;; pause = std::min(2 * pause, kLongestPause)) {
    told_.Silent("its monitor has just been started");
    const std::string why = Clip(Cat("the monitor does not run: ", RunOnce()), limit::kWhyBytes);
    if (!Wait(Duration(0))) return;
    told_.Silent(why);
    post_({.watched = false, .unwatched = why});
    if (!Wait(pause)) return;
  }
}

bool MonitorProcess::Wait(Duration pause) const {
  pollfd end{.fd = ending_.get(), .events = POLLIN, .revents = 0};
  return ::poll(&end, 1, static_cast<int>(pause / 1ms)) <= 0;
}

std::string MonitorProcess::Take(std::string_view line) {
  if (line.starts_with(kChecksWord)) {
    told_.Told(std::string(line.substr(std::string_view(kChecksWord).size())), RealClock().Now());
    return {};
  }
  auto health = HealthFrom(line);
  if (!health) return Cat("it says what is no health: ", health.error().message);
  post_(*std::move(health));
  return {};
}

void MonitorProcess::Tell(const std::string& reading) {
  const std::lock_guard lock(mutex_);
  if (!input_.open()) return;
  const std::string line = reading + '\n';
  [[maybe_unused]] const auto sent = ::send(input_.get(), line.data(), line.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
}

std::string MonitorProcess::RunOnce() {
  auto child = Spawn(argv_, environment_);
  if (!child) return child.error().message;
  {
    const std::lock_guard lock(mutex_);
    input_ = std::move(child->input);
  }
  std::string rest, wrong;
  std::array<char, 16384> buffer{};
  while (wrong.empty()) {
    std::array<pollfd, 2> polled{
        {{.fd = child->output.get(), .events = POLLIN, .revents = 0}, {.fd = ending_.get(), .events = POLLIN, .revents = 0}}};
    const int ready = ::poll(polled.data(), polled.size(), static_cast<int>(kSilence / 1ms));
    if (ready < 0 && errno != EINTR) break;
    if (ready == 0) wrong = Cat("it has said nothing for ", Show(kSilence), ", so it hangs");
    if (polled[1].revents != 0) break;
    if (ready <= 0) continue;
    const ssize_t got = ::read(child->output.get(), buffer.data(), buffer.size());
    if (got <= 0) break;
    rest.append(buffer.data(), static_cast<std::size_t>(got));
    for (std::size_t end = rest.find('\n'); end != std::string::npos && wrong.empty(); end = rest.find('\n')) {
      wrong = Take(std::string_view(rest).substr(0, end));
      rest.erase(0, end + 1);
    }
    if (rest.size() > kUnreadBytes) wrong = "it says what is no health: a line without an end";
  }
  {
    const std::lock_guard lock(mutex_);
    input_ = Fd();
  }
  const std::string ended = Bury(child->pid);
  return wrong.empty() ? ended : wrong;
}

}  // namespace everstep
