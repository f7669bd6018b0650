#include "launcher/daemon/fence_hooks.h"

#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "base/text.h"

namespace everstep {

namespace {

struct Outcome {
  bool off = false;
  std::string why{};
};

Outcome RunToEnd(std::vector<std::string> argv, Duration deadline) {
  std::vector<char*> pointers;
  for (std::string& arg : argv) pointers.push_back(arg.data());
  pointers.push_back(nullptr);
  char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  char* const environment[] = {path, nullptr};
  pid_t pid = 0;
  if (const int error = posix_spawnp(&pid, pointers[0], nullptr, nullptr, pointers.data(), environment); error != 0)
    return {false, Cat("cannot run ", argv[0], ": ", std::generic_category().message(error))};
  const int pidfd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  pollfd ended{pidfd, POLLIN, 0};
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(deadline).count();
  const int ready = pidfd < 0 ? 1 : poll(&ended, 1, static_cast<int>(ms));
  if (ready == 0) kill(pid, SIGKILL);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (pidfd >= 0) close(pidfd);
  if (ready == 0) return {false, Cat("no outcome within ", Show(deadline))};
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {true, "exit code 0"};
  return {false, WIFEXITED(status) ? Cat("exit code ", WEXITSTATUS(status)) : Cat("killed by signal ", WTERMSIG(status))};
}

}  // namespace

RealFenceHooks::~RealFenceHooks() {
  for (std::thread& thread : running_) thread.join();
}

void RealFenceHooks::Run(const NodeId& node, const BootId& boot, std::vector<std::string> argv, Duration deadline) {
  argv.push_back(node.value);
  running_.emplace_back([this, node, boot, argv = std::move(argv), deadline] {
    const Outcome outcome = RunToEnd(argv, deadline);
    post_(FenceDone{node, boot, outcome.off,
                    Cat("fence hook for ", node, outcome.off ? " says that it is off: " : " failed: ", outcome.why)});
  });
}

}  // namespace everstep
