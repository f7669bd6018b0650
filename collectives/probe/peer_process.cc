#include "collectives/probe/peer_process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "base/text.h"

namespace everstep {
namespace {

constexpr Duration kGrace = 3s;

std::vector<char*> Pointers(std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  return pointers;
}

std::string Whole(int fd) {
  std::string text;
  char bytes[4096];
  for (ssize_t got; (got = ::pread(fd, bytes, sizeof bytes, static_cast<off_t>(text.size()))) > 0;)
    text.append(bytes, static_cast<std::size_t>(got));
  return text;
}

}  // namespace

Result<std::unique_ptr<PeerProcess>> PeerProcess::Start(const std::vector<std::string>& argv,
                                                        const std::map<std::string, std::string>& environment) {
  std::unique_ptr<PeerProcess> self(new PeerProcess);
  self->out_ = Fd(::memfd_create("out", MFD_CLOEXEC));
  self->err_ = Fd(::memfd_create("err", MFD_CLOEXEC));
  std::vector<std::string> words = argv, variables;
  for (const auto& [name, value] : environment) variables.push_back(Cat(name, "=", value));
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&files, self->out_.get(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&files, self->err_.get(), STDERR_FILENO);
  const int error =
      ::posix_spawnp(&self->pid_, words[0].c_str(), &files, nullptr, Pointers(words).data(), Pointers(variables).data());
  posix_spawn_file_actions_destroy(&files);
  if (error != 0) {
    self->pid_ = -1;
    return Fail(error == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIo,
                Cat("cannot start ", argv[0], ": ", std::strerror(error)));
  }
  self->handle_ = Fd(static_cast<int>(::syscall(SYS_pidfd_open, self->pid_, 0)));
  return self;
}

PeerProcess::~PeerProcess() { Stop(); }

bool PeerProcess::EndedWithin(Duration most) {
  if (pid_ < 0) return true;
  pollfd ended{handle_.get(), POLLIN, 0};
  ::poll(&ended, 1, static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(most).count()));
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) != pid_) return false;
  pid_ = -1;
  code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return true;
}

void PeerProcess::Stop() {
  if (EndedWithin(0s)) return;
  ::kill(pid_, SIGTERM);
  if (EndedWithin(kGrace)) return;
  ::kill(pid_, SIGKILL);
  while (!EndedWithin(1s)) {
  }
}

std::string PeerProcess::Out() const { return Whole(out_.get()); }
std::string PeerProcess::Err() const { return Whole(err_.get()); }

}  // namespace everstep
