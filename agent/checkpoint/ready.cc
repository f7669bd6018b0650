#include "agent/checkpoint/ready.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "agent/checkpoint/aside.h"
#include "agent/checkpoint/before.h"
#include "agent/checkpoint/checkpoint_dir.h"
#include "agent/checkpoint/directory_id.h"
#include "agent/checkpoint/env_file.h"
#include "agent/checkpoint/own_directory.h"
#include "agent/checkpoint/port.h"
#include "agent/checkpoint/program.h"
#include "agent/checkpoint/verify_resume.h"
#include "base/text.h"

namespace everstep {

namespace {

// Sockets to every peer, data loaders, libraries: a rank of any size fits, and a shell's usual limit passes.
constexpr rlim_t kOpenFilesMin = 1024;

using Refused = std::optional<NotReadied>;

NotReadied Refuse(Refusal refusal, std::string why) {
  return {.refusal = refusal, .why = Clip(Printable(why), limit::kWhyBytes)};
}

Refused CheckWorkdir(const std::string& workdir) {
  struct stat found {};
  if (::stat(workdir.c_str(), &found) != 0)
    return Refuse(Refusal::host, Cat("workdir ", workdir, errno == ENOENT ? ": no such directory" : ": cannot be looked at"));
  if (!S_ISDIR(found.st_mode)) return Refuse(Refusal::host, Cat("workdir ", workdir, ": not a directory"));
  if (::faccessat(AT_FDCWD, workdir.c_str(), X_OK, AT_EACCESS) != 0)
    return Refuse(Refusal::host, Cat("workdir ", workdir, ": may not be entered by uid ", ::geteuid()));
  return std::nullopt;
}

// The job's own variables win over those from files.
Refused ReadEnvironment(const GangSpec& spec, std::map<std::string, std::string>& env) {
  std::size_t bytes = 0;
  for (const std::string& path : spec.env_from) {
    const Result<std::map<std::string, std::string>> variables = ReadEnvFile(path);
    if (!variables) return Refuse(Refusal::host, variables.error().message);
    for (const auto& [name, value] : *variables) {
      env[name] = value;
      bytes += name.size() + value.size() + 2;
    }
  }
  if (bytes > limit::kCommandBytes)
    return Refuse(Refusal::host, Cat("env_from: found ", bytes, " bytes of variables, legal: at most ", limit::kCommandBytes));
  for (const auto& [name, value] : spec.env) env[name] = value;
  return std::nullopt;
}

Refused CheckProgram(const GangSpec& spec, Readied& readied) {
  if (spec.command.empty()) return Refuse(Refusal::spec, "command: found an empty list, legal: a program and its arguments");
  const auto path = readied.env.find("PATH");
  const std::string& name = spec.command.front();
  if (name.starts_with(kOwnPrograms) && name.find('/') == std::string::npos)
    if (std::string ours = BesideThisProgram(name); !ours.empty()) return readied.program = std::move(ours), std::nullopt;
  Result<std::string> program =
      FindProgram(spec.command.front(), path == readied.env.end() ? std::nullopt : std::optional(path->second), spec.workdir);
  if (!program) return Refuse(Refusal::host, program.error().message);
  readied.program = *std::move(program);
  return std::nullopt;
}

Refused CheckLimits() {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur >= kOpenFilesMin) return std::nullopt;
  return Refuse(Refusal::host, Cat("a rank may open only ", std::uint64_t{files.rlim_cur}, " files here, needed are ",
                                   std::uint64_t{kOpenFilesMin}, ": raise LimitNOFILE of the agent"));
}

Refused CheckPort(const GangSpec& spec) {
  if (spec.node_rank != 0) return std::nullopt;
  const Status free = PortIsFree(spec.master_port);
  if (!free) return Refuse(Refusal::port, Cat("MASTER_PORT: ", free.error().message));
  return std::nullopt;
}

// What the watch of this generation will need.
Refused PrepareWatch(const GangSpec& spec, const GangKey& gang, std::vector<CheckpointSeen>& moved_aside,
                     std::stop_token stop) {
  const Status usable = CheckpointDirUsable(spec.checkpoint->dir, gang);
  if (!usable) return Refuse(Refusal::host, usable.error().message);
  if (spec.checkpoint->isolate == Isolate::pin) {  // else nothing torn is in the script's sight
    Result<std::vector<CheckpointSeen>> moved = MoveTornAside(*spec.checkpoint, gang, stop);
    if (!moved) return Refuse(Refusal::host, Cat("checkpoint dir ", spec.checkpoint->dir, ": ", moved.error().message));
    moved_aside = *std::move(moved);
  }
  const Status recorded = RecordBefore(spec.checkpoint->dir, gang, spec.checkpoint->complete_when);
  if (!recorded) return Refuse(Refusal::host, Cat("checkpoint dir ", spec.checkpoint->dir, ": ", recorded.error().message));
  return std::nullopt;
}

Refused PrepareCheckpoints(const GangSpec& spec, ReadyAnswer& answer, Readied& readied, std::stop_token stop) {
  if (!spec.checkpoint) return std::nullopt;
  const GangKey gang{.job = spec.job, .generation = spec.generation};
  if (spec.resume)
    if (Refused refused = VerifyResume(*spec.resume, *spec.checkpoint)) return refused;
  if (spec.watches_checkpoints)
    if (Refused refused = PrepareWatch(spec, gang, answer.moved_aside, stop)) return refused;
  if (spec.node_count > 1) readied.checkpoint_dir_id = DirectoryId(spec.checkpoint->dir);
  if (spec.checkpoint->isolate != Isolate::mount) return std::nullopt;
  Result<RankMounts> mounts = MakeOwnDirectory(spec.checkpoint->dir, gang, spec.watches_checkpoints);
  if (!mounts) return Refuse(Refusal::host, Cat("checkpoint.isolate: mount: ", mounts.error().message));
  readied.mounts = *std::move(mounts);
  return std::nullopt;
}

Refused CheckAll(const GangSpec& spec, ReadyAnswer& answer, Readied& readied, std::stop_token stop) {
  if (Refused refused = CheckWorkdir(spec.workdir)) return refused;
  if (Refused refused = ReadEnvironment(spec, readied.env)) return refused;
  if (Refused refused = CheckProgram(spec, readied)) return refused;
  if (Refused refused = CheckLimits()) return refused;
  if (Refused refused = CheckPort(spec)) return refused;
  return PrepareCheckpoints(spec, answer, readied, stop);
}

}  // namespace

ReadyAnswer CheckReady(const GangSpec& spec, std::stop_token stop) {
  ReadyAnswer answer{.checked = {.gang = {.job = spec.job, .generation = spec.generation}}};
  Readied readied;
  answer.checked.not_readied = CheckAll(spec, answer, readied, std::move(stop));
  if (!answer.checked.not_readied) answer.checked.readied = std::move(readied);
  return answer;
}

}  // namespace everstep
