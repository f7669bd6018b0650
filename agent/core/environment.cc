#include "agent/core/environment.h"

#include <array>
#include <utility>

#include "base/text.h"
#include "base/torchrun.h"

namespace everstep {

namespace {

using Env = std::map<std::string, std::string>;

// One rank's numbers and everything they come from.
struct RankFacts {
  const GangSpec& spec;
  const HostFacts& host;
  const std::string& words_dir;
  std::uint32_t rank = 0;
  std::uint32_t local_rank = 0;
};

std::string ResumePath(const GangSpec& spec) { return spec.resume ? spec.resume->path : std::string(); }

// nullopt: the variable is not set for this gang.
using Value = std::optional<std::string> (*)(const RankFacts&);
enum class Set { always, unless_set };
struct Variable {
  std::string_view name;
  Set set;
  Value value;
};

const std::string& MasterAddress(const RankFacts& f) {
  return f.spec.master_address.empty() ? f.host.job_address : f.spec.master_address;
}

// What a torchrun that is the command itself has to be told, or it would train alone on each host; flags of its own win. Nobody
// else gets it: a script that starts a torchrun of its own would inherit it and wait for hosts that never come.
std::optional<std::string> ToTorchrun(const RankFacts& f, std::string value) {
  return IsTorchrun(f.spec.command) ? std::optional(std::move(value)) : std::nullopt;
}

// torchrun's names as dumped from it (PyTorch 1.13 and 2.x), then what many scripts read beside them, then ours.
constexpr std::array kContract = {
    Variable{"RANK", Set::always, [](const RankFacts& f) { return std::optional(Cat(f.rank)); }},
    Variable{"LOCAL_RANK", Set::always, [](const RankFacts& f) { return std::optional(Cat(f.local_rank)); }},
    Variable{"WORLD_SIZE", Set::always, [](const RankFacts& f) { return std::optional(Cat(f.spec.world_size)); }},
    Variable{"LOCAL_WORLD_SIZE", Set::always, [](const RankFacts& f) { return std::optional(Cat(f.spec.local_world_size)); }},
    Variable{"GROUP_RANK", Set::always, [](const RankFacts& f) { return std::optional(Cat(f.spec.node_rank)); }},
    Variable{"GROUP_WORLD_SIZE", Set::always, [](const RankFacts& f) { return std::optional(Cat(f.spec.node_count)); }},
    Variable{"ROLE_NAME", Set::always, [](const RankFacts&) { return std::optional<std::string>("default"); }},
    Variable{"ROLE_RANK", Set::always, [](const RankFacts& f) { return std::optional(Cat(f.rank)); }},
    Variable{"ROLE_WORLD_SIZE", Set::always, [](const RankFacts& f) { return std::optional(Cat(f.spec.world_size)); }},
    Variable{"MASTER_ADDR", Set::always, [](const RankFacts& f) { return std::optional(MasterAddress(f)); }},
    Variable{"MASTER_PORT", Set::always, [](const RankFacts& f) { return std::optional(Cat(f.spec.master_port)); }},
    Variable{"TORCHELASTIC_RUN_ID", Set::always, [](const RankFacts& f) { return std::optional(f.spec.job.value); }},
    Variable{"TORCHELASTIC_RESTART_COUNT", Set::always,
             [](const RankFacts& f) { return std::optional(Cat(f.spec.restart_count)); }},
    Variable{"TORCHELASTIC_MAX_RESTARTS", Set::always,
             [](const RankFacts& f) { return std::optional(Cat(f.spec.restarts_max)); }},
    // Rank 0 opens the store on MASTER_PORT itself: there is no store in an agent that is not Python.
    Variable{"TORCHELASTIC_USE_AGENT_STORE", Set::always, [](const RankFacts&) { return std::optional<std::string>("False"); }},
    Variable{"TORCHELASTIC_ERROR_FILE", Set::always,
             [](const RankFacts& f) { return std::optional(ErrorFile(f.words_dir, f.local_rank)); }},
    Variable{"TORCH_NCCL_ASYNC_ERROR_HANDLING", Set::unless_set,
             [](const RankFacts&) { return std::optional<std::string>("1"); }},
    // Several ranks with a thread for each core would fight for the cores.
    Variable{"OMP_NUM_THREADS", Set::unless_set,
             [](const RankFacts& f) { return f.spec.local_world_size > 1 ? std::optional<std::string>("1") : std::nullopt; }},
    // Without them gloo and NCCL look up the host's own name, which Debian maps to 127.0.1.1.
    Variable{"GLOO_SOCKET_IFNAME", Set::unless_set,
             [](const RankFacts& f) { return f.host.interface.empty() ? std::nullopt : std::optional(f.host.interface); }},
    Variable{"NCCL_SOCKET_IFNAME", Set::unless_set,
             [](const RankFacts& f) { return f.host.interface.empty() ? std::nullopt : std::optional(f.host.interface); }},
    Variable{"NODE_RANK", Set::always, [](const RankFacts& f) { return std::optional(Cat(f.spec.node_rank)); }},
    Variable{"PET_NNODES", Set::unless_set, [](const RankFacts& f) { return ToTorchrun(f, Cat(f.spec.node_count)); }},
    Variable{"PET_NODE_RANK", Set::unless_set, [](const RankFacts& f) { return ToTorchrun(f, Cat(f.spec.node_rank)); }},
    Variable{"PET_RDZV_ENDPOINT", Set::unless_set,
             [](const RankFacts& f) { return ToTorchrun(f, Cat(MasterAddress(f), ':', f.spec.master_port)); }},
    Variable{"EVERSTEP_JOB_ID", Set::always, [](const RankFacts& f) { return std::optional(f.spec.job.value); }},
    Variable{"EVERSTEP_GENERATION", Set::always, [](const RankFacts& f) { return std::optional(f.spec.generation.Str()); }},
    Variable{"EVERSTEP_RACK", Set::always,
             [](const RankFacts& f) { return f.host.rack.empty() ? std::nullopt : std::optional(f.host.rack); }},
    Variable{"EVERSTEP_CHECKPOINT_DIR", Set::always,
             [](const RankFacts& f) { return f.spec.checkpoint ? std::optional(f.spec.checkpoint->dir) : std::nullopt; }},
    Variable{"EVERSTEP_RESUME_FROM", Set::always,
             [](const RankFacts& f) { return f.spec.resume ? std::optional(f.spec.resume->path) : std::nullopt; }},
    Variable{"EVERSTEP_PROGRESS", Set::always,
             [](const RankFacts& f) { return std::optional(ProgressFile(f.words_dir, f.local_rank)); }},
};

Env Defaults(const HostFacts& host) {
  Env env{{"PATH", "/usr/local/bin:/usr/bin:/bin"}, {"LANG", "C.UTF-8"}};
  const auto add = [&env](std::string_view name, const std::string& value) {
    if (!value.empty()) env.emplace(name, value);
  };
  add("HOME", host.home);
  add("USER", host.user);
  add("LOGNAME", host.user);
  add("SHELL", host.shell);
  return env;
}

Env EnvironmentOf(const RankFacts& facts, const Env& base) {
  Env env = base;
  for (const Variable& variable : kContract) {
    std::string name(variable.name);
    std::optional<std::string> value = variable.value(facts);
    if (variable.set == Set::unless_set) {
      if (value) env.emplace(std::move(name), *std::move(value));
    } else if (value) {
      env[std::move(name)] = *std::move(value);
    } else {
      env.erase(name);  // a stale EVERSTEP_RESUME_FROM from the shell of a job that submits jobs
    }
  }
  return env;
}

// Replaces the exact placeholders; every other brace and dollar stays as it is. `${local_rank}` is torchrun's own spelling.
std::string Fill(std::string_view text, const RankFacts& facts) {
  const std::array<std::pair<std::string_view, std::string>, 5> table = {{{"${local_rank}", Cat(facts.local_rank)},
                                                                          {"{local_rank}", Cat(facts.local_rank)},
                                                                          {"{rank}", Cat(facts.rank)},
                                                                          {"{nnodes}", Cat(facts.spec.node_count)},
                                                                          {"{resume}", ResumePath(facts.spec)}}};
  std::string out;
  while (!text.empty()) {
    std::size_t taken = 0;
    for (const auto& [placeholder, value] : table) {
      if (!text.starts_with(placeholder)) continue;
      out += value;
      taken = placeholder.size();
      break;
    }
    if (taken == 0) {
      out += text.front();
      taken = 1;
    }
    text.remove_prefix(taken);
  }
  return out;
}

std::vector<std::string> ArgumentsOf(const RankFacts& facts, const std::string& program) {
  std::vector<std::string> argv{program};
  for (std::size_t i = 1; i < facts.spec.command.size(); ++i) argv.push_back(Fill(facts.spec.command[i], facts));
  return argv;
}

}  // namespace

std::string ErrorFile(const std::string& words_dir, std::uint32_t local_rank) {
  return Cat(words_dir, "/error-", local_rank, ".json");
}

std::string ProgressFile(const std::string& words_dir, std::uint32_t local_rank) {
  return Cat(words_dir, "/progress-", local_rank, ".json");
}

KeeperStart RanksOf(const GangSpec& spec, const Readied& readied, const HostFacts& host, const std::string& words_dir,
                    const ProgressTable& progress) {
  Env base = readied.env;
  base.merge(Defaults(host));  // keeps what is there
  KeeperStart start{.workdir = spec.workdir, .progress = progress, .mounts = readied.mounts};
  start.progress.step = spec.progress.step.value_or("");
  for (std::uint32_t local = 0; local < spec.local_world_size; ++local) {
    const RankFacts facts{spec, host, words_dir, spec.first_rank + local, local};
    RankCommand rank{.rank = facts.rank, .local_rank = local, .argv = ArgumentsOf(facts, readied.program)};
    rank.progress_file = ProgressFile(words_dir, local);
    for (auto& [name, value] : EnvironmentOf(facts, base)) rank.env.push_back(Cat(name, '=', value));
    start.ranks.push_back(std::move(rank));
  }
  return start;
}

}  // namespace everstep
