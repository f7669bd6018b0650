#include "agent/keeper/standby.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "base/messages.h"
#include "base/text.h"

namespace everstep {

namespace {

// Room for all that execve() would take. The kernel's default limit for everybody is just as much.
constexpr int kPipeBytes = 1 << 20;
static_assert(limit::kCommandBytes <= kPipeBytes);

// What a generation changes by itself (agent/core/environment.cc). All else an interpreter or an import may have read already,
// and what is read anew for each generation (env_from) may differ: PYTHONPATH, LD_LIBRARY_PATH, OMP_NUM_THREADS.
constexpr std::string_view kOfTheGeneration[] = {
    "RANK=",      "LOCAL_RANK=", "LOCAL_WORLD_SIZE=", "WORLD_SIZE=",  "GROUP_", "ROLE_", "MASTER_",
    "NODE_RANK=", "PET_",        "EVERSTEP_",         "TORCHELASTIC_"};

// Of the rest, as one number: it may hold secrets.
std::size_t OwnEnvironment(const std::vector<std::string>& env) {
  std::vector<std::string_view> own;
  for (const std::string_view variable : env)
    if (std::none_of(std::begin(kOfTheGeneration), std::end(kOfTheGeneration),
                     [&](std::string_view name) { return variable.starts_with(name); }))
      own.push_back(variable);
  std::sort(own.begin(), own.end());
  std::string text;
  for (const std::string_view variable : own) (text += variable) += '\0';
  return std::hash<std::string>()(text);
}

bool SameInterpreter(const RankCommand& waiting, const RankCommand& command, std::size_t words) {
  return command.argv.size() > words && waiting.argv.size() >= words &&
         std::equal(waiting.argv.begin(), waiting.argv.begin() + static_cast<std::ptrdiff_t>(words), command.argv.begin());
}

}  // namespace

std::string WhatToBecome(const RankCommand& command, std::size_t interpreter_words) {
  std::string text = Cat(command.argv.size() - interpreter_words);
  text += '\0';
  for (std::size_t i = interpreter_words; i < command.argv.size(); ++i) (text += command.argv[i]) += '\0';
  for (const std::string& variable : command.env) (text += variable) += '\0';
  return text;
}

void Standby::Begin(KeeperStandby standby, SpawnPlace place) {
  workdir_ = std::move(standby.workdir);
  interpreter_words_ = standby.interpreter_words;
  place.workdir = workdir_;
  for (RankCommand& command : standby.ranks) {
    Waiting waiting{.command = std::move(command)};
    Result<SpawnedRank> spawned = SpawnRank(waiting.command, place, &waiting.told);
    waiting.environment = OwnEnvironment(waiting.command.env);
    waiting.command.env = {};  // may hold secrets
    if (!spawned) {
      std::fprintf(stderr, "no standby for rank %u: %s\n", waiting.command.rank, spawned.error().message.c_str());
      continue;
    }
    ::fcntl(waiting.told.get(), F_SETPIPE_SZ, kPipeBytes);  // where it is not allowed, less fits
    ::fcntl(waiting.told.get(), F_SETFL, O_NONBLOCK);
    waiting.process = *std::move(spawned);
    waiting_.push_back(std::move(waiting));
  }
}

std::optional<SpawnedRank> Standby::Become(const RankCommand& command, const std::string& workdir) {
  const auto found = std::find_if(waiting_.begin(), waiting_.end(), [&](const Waiting& waiting) {
    return waiting.command.local_rank == command.local_rank && SameInterpreter(waiting.command, command, interpreter_words_) &&
           waiting.environment == OwnEnvironment(command.env);
  });
  if (found == waiting_.end() || workdir != workdir_) return std::nullopt;
  const std::string text = WhatToBecome(command, interpreter_words_);
  const ssize_t written = ::write(found->told.get(), text.data(), text.size());
  if (written != static_cast<ssize_t>(text.size())) return std::nullopt;  // Kill() follows: half of it is never obeyed
  SpawnedRank process = std::move(found->process);
  waiting_.erase(found);  // closes its standard input: it has been told all
  return process;
}

void Standby::Kill() {
  for (const Waiting& waiting : waiting_) {
    ::kill(waiting.process.pid, SIGKILL);
    ::kill(-waiting.process.pid, SIGKILL);
  }
  waiting_.clear();
}

void Standby::Reaped(pid_t pid) {
  std::erase_if(waiting_, [pid](const Waiting& waiting) { return waiting.process.pid == pid; });
}

}  // namespace everstep
