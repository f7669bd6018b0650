// everstep-keeper: started by the agent for one gang, with a listening Unix socket as descriptor 3. See keeper_loop.h.

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/keeper/fault.h"
#include "agent/keeper/keeper_loop.h"
#include "base/real/proc.h"
#include "base/text.h"

namespace everstep {
namespace {

constexpr int kListeningFd = 3;
constexpr const char* kUsage =
    "usage: everstep-keeper --gang=JOB.GENERATION --spool=DIR --logs=DIR --lease=NS --log-bytes-max=N --log-files-max=N\n"
    "                       [--kernel-log=FILE]\n"
    "       everstep-keeper --freeze=NS [tree:|kill:]PID:STARTED…\n"
    "Parent of one gang's ranks on this host; started by everstep-agent with a listening Unix socket as descriptor 3.\n"
    "--freeze: stops processes for a time, for drills.\n";

Status SetOption(KeeperOptions& options, std::string_view name, const std::string& value) {
  const std::optional<std::uint64_t> number = ParseUnsigned(value);
  if (name == "--gang") {
    const std::optional<GangKey> gang = GangOfSpool(value);
    if (!gang) return Fail(ErrorCode::kInvalid, Cat("--gang is '", value, "', legal: JOB.GENERATION"));
    options.gang = *gang;
  } else if (name == "--spool" || name == "--logs" || name == "--kernel-log") {
    if (value.empty() || value.front() != '/')
      return Fail(ErrorCode::kInvalid, Cat(name, " is '", value, "', legal: an absolute path"));
    (name == "--spool" ? options.spool : name == "--logs" ? options.logs : options.kernel_log) = value;
  } else if (name == "--lease" || name == "--log-bytes-max" || name == "--log-files-max") {
    const std::uint64_t least = name == "--log-bytes-max" ? 1 : 0;
    const std::uint64_t most = name == "--log-files-max" ? 10'000 : INT64_MAX;
    if (!number || *number < least || *number > most)
      return Fail(ErrorCode::kInvalid, Cat(name, " is '", value, "', legal: ", least, " to ", most));
    if (name == "--lease") options.lease = AtNanoseconds(static_cast<std::int64_t>(*number));
    if (name == "--log-bytes-max") options.log_limits.bytes_max = *number;
    if (name == "--log-files-max") options.log_limits.files_max = static_cast<std::uint32_t>(*number);
  } else {
    return Fail(ErrorCode::kInvalid, Cat("unknown option ", name));
  }
  return {};
}

Result<KeeperOptions> ParseOptions(const std::vector<std::string>& arguments) {
  KeeperOptions options;
  for (const std::string& argument : arguments) {
    const std::size_t equals = argument.find('=');
    if (equals == std::string::npos) return Fail(ErrorCode::kInvalid, Cat("found '", argument, "', legal: --name=value"));
    EVERSTEP_TRY(SetOption(options, std::string_view(argument).substr(0, equals), argument.substr(equals + 1)));
  }
  if (options.gang.job.empty() || options.spool.empty() || options.logs.empty())
    return Fail(ErrorCode::kInvalid, "--gang, --spool and --logs are needed");
  return options;
}

// Only the agent and the fence end a gang: what a terminal or a service manager sends to the agent's group must not.
void IgnoreSignals() {
  for (const int signal : {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGTTIN, SIGTTOU}) ::signal(signal, SIG_IGN);
  sigset_t child{};
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  ::sigprocmask(SIG_SETMASK, &child, nullptr);
}

// Three descriptors a rank and the kernel's default of 1024 do not go together.
rlimit RaiseOpenFiles() {
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  rlimit raised = before;
  raised.rlim_cur = before.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &raised);
  return before;
}

// When memory runs out a rank must go, not the one who would tell of it. Needs CAP_SYS_RESOURCE; without it nothing changes.
std::optional<std::string> ProtectFromOom() {
  const std::optional<std::string> before = ReadKernelFile("/proc/self/oom_score_adj");
  if (!before || WriteKernelFile("/proc/self/oom_score_adj", "-900") != 0) return std::nullopt;
  return std::string(Trim(*before));
}

Result<Fd> TakeListeningSocket() {
  int listening = 0;
  socklen_t size = sizeof listening;
  if (::getsockopt(kListeningFd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) != 0 || listening == 0)
    return Fail(ErrorCode::kInvalid, "descriptor 3 is no listening socket", "everstep-agent starts this program");
  if (::fcntl(kListeningFd, F_SETFD, FD_CLOEXEC) != 0 || ::fcntl(kListeningFd, F_SETFL, O_NONBLOCK) != 0)
    return FailErrno(errno, "set up", "descriptor 3");
  return Fd(kListeningFd);
}

int Fails(const Error& error) {
  std::fprintf(stderr, "everstep-keeper: %s\n", error.Str().c_str());
  return 2;
}

int Main(const std::vector<std::string>& arguments) {
  if (arguments == std::vector<std::string>{"--help"}) return std::fputs(kUsage, stdout) < 0 ? 1 : 0;
  if (!arguments.empty() && arguments.front().starts_with("--freeze=")) return FreezeMain(arguments);
  Result<KeeperOptions> options = ParseOptions(arguments);
  if (!options) return Fails(options.error());
  Result<Fd> listening = TakeListeningSocket();
  if (!listening) return Fails(listening.error());
  ::setsid();
  if (::chdir("/") != 0) return Fails(FailErrno(errno, "enter", "/").value());  // no mount is held busy
  if (::prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) return Fails(FailErrno(errno, "become", "a subreaper").value());
  IgnoreSignals();
  KeeperInheritance inheritance{.open_files = RaiseOpenFiles(), .oom_score = ProtectFromOom()};
  auto loop = KeeperLoop::Make(*std::move(options), std::move(inheritance), *std::move(listening));
  if (!loop) return Fails(loop.error());
  if (!(*loop)->Run()) ::_exit(0);  // a thread is stuck in the disk: waiting for it may be for ever
  return 0;
}

}  // namespace
}  // namespace everstep

int main(int argc, char** argv) { return everstep::Main({argv + 1, argv + argc}); }
