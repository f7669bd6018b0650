#include "launcher/cli/spawn.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <unistd.h>

#include <cerrno>

#include "base/real/fd.h"
#include "base/text.h"

namespace everstep {

namespace {

// The two halves of posix_spawn's description, freed together.
struct Plan {
  posix_spawn_file_actions_t files{};
  posix_spawnattr_t attributes{};
  Plan() {
    ::posix_spawn_file_actions_init(&files);
    ::posix_spawnattr_init(&attributes);
  }
  ~Plan() {
    ::posix_spawn_file_actions_destroy(&files);
    ::posix_spawnattr_destroy(&attributes);
  }
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;
};

std::vector<char*> Pointers(std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

Result<pid_t> SpawnDaemon(const DaemonCommand& command) {
  std::vector<std::string> argv = command.argv, environment;
  for (const auto& [name, value] : command.environment) environment.push_back(Cat(name, '=', value));

  // Above everything that is named, so that no dup2 below overwrites a source that is still needed.
  std::vector<Fd> sources;
  for (const int fd : command.keep) {
    sources.emplace_back(::fcntl(fd, F_DUPFD_CLOEXEC, 64));
    if (!sources.back().open()) return FailErrno(errno, "pass on", Cat("descriptor ", fd));
  }
  Plan plan;
  ::posix_spawn_file_actions_addopen(&plan.files, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(&plan.files, 1, command.log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  ::posix_spawn_file_actions_adddup2(&plan.files, 1, 2);
  int next = 3;
  for (const Fd& source : sources) ::posix_spawn_file_actions_adddup2(&plan.files, source.get(), next++);
  ::posix_spawn_file_actions_addclosefrom_np(&plan.files, next);

  sigset_t signals{};
  sigemptyset(&signals);
  ::posix_spawnattr_setsigmask(&plan.attributes, &signals);
  sigfillset(&signals);
  ::posix_spawnattr_setsigdefault(&plan.attributes, &signals);
  ::posix_spawnattr_setflags(&plan.attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  pid_t pid = 0;
  const int error = ::posix_spawn(&pid, argv.front().c_str(), &plan.files, &plan.attributes, Pointers(argv).data(),
                                  Pointers(environment).data());
  if (error != 0) return FailErrno(error, "start", argv.front());
  return pid;
}

}  // namespace everstep
