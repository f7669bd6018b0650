#include "base/job_spec.h"

#include <algorithm>
#include <array>

#include "base/ids.h"
#include "base/messages.h"
#include "base/password_url.h"
#include "base/python.h"
#include "base/text.h"

namespace everstep {

namespace {

tl::unexpected<Error> Bad(std::string_view key, std::string_view found, std::string_view legal) {
  return Fail(ErrorCode::kInvalid, Cat(key, ": found ", found, ", legal: ", legal));
}

// The kernel cuts a string at its first NUL byte: such text would not arrive as written.
Status CheckText(std::string_view key, std::string_view text, std::size_t bytes_max) {
  if (text.size() > bytes_max) return Bad(key, Cat(text.size(), " bytes"), Cat("at most ", bytes_max, " bytes"));
  if (text.find('\0') != std::string_view::npos) return Bad(key, "a NUL byte", "text without NUL bytes");
  return {};
}

Status CheckPath(std::string_view key, std::string_view path) {
  EVERSTEP_TRY(CheckText(key, path, limit::kPathBytes));
  if (path.empty() || path.front() != '/') return Bad(key, Cat('"', path, '"'), "an absolute path");
  return {};
}

bool ValidEnvName(std::string_view name) {
  return !name.empty() && name.size() <= 255 && name.find('=') == std::string_view::npos &&
         name.find('\0') == std::string_view::npos;
}

Status CheckArguments(std::string_view key, const std::vector<std::string>& args, std::size_t& total) {
  if (args.size() > limit::kArguments) return Bad(key, Count(args.size(), "argument"), Cat("at most ", limit::kArguments));
  for (std::size_t i = 0; i < args.size(); ++i) {
    EVERSTEP_TRY(CheckText(Cat(key, '[', i, ']'), args[i], limit::kArgumentBytes - 1));
    total += args[i].size() + 1;
  }
  return {};
}

Status CheckEnv(const JobSpec& spec, std::size_t& total) {
  for (const auto& [name, value] : spec.env) {
    const std::string key = Cat("env.", Clip(Printable(name), 64));
    if (!ValidEnvName(name)) return Bad(key, Cat('"', Clip(Printable(name), 64), '"'), "a name of 1 to 255 bytes without '='");
    if (LooksSecret(name))
      return Fail(ErrorCode::kInvalid,
                  Cat(key, ": the name looks like a secret, and values in `env` are stored in the launcher's log"),
                  "put NAME=value into a file on the hosts and list it under env_from");
    if (HoldsPasswordUrl(value))
      return Fail(ErrorCode::kInvalid,
                  Cat(key, ": the value holds a password (scheme://user:password@), and values in `env` are stored in the ",
                      "launcher's log"),
                  "put NAME=value into a file on the hosts and list it under env_from");
    EVERSTEP_TRY(CheckText(key, value, limit::kArgumentBytes - name.size() - 2));
    total += name.size() + value.size() + 2;
  }
  if (spec.env_from.size() > 64) return Bad("env_from", Count(spec.env_from.size(), "file"), "at most 64");
  for (std::size_t i = 0; i < spec.env_from.size(); ++i) EVERSTEP_TRY(CheckPath(Cat("env_from[", i, ']'), spec.env_from[i]));
  return {};
}

// Under mount the ranks see another directory there: a working directory in it would be gone.
Status CheckWorkdirSeen(const JobSpec& spec) {
  if (!spec.checkpoint || spec.checkpoint->isolate != Isolate::mount) return {};
  const std::string& dir = spec.checkpoint->dir;
  if (spec.workdir != dir && !spec.workdir.starts_with(dir + '/')) return {};
  return Bad("workdir", spec.workdir,
             Cat("a directory outside of checkpoint.dir ", dir, ", which isolate: mount hides from the ranks"));
}

Status CheckCheckpoint(const CheckpointSpec& checkpoint) {
  EVERSTEP_TRY(CheckPath("checkpoint.dir", checkpoint.dir));
  const CompleteWhen& when = checkpoint.complete_when;
  EVERSTEP_TRY(CheckText("checkpoint.complete_when", when.pattern, limit::kPathBytes));
  const bool wants_pattern = when.kind != CompleteWhenKind::automatic;
  if (wants_pattern && when.pattern.empty()) return Bad("checkpoint.complete_when", "no pattern", "a file name or glob");
  if (when.pattern.find('/') != std::string::npos)
    return Bad("checkpoint.complete_when", Cat('"', when.pattern, '"'), "a name without '/'");
  return {};
}

// That it compiles is seen where regular expressions are known: base/progress.
Status CheckProgress(const ProgressSpec& progress) {
  const Duration hang = progress.hang_after.value_or(0ns);
  if (hang != 0ns && (hang < kHangAfterLeast || hang > kHangAfterMost))
    return Bad("progress.hang_after", Show(hang), "auto, off, or 5s to 7d");
  if (!progress.step) return {};
  EVERSTEP_TRY(CheckText("progress.step", *progress.step, limit::kPatternBytes));
  if (progress.step->empty()) return Bad("progress.step", "an empty text", "auto or a regular expression");
  return {};
}

Status CheckWarm(const JobSpec& spec) {
  const std::vector<std::string>& warm = spec.restart.warm;
  if (warm.empty()) return {};
  if (warm.size() > 64) return Bad("restart.warm", Count(warm.size(), "module"), "at most 64");
  for (const std::string& module : warm)
    if (!ValidModule(module))
      return Bad("restart.warm", Cat('"', Clip(Printable(module), 80), '"'),
                 "names of modules, such as torch or torch.distributed");
  // A rank that waits was forked without the mounts of a generation that nobody knows yet.
  if (spec.checkpoint && spec.checkpoint->isolate == Isolate::mount)
    return Bad("restart.warm", "checkpoint.isolate: mount beside it", "one of the two: ranks that wait see the real directory");
  if (!InterpreterWords(spec.command))
    return Bad("restart.warm", Cat("a command that begins with \"", Clip(Printable(spec.command.front()), 80), '"'),
               "with python3, then a script or -m and a module: only a Python can import ahead");
  return {};
}

Status CheckRestart(const RestartSpec& restart) {
  if (restart.budget > 10000) return Bad("restart.budget", Cat(restart.budget), "0 to 10000 restarts");
  if (restart.window < 1s || restart.window > 24h * 365)
    return Bad("restart.budget", Show(restart.window), "a window from 1s to 365d");
  if (restart.no_progress < 1 || restart.no_progress > 1000)
    return Bad("restart.no_progress", Cat(restart.no_progress), "1 to 1000");
  for (const auto* codes : {&restart.no_restart, &restart.new_host})
    for (const std::uint32_t code : *codes)
      if (code < 1 || code > 255) return Bad("restart.exit_codes", Cat(code), "exit codes 1 to 255");
  return {};
}

Status CheckHosts(const JobSpec& spec) {
  if (spec.hosts.empty()) return {};
  const std::size_t needed = std::size_t{spec.nodes} + spec.spares;
  if (spec.hosts.size() < needed || spec.hosts.size() > limit::kHostsPerJob)
    return Bad("hosts", Count(spec.hosts.size(), "name"),
               Cat("as many as nodes and spares together (", needed, "), at most ", limit::kHostsPerJob));
  std::vector<std::string> sorted = spec.hosts;
  std::sort(sorted.begin(), sorted.end());
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    if (!ValidName(sorted[i])) return Bad("hosts", Cat('"', Clip(Printable(sorted[i]), 80), '"'), "names of hosts");
    if (i > 0 && sorted[i] == sorted[i - 1]) return Bad("hosts", Cat(sorted[i], " twice"), "each host once");
  }
  return {};
}

Status CheckPreflight(const PreflightSpec& preflight) {
  const Duration holds = preflight.ValidFor();
  if (holds < kPreflightHoldsLeast || holds > kPreflightHoldsMost)
    return Bad("preflight.valid_for", Show(holds), "1min to 30d");
  if (preflight.data.size() > kPreflightDataMost)
    return Bad("preflight.data", Count(preflight.data.size(), "path"), Cat("at most ", kPreflightDataMost));
  for (const std::string& path : preflight.data)
    if (!path.starts_with('/') || path.find(',') != std::string::npos)
      return Bad("preflight.data", Cat('"', Clip(Printable(path), 80), '"'), "absolute paths without a comma");
  return {};
}

// What the words of a name say. Whole words; then words that secrets are glued into (HFTOKEN, DBPASS) and everyday words that
// merely end alike.
constexpr std::string_view kWordCharacters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
constexpr std::array<std::string_view, 6> kWords{"AUTH", "BEARER", "CRED", "JWT", "PAT", "PW"};
constexpr std::array<std::string_view, 6> kParts{"SECRET", "PASSWORD", "PASSWD", "PASSPHRASE", "CREDENTIAL", "APIKEY"};
constexpr std::array<std::string_view, 8> kEnds{"KEY", "KEYS", "TOKEN", "TOKENS", "PASS", "PWD", "OAUTH", "CREDS"};
constexpr std::array<std::string_view, 15> kEverydayWords{"MONKEY",  "DONKEY",  "TURKEY",    "HOCKEY",  "JOCKEY",
                                                          "WHISKEY", "TURNKEY", "HOTKEY",    "MONKEYS", "HOTKEYS",
                                                          "BYPASS",  "COMPASS", "ENCOMPASS", "ASKPASS", "OLDPWD"};
// MAX_TOKENS=2048 is a number of tokens.
constexpr std::array<std::string_view, 12> kCounting{"MAX",   "MIN",   "NUM", "NEW",  "TOTAL", "PER",
                                                     "BATCH", "COUNT", "N",   "EVAL", "TRAIN", "CONTEXT"};
constexpr std::array<std::string_view, 3> kHarmlessNames{"PWD", "OLDPWD", "SSH_AUTH_SOCK"};
// Known families without secrets, some of them with a PKEY (a partition of the fabric).
constexpr std::array<std::string_view, 3> kHarmlessFamilies{"NCCL_", "UCX_", "XDG_"};

template <std::size_t n>
bool IsOneOf(std::string_view word, const std::array<std::string_view, n>& words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::string Upper(std::string_view text) {
  std::string upper(text);
  std::transform(upper.begin(), upper.end(), upper.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  return upper;
}

// TOKEN of TOKEN2
std::string WithoutNumber(std::string word) {
  while (!word.empty() && word.back() >= '0' && word.back() <= '9') word.pop_back();
  return word;
}

bool Harmless(std::string_view name) {
  return IsOneOf(name, kHarmlessNames) || std::any_of(kHarmlessFamilies.begin(), kHarmlessFamilies.end(),
                                                      [name](std::string_view f) { return name.starts_with(f); });
}

bool SecretWord(const std::string& word) {
  if (IsOneOf(word, kEverydayWords)) return false;
  const auto within = [&word](std::string_view part) { return word.find(part) != std::string::npos; };
  const auto ends = [&word](std::string_view end) { return word.ends_with(end); };
  return IsOneOf(word, kWords) || std::any_of(kParts.begin(), kParts.end(), within) ||
         std::any_of(kEnds.begin(), kEnds.end(), ends);
}

}  // namespace

bool LooksSecret(std::string_view env_name) {
  const std::string name = Upper(env_name);
  if (Harmless(name)) return false;
  std::vector<std::string> words;
  for (std::size_t at = 0; at < name.size();) {
    const std::size_t end = std::min(name.find_first_not_of(kWordCharacters, at), name.size());
    if (end > at) words.push_back(WithoutNumber(name.substr(at, end - at)));
    at = end + 1;
  }
  const bool counts = std::any_of(words.begin(), words.end(), [](const std::string& w) { return IsOneOf(w, kCounting); });
  return std::any_of(words.begin(), words.end(),
                     [counts](const std::string& w) { return SecretWord(w) && !(counts && w == "TOKENS"); });
}

Status ValidateJob(const JobSpec& spec) {
  if (!ValidName(spec.name))
    return Bad("name", Cat('"', Clip(Printable(spec.name), 80), '"'), "1 to 63 of a-z, 0-9 and '-', not at either end");
  if (spec.command.empty()) return Bad("command", "an empty list", "a program and its arguments");
  if (spec.command.front().empty()) return Bad("command[0]", "an empty string", "a program");
  std::size_t total = 0;
  EVERSTEP_TRY(CheckArguments("command", spec.command, total));
  EVERSTEP_TRY(CheckArguments("resume_args", spec.resume_args, total));
  if (spec.nodes < 1 || spec.nodes > limit::kHostsPerJob)
    return Bad("nodes", Cat(spec.nodes), Cat("1 to ", limit::kHostsPerJob));
  if (spec.processes_per_node && (*spec.processes_per_node < 1 || *spec.processes_per_node > limit::kRanksPerHost))
    return Bad("processes_per_node", Cat(*spec.processes_per_node), Cat("1 to ", limit::kRanksPerHost, ", or auto"));
  if (spec.spares > limit::kHostsPerJob) return Bad("spares", Cat(spec.spares), Cat("0 to ", limit::kHostsPerJob));
  EVERSTEP_TRY(CheckPath("workdir", spec.workdir));
  EVERSTEP_TRY(CheckEnv(spec, total));
  if (total > limit::kCommandBytes)
    return Bad("command, env", Cat(total, " bytes together"), Cat("at most ", limit::kCommandBytes));
  if (spec.priority > 100) return Bad("priority", Cat(spec.priority), "0 to 100");
  if (spec.checkpoint) EVERSTEP_TRY(CheckCheckpoint(*spec.checkpoint));
  EVERSTEP_TRY(CheckWorkdirSeen(spec));
  EVERSTEP_TRY(CheckProgress(spec.progress));
  EVERSTEP_TRY(CheckRestart(spec.restart));
  EVERSTEP_TRY(CheckWarm(spec));
  if (spec.time_limit && (*spec.time_limit < 1s || *spec.time_limit > kTimeLimitMost))
    return Bad("time_limit", Show(*spec.time_limit), "1s to 3650d");
  if (spec.stop_grace < 0s || spec.stop_grace > 24h) return Bad("stop_grace", Show(spec.stop_grace), "0s to 24h");
  EVERSTEP_TRY(CheckHosts(spec));
  return CheckPreflight(spec.preflight);
}

}  // namespace everstep
