#include "agent/keeper/keeper_spawn.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include <cerrno>
#include <vector>

#include "agent/keeper/spool.h"
#include "base/real/proc.h"
#include "base/text.h"

namespace everstep {

namespace {

// The two halves of posix_spawn's description, freed together.
struct SpawnPlan {
  posix_spawn_file_actions_t files{};
  posix_spawnattr_t attributes{};
  SpawnPlan() {
    ::posix_spawn_file_actions_init(&files);
    ::posix_spawnattr_init(&attributes);
  }
  ~SpawnPlan() {
    ::posix_spawn_file_actions_destroy(&files);
    ::posix_spawnattr_destroy(&attributes);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;
};

}  // namespace

Result<SpawnedKeeper> SpawnKeeper(const std::string& program, const KeeperOptions& options, const Fd& listening) {
  std::vector<std::string> arguments{program,
                                     Cat("--gang=", options.gang),
                                     Cat("--spool=", options.spool),
                                     Cat("--logs=", options.logs),
                                     Cat("--lease=", Nanoseconds(options.lease)),
                                     Cat("--log-bytes-max=", options.log_limits.bytes_max),
                                     Cat("--log-files-max=", options.log_limits.files_max)};
  if (!options.kernel_log.empty()) arguments.push_back(Cat("--kernel-log=", options.kernel_log));
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  char* const env[] = {nullptr};

  SpawnPlan plan;
  const std::string log = KeeperLogIn(options.spool);
  ::posix_spawn_file_actions_adddup2(&plan.files, listening.get(), 3);
  ::posix_spawn_file_actions_addopen(&plan.files, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(&plan.files, 2, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  ::posix_spawn_file_actions_adddup2(&plan.files, 2, 1);
  ::posix_spawn_file_actions_addclosefrom_np(&plan.files, 4);
  sigset_t signals{};
  sigemptyset(&signals);
  ::posix_spawnattr_setsigmask(&plan.attributes, &signals);
  sigfillset(&signals);
  ::posix_spawnattr_setsigdefault(&plan.attributes, &signals);
  ::posix_spawnattr_setflags(&plan.attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);

  SpawnedKeeper keeper;
  const int error = ::posix_spawn(&keeper.pid, program.c_str(), &plan.files, &plan.attributes, argv.data(), env);
  if (error != 0) return FailErrno(error, "start", program);
  keeper.pidfd = OpenPidfd(keeper.pid);
  if (!keeper.pidfd.open()) {
    const int why = errno;  // no descriptor left: without one its end could not be seen
    ::kill(keeper.pid, SIGKILL);
    ::waitpid(keeper.pid, nullptr, 0);
    return FailErrno(why, "watch", Cat("the keeper, pid ", keeper.pid));
  }
  return keeper;
}

}  // namespace everstep
