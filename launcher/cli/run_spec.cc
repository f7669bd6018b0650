#include "launcher/cli/run_spec.h"

#include <algorithm>
#include <array>
#include <filesystem>

#include "base/ids.h"
#include "base/password_url.h"
#include "base/text.h"
#include "base/torchrun.h"
#include "base/yaml/quantity.h"
#include "launcher/cli/host_list.h"

namespace everstep {

namespace {

Result<std::optional<std::uint32_t>> Processes(const std::string& text, std::uint32_t cpus) {
  if (text == "auto" || text == "gpu") return std::nullopt;
  if (text == "cpu") return cpus;
  const auto number = ParseUnsigned(text);
  if (number && *number >= 1 && *number <= 1024) return static_cast<std::uint32_t>(*number);
  return Fail(ErrorCode::kInvalid,
              Cat("--nproc-per-node: found \"", Printable(text), "\", legal: 1 to 1024, auto, gpu or cpu"));
}

bool IsScript(std::string_view word) { return word.ends_with(".py"); }

// "train" from train.py, my_train.py becomes "my-train"; what is no name at all, "job".
std::string NameOf(const RunFlags& flags) {
  const auto script = std::find_if(flags.command.begin(), flags.command.end(), IsScript);
  std::string word = script != flags.command.end() ? *script : flags.command.front();
  word = word.substr(word.rfind('/') + 1);
  if (IsScript(word)) word.resize(word.size() - 3);
  std::string name;
  for (const char c : word) {
    const bool good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    const bool capital = c >= 'A' && c <= 'Z';
    if (good || capital)
      name += capital ? static_cast<char>(c + 32) : c;
    else if (!name.empty() && name.back() != '-')
      name += '-';
  }
  name.resize(std::min<std::size_t>(name.size(), 40));
  while (name.ends_with('-')) name.pop_back();
  return ValidName(name) ? name : "job";
}

std::string Absolute(const std::string& path, const std::string& directory) {
  std::string absolute = (std::filesystem::path(directory) / path).lexically_normal().string();
  if (absolute.size() > 1 && absolute.ends_with('/')) absolute.pop_back();
  return absolute;
}

Result<std::map<std::string, std::string>> Environment(const RunFlags& flags, const Surroundings& here) {
  std::map<std::string, std::string> env = Forwarded(here.environment);
  env.try_emplace("PYTHONUNBUFFERED", "1");  // a rank's output is wanted when it happens
  for (const std::string& given : flags.env) {
    const std::size_t equals = given.find('=');
    const std::string name = given.substr(0, equals);
    if (equals != std::string::npos) {
      env[name] = given.substr(equals + 1);
    } else if (const auto found = here.environment.find(name); found != here.environment.end()) {
      env[name] = found->second;
    } else {
      return Fail(ErrorCode::kInvalid, Cat("--env: ", Printable(name), " is not set here"),
                  Cat("write --env ", Printable(name), "=VALUE"));
    }
  }
  return env;
}

}  // namespace

std::map<std::string, std::string> Forwarded(const std::map<std::string, std::string>& environment) {
  constexpr std::array<std::string_view, 9> kNames{"PATH",   "HOME",        "USER",       "LOGNAME",        "LANG",
                                                   "LC_ALL", "VIRTUAL_ENV", "PYTHONPATH", "LD_LIBRARY_PATH"};
  constexpr std::array<std::string_view, 3> kFamilies{"CONDA_", "OPENBLAS_", "OMP_"};
  std::map<std::string, std::string> forwarded;
  for (const auto& [name, value] : environment) {
    const bool named = std::find(kNames.begin(), kNames.end(), name) != kNames.end();
    const bool of_family =
        std::any_of(kFamilies.begin(), kFamilies.end(), [&](std::string_view f) { return name.starts_with(f); });
    if ((named || of_family) && !LooksSecret(name) && !HoldsPasswordUrl(value)) forwarded.emplace(name, value);
  }
  return forwarded;
}

Result<JobSpec> SpecOf(const RunFlags& flags, const Surroundings& here) {
  if (flags.command.empty())
    return Fail(ErrorCode::kInvalid, "no command to run", "everstep run --nnodes 2 -- python3 train.py");
  JobSpec spec{.name = flags.name.empty() ? NameOf(flags) : flags.name,
               .command = flags.command,
               .resume_args = flags.resume_args,
               .nodes = flags.nodes,
               .spares = flags.spares,
               .workdir = Absolute(flags.workdir, here.directory),
               .priority = flags.priority};
  if (flags.module && flags.no_python)
    return Fail(ErrorCode::kInvalid, "-m and --no-python: a module is run by Python", "leave one of them out");
  if (flags.module)
    spec.command.insert(spec.command.begin(), {"python3", "-u", "-m"});
  else if (IsScript(spec.command.front()) && !flags.no_python)
    spec.command.insert(spec.command.begin(), {"python3", "-u"});
  EVERSTEP_ASSIGN(spec.processes_per_node, Processes(flags.processes, here.cpus));
  EVERSTEP_ASSIGN(spec.env, Environment(flags, here));
  if (flags.mpi) spec.command.insert(spec.command.begin(), {"everstep-mpi", "--"});
  if (IsTorchrun(spec.command)) {  // one a host; how many ranks it starts there is then its own number
    spec.processes_per_node = 1;
    if (flags.processes != "auto") spec.env.try_emplace("PET_NPROC_PER_NODE", flags.processes);
  }
  if (!flags.hosts.empty()) {
    auto hosts = ExpandHostList(flags.hosts);
    if (!hosts) return Fail(ErrorCode::kInvalid, Cat("--hosts: ", hosts.error().message), hosts.error().hint);
    spec.hosts = *std::move(hosts);
  }
  spec.preflight.level = EnumNamed<PreflightLevel>(flags.preflight);
  for (const std::string& file : flags.env_from) spec.env_from.push_back(Absolute(file, here.directory));
  if (flags.restarts_max) spec.restart.budget = *flags.restarts_max;
  spec.restart.warm = flags.warm;
  if (!flags.checkpoint_dir.empty()) spec.checkpoint = CheckpointSpec{.dir = Absolute(flags.checkpoint_dir, here.directory)};
  if (!flags.stop_grace.empty()) {
    const auto grace = ParseDuration(flags.stop_grace);
    if (!grace)
      return Fail(ErrorCode::kInvalid, Cat("--stop-grace: found ", grace.error().message, ", legal: 0s to 1d"),
                  grace.error().hint);
    spec.stop_grace = *grace;
  }
  if (!flags.time_limit.empty()) {
    const auto limit = ParseDuration(flags.time_limit);
    if (!limit)
      return Fail(ErrorCode::kInvalid, Cat("--time-limit: found ", limit.error().message, ", legal: 1s to 3650d"),
                  limit.error().hint);
    spec.time_limit = *limit;
  }
  EVERSTEP_TRY(ValidateJob(spec));
  return spec;
}

}  // namespace everstep
