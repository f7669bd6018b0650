#include "ranks.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../meet/free_port.h"
#include "base/check.h"
#include "base/text.h"

namespace everstep {
namespace {

std::vector<char*> Pointers(const std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (const std::string& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

ProbeRanks::Rank ProbeRanks::Start(const std::vector<std::string>& argv, const std::vector<std::string>& variables) {
  int out[2], err[2];
  Check(::pipe2(out, O_CLOEXEC) == 0 && ::pipe2(err, O_CLOEXEC) == 0, "pipes can be made");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, out[1], 1);
  posix_spawn_file_actions_adddup2(&actions, err[1], 2);
  Rank one;
  Check(::posix_spawnp(&one.pid, argv[0].c_str(), &actions, nullptr, Pointers(argv).data(), Pointers(variables).data()) == 0,
        "the program starts");
  posix_spawn_file_actions_destroy(&actions);
  ::close(out[1]);
  ::close(err[1]);
  one.out = out[0];
  one.err = err[0];
  return one;
}

ProbeRanks::ProbeRanks(const std::vector<std::string>& argv, const std::vector<std::string>& environment) {
  ranks_.push_back(Start(argv, environment));
}

ProbeRanks::ProbeRanks(std::uint32_t ranks, const std::vector<std::string>& arguments,
                       const std::vector<std::string>& environment) {
  const std::string port = std::to_string(FreePort());
  for (std::uint32_t rank = 0; rank < ranks; ++rank) {
    std::vector<std::string> argv{EVERSTEP_PROBE};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    std::vector<std::string> variables = environment;  // the first of a name counts
    for (const std::string& own :
         {Cat("RANK=", rank), Cat("WORLD_SIZE=", ranks), std::string("MASTER_ADDR=127.0.0.1"), Cat("MASTER_PORT=", port)})
      variables.push_back(own);
    ranks_.push_back(Start(argv, variables));
  }
}

ProbeRanks::~ProbeRanks() {
  for (std::uint32_t rank = 0; rank < ranks_.size(); ++rank) {
    if (ranks_[rank].pid > 0) ::kill(ranks_[rank].pid, SIGKILL);
    End(rank);
    ::close(ranks_[rank].out);
    ::close(ranks_[rank].err);
  }
}

// Of one that has ended the number is -1, which to kill(2) is everybody.
void ProbeRanks::Signal(std::uint32_t rank, int signal) const {
  if (ranks_[rank].pid > 0) ::kill(ranks_[rank].pid, signal);
}

bool ProbeRanks::Read(Rank& rank) {
  pollfd both[2] = {{rank.out, POLLIN, 0}, {rank.err, POLLIN, 0}};
  ::poll(both, 2, -1);
  char bytes[4096];
  bool open = false;
  for (int i = 0; i < 2; ++i) {
    if (both[i].revents == 0) {
      open = true;
      continue;
    }
    const ssize_t got = ::read(both[i].fd, bytes, sizeof bytes);
    if (got > 0) (i == 0 ? rank.end.out : rank.end.err).append(bytes, static_cast<std::size_t>(got));
    open = open || got > 0;
  }
  return open;
}

bool ProbeRanks::Prints(std::uint32_t rank, const std::string& text) {
  while (ranks_[rank].end.out.find(text) == std::string::npos)
    if (!Read(ranks_[rank])) return false;
  return true;
}

RankEnd ProbeRanks::End(std::uint32_t rank) {
  Rank& one = ranks_[rank];
  if (one.pid > 0) {
    // One stream may end before the other: both are read until neither gives anything.
    for (int fd : {one.out, one.err}) {
      char bytes[4096];
      for (ssize_t got; (got = ::read(fd, bytes, sizeof bytes)) > 0;)
        (fd == one.out ? one.end.out : one.end.err).append(bytes, static_cast<std::size_t>(got));
    }
    int status = 0;
    ::waitpid(one.pid, &status, 0);
    one.end.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    one.pid = -1;
  }
  return one.end;
}

std::vector<RankEnd> RunProbe(std::uint32_t ranks, const std::vector<std::string>& arguments,
                              const std::vector<std::string>& environment) {
  ProbeRanks all(ranks, arguments, environment);
  std::vector<RankEnd> ends;
  for (std::uint32_t rank = 0; rank < ranks; ++rank) ends.push_back(all.End(rank));
  return ends;
}

}  // namespace everstep
