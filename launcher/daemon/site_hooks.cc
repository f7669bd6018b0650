#include "launcher/daemon/site_hooks.h"

#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <optional>
#include <system_error>

#include "base/check.h"
#include "base/text.h"

namespace everstep {

namespace {

struct Outcome {
  bool off = false;
  std::string why{};
};

// In a process group of its own, with no signal blocked or ignored that this process blocks or ignores.
int Spawn(std::vector<std::string>& argv, pid_t& pid) {
  std::vector<char*> pointers;
  for (std::string& arg : argv) pointers.push_back(arg.data());
  pointers.push_back(nullptr);
  char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  char* const environment[] = {path, nullptr};
  posix_spawnattr_t how;
  posix_spawnattr_init(&how);
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setpgroup(&how, 0);
  posix_spawnattr_setsigmask(&how, &none);
  posix_spawnattr_setsigdefault(&how, &all);
  posix_spawnattr_setflags(&how, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  const int error = posix_spawnp(&pid, pointers[0], nullptr, &how, pointers.data(), environment);
  posix_spawnattr_destroy(&how);
  return error;
}

// The status of the hook, as waitpid gives it; nullopt: killed at the deadline, or as `ending` became readable.
std::optional<int> WaitFor(pid_t pid, Duration deadline, int ending) {
  constexpr Duration kLookEvery = 50ms;  // where there is no pidfd
  const auto clock = [] { return std::chrono::steady_clock::now(); };
  const auto until = clock() + deadline;
  const Fd ended(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  int status = 0;
  for (;;) {
    const pid_t reaped = waitpid(pid, &status, WNOHANG);
    if (reaped == pid) return status;
    const Duration left = until - clock();
    std::array<pollfd, 2> polled{{{ending, POLLIN, 0}, {ended.get(), POLLIN, 0}}};
    const Duration wait = std::clamp<Duration>(ended.open() ? left : std::min(left, kLookEvery), 0ms, 1h);
    if (left > Duration(0))
      poll(polled.data(), polled.size(), static_cast<int>((wait + 999'999ns) / 1ms));  // EINTR: looks again
    if (left > Duration(0) && polled[0].revents == 0) continue;
    kill(-pid, SIGKILL);  // not reaped: nobody else can have this number
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return std::nullopt;
  }
}

Outcome RunToEnd(std::vector<std::string> argv, Duration deadline, int ending) {
  pid_t pid = 0;
  if (const int error = Spawn(argv, pid); error != 0)
    return {false, Cat("cannot run ", argv[0], ": ", std::generic_category().message(error))};
  const std::optional<int> status = WaitFor(pid, deadline, ending);
  if (!status) return {false, Cat("no outcome within ", Show(deadline))};
  if (WIFEXITED(*status) && WEXITSTATUS(*status) == 0) return {true, "exit code 0"};
  return {false, WIFEXITED(*status) ? Cat("exit code ", WEXITSTATUS(*status)) : Cat("killed by signal ", WTERMSIG(*status))};
}

}  // namespace

RealSiteHooks::RealSiteHooks(std::function<void(LauncherInput)> post)
    : post_(std::move(post)), ending_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  Check(ending_.open(), "an eventfd can be made");
}

RealSiteHooks::~RealSiteHooks() {
  eventfd_write(ending_.get(), 1);
  for (Running& hook : running_) hook.thread.join();
}

void RealSiteHooks::Run(HookRun run) {
  std::erase_if(running_, [](Running& hook) {
    if (!hook.done->load()) return false;
    hook.thread.join();
    return true;
  });
  run.argv.push_back(run.node.value);
  const auto done = std::make_shared<std::atomic<bool>>(false);
  const auto work = [this, run = std::move(run), done] {
    const Outcome outcome = RunToEnd(run.argv, run.deadline, ending_.get());
    const std::string which = run.remedy ? std::string(Name(*run.remedy)) : std::string("fence");
    const char* good = run.remedy ? " says that it is done: " : " says that it is off: ";
    post_(HookDone{run.node, run.boot, run.remedy, outcome.off,
                   Cat(which, " hook for ", run.node, outcome.off ? good : " failed: ", outcome.why)});
    done->store(true);
  };
  running_.push_back({std::thread(work), done});
}

}  // namespace everstep
