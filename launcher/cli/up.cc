// everstep up: a whole cluster on this machine, behind a supervisor that outlives this command.

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cerrno>
#include <filesystem>
#include <memory>

#include "base/real/clock.h"
#include "base/real/files.h"
#include "base/real/proc.h"
#include "launcher/cli/flags.h"
#include "launcher/cli/interrupts.h"
#include "launcher/cli/local_cluster.h"
#include "launcher/cli/local_end.h"
#include "launcher/cli/spawn.h"
#include "launcher/cli/supervisor.h"
#include "launcher/cli/verbs.h"
#include "launcher/config/launcher_file.h"

namespace everstep {

namespace {

constexpr Duration kReadyWithin = 30s;

struct UpFlags {
  std::uint32_t nodes = 4;
  std::uint32_t port = 0;
  std::string directory{};
  std::string profile = "default";
  bool monitor = false;
  bool foreground = false;
};

// Everything that a daemon takes from its environment is said with flags; what the user has set is meant for the command line.
std::map<std::string, std::string> DaemonEnvironment(const Cli& cli) {
  std::map<std::string, std::string> environment = cli.variables;
  std::erase_if(environment, [](const auto& variable) { return variable.first.starts_with("EVERSTEP_"); });
  return environment;
}

// The lock of the directory: whoever has it may start a cluster there. Held by the supervisor later on.
Result<Fd> Lock(const std::string& directory) {
  const std::string path = directory + ".lock";
  Fd lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock.open()) return FailErrno(errno, "open", path);
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) == 0) return lock;
  const auto address = LocalAddress(directory);
  return Fail(ErrorCode::kConflict,
              Cat("a cluster is up already in ", directory, address ? Cat(", its launcher at ", *address) : ""),
              "everstep nodes shows it, everstep down ends it");
}

// An empty directory for a new cluster; the one before it is kept beside it.
Status MakeRoom(const std::string& directory) {
  namespace fs = std::filesystem;
  RealFiles files;
  if (const auto old = ReadLocalCluster(directory); old && !Living(*old).empty())
    return Fail(ErrorCode::kConflict, Cat(Living(*old).front().name, " of the last cluster in ", directory, " still runs"),
                "everstep down ends it");
  EVERSTEP_ASSIGN(const auto names, files.List(directory));
  if (!names.empty()) {
    std::error_code error;
    const bool ours = fs::exists(directory + "/supervisor.log", error) && fs::exists(directory + "/launcher.yaml", error);
    if (!ours)
      return Fail(ErrorCode::kConflict, Cat(directory, " holds something else (", names.front(), ")"),
                  "choose another with --state");
    fs::remove_all(directory + ".previous", error);
    if (!error) fs::rename(directory, directory + ".previous", error);
    if (error) return Fail(ErrorCode::kIo, Cat("cannot put ", directory, " aside: ", error.message()));
  }
  return files.MakeDirectory(directory);
}

Status CheckPrograms(const std::string& programs) {
  for (const char* name : {"everstep-launcher", "everstep-agent", "everstep-keeper"})
    if (::access(Cat(programs, '/', name).c_str(), X_OK) != 0)
      return Fail(ErrorCode::kNotFound, Cat("there is no program ", programs, '/', name),
                  "install all of Everstep in one directory");
  return {};
}

struct Started {
  LocalCluster cluster{};  // only the supervisor
  Fd ready{};              // see Supervisor; at its end the supervisor has ended
};

Result<Started> StartSupervisor(const Cli& cli, const UpFlags& flags) {
  const std::string programs = std::filesystem::path(cli.program).parent_path().string();
  EVERSTEP_TRY(CheckPrograms(programs));
  RealFiles files;
  EVERSTEP_TRY(files.MakeDirectory(std::filesystem::path(flags.directory).parent_path().string()));
  EVERSTEP_ASSIGN(const Fd lock, Lock(flags.directory));
  EVERSTEP_TRY(MakeRoom(flags.directory));
  LauncherOptions launcher;
  Apply(flags.profile == "fast" ? Profile::fast : Profile::standard, launcher);
  EVERSTEP_TRY(files.Write(flags.directory + "/launcher.yaml", WriteLauncherFile(launcher)));

  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return FailErrno(errno, "make", "a pipe");
  Started started{.ready = Fd(ends[0])};
  const Fd tells(ends[1]);
  std::vector<std::string> argv{cli.program, "supervise",      "--state", flags.directory,
                                "--nodes",   Cat(flags.nodes), "--port",  Cat(flags.port)};
  if (flags.monitor) argv.push_back("--monitor");
  EVERSTEP_ASSIGN(const pid_t pid, SpawnDaemon({.argv = std::move(argv),
                                                .environment = DaemonEnvironment(cli),
                                                .log = flags.directory + "/supervisor.log",
                                                .keep = {tells.get(), lock.get()}}));
  started.cluster = {.boot = BootIdText(), .nodes = flags.nodes};
  started.cluster.supervisor = RecordOf("supervisor", pid).value_or(ProcessRecord{});
  return started;
}

// What the supervisor has told so far, line by line; `ended` once it has closed its end.
class Reports {
 public:
  explicit Reports(int fd) : fd_(fd) { ::fcntl(fd, F_SETFL, O_NONBLOCK); }
  bool ended = false;

  std::optional<std::string> Take() {
    std::array<char, 4096> buffer{};
    const ssize_t n = ::read(fd_, buffer.data(), buffer.size());
    if (n == 0) ended = true;
    if (n > 0) text_.append(buffer.data(), static_cast<std::size_t>(n));
    const std::size_t end = text_.find('\n');
    if (end == std::string::npos) return std::nullopt;
    std::string line = text_.substr(0, end);
    text_.erase(0, end + 1);
    return line;
  }

 private:
  int fd_;
  std::string text_{};
};

// How many nodes are ready, and the reason of one that is not.
Result<std::size_t> CountReady(ControlClient& client, std::string& why) {
  EVERSTEP_ASSIGN(const NodesReply reply, Ask<NodesReply>(client, ListNodes{}));
  std::size_t ready = 0;
  for (const NodeView& node : reply.nodes) {
    if (node.phase == NodePhase::ready)
      ++ready;
    else
      why = Cat(node.node, " is ", Name(node.phase), ": ", node.why);
  }
  return ready;
}

// The launcher's address, once all nodes are ready.
Result<std::string> WaitReady(const UpFlags& flags, const Started& started, Interrupts& interrupts) {
  RealClock clock;
  Reports reports(started.ready.get());
  std::unique_ptr<ControlClient> client;
  std::string address, why = "no agent has come";
  for (const Time deadline = clock.Now() + kReadyWithin;;) {
    if (interrupts.Wait(15ms, client ? -1 : started.ready.get()))
      return Fail(ErrorCode::kConflict, "interrupted before it was up");
    if (const auto line = reports.Take()) {
      if (line->starts_with("failed ")) return Fail(ErrorCode::kUnavailable, line->substr(7));
      address = line->substr(line->find(' ') + 1);
      EVERSTEP_ASSIGN(client, ControlClient::Connect({.address = address, .deadline = 2s}));
    }
    if (reports.ended)
      return Fail(ErrorCode::kUnavailable, Cat("the supervisor ended: ", LogTail(flags.directory + "/supervisor.log", 3)));
    if (client) {
      const auto ready = CountReady(*client, why);
      if (ready && *ready >= flags.nodes) return address;
      if (!ready) why = ready.error().Str();
    }
    if (clock.Now() > deadline)
      return Fail(ErrorCode::kTimeout,
                  Cat("not all of ", Count(flags.nodes, "node"), " are ready after ", Show(kReadyWithin), ": ", why),
                  Cat("see the logs in ", flags.directory));
  }
}

void Summarise(const Cli& cli, const UpFlags& flags, const std::string& address, Duration took, bool usual_place) {
  const auto bold = [&](std::string_view text) { return Paint(cli.console.out, Style::bold, text); };
  const std::uint32_t used = flags.nodes > 1 ? flags.nodes - 1 : 1;
  std::string out =
      Cat("A cluster of ", Count(flags.nodes, "node"), " is up, ready in ", Show(took), ".\n", "  launcher  ", address,
          "\n  nodes     ", flags.nodes == 1 ? "n1" : Cat("n1 to n", flags.nodes), "\n  logs      ", flags.directory, "\n\n");
  if (!usual_place) out += Cat("First:  ", bold(Cat("export EVERSTEP_LAUNCHER=", address)), "\n");
  out +=
      Cat("Next:   ", bold(Cat("everstep run --nnodes ", used, flags.nodes > 1 ? " --spares 1" : "", " -- python3 train.py")),
          "\n        everstep nodes\n");
  out += flags.foreground ? "Ctrl-C ends it.\n"
                          : Cat("        everstep down", usual_place ? "" : Cat(" --state ", flags.directory), "   ends it\n");
  WriteOut(out);
}

Result<int> Up(const Cli& cli, UpFlags flags) {
  RealClock clock;
  const Time begin = clock.Now();
  Interrupts interrupts;
  const auto usual = LocalDirectory(cli.environment());
  if (flags.directory.empty()) {
    EVERSTEP_TRY(usual);
    flags.directory = *usual;
  }
  EVERSTEP_TRY(yaml::MakeAbsolute(flags.directory));
  EVERSTEP_ASSIGN(const Started started, StartSupervisor(cli, flags));
  const auto address = WaitReady(flags, started, interrupts);
  const EndOptions end{.directory = flags.directory, .now = !address.has_value()};
  if (!address) {
    if (const auto supervisor = OpenProcess(started.cluster, started.cluster.supervisor)) {
      SignalPidfd(*supervisor, SIGTERM);
      pollfd gone{.fd = supervisor->get(), .events = POLLIN, .revents = 0};
      ::poll(&gone, 1, 40'000);
    }
    return Fail(address.error());
  }
  Summarise(cli, flags, *address, clock.Now() - begin, usual && *usual == flags.directory);
  if (!flags.foreground) return exit_code::kGood;
  const auto supervisor = OpenProcess(started.cluster, started.cluster.supervisor);
  while (supervisor && !interrupts.Wait(1h, supervisor->get()) && OpenProcess(started.cluster, started.cluster.supervisor)) {
  }
  EVERSTEP_TRY(EndLocalCluster(end, interrupts));
  return exit_code::kGood;
}

Result<int> Supervise(const Cli& cli, const UpFlags& flags) {
  constexpr int kReadyFd = 3, kLockFd = 4;  // as StartSupervisor passes them
  for (const int fd : {kReadyFd, kLockFd}) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  Supervisor supervisor({.directory = flags.directory,
                         .programs = std::filesystem::path(cli.program).parent_path().string(),
                         .monitor = flags.monitor,
                         .nodes = flags.nodes,
                         .port = flags.port,
                         .environment = cli.variables},
                        Fd(kReadyFd));
  EVERSTEP_TRY(supervisor.Run());
  return exit_code::kGood;
}

}  // namespace

void AddUp(CLI::App& app, Cli& cli) {
  auto flags = std::make_shared<UpFlags>();
  CLI::App* up = app.add_subcommand("up", "start a whole cluster on this machine");
  up->add_option("--nodes", flags->nodes, "hosts to have, all equal, called n1, n2, …")
      ->type_name("N")
      ->check(Between(1, 64))
      ->capture_default_str();
  up->add_option("--profile", flags->profile, "fast: lost hosts are noticed sooner")
      ->type_name("default|fast")
      ->check(OneOf({"default", "fast"}))
      ->capture_default_str();
  up->add_option("--port", flags->port, "of the launcher; 0: any free one")
      ->type_name("PORT")
      ->check(Between(0, 65535))
      ->capture_default_str();
  up->add_option("--state", flags->directory, "where the cluster lives [everstep/local in XDG_STATE_HOME]")->type_name("DIR");
  up->add_flag("--monitor", flags->monitor, "each host also watches the health of this machine");
  up->add_flag("--foreground", flags->foreground, "stay; Ctrl-C ends the cluster");
  up->callback([&cli, flags] { cli.verb = [&cli, flags] { return Up(cli, *flags); }; });

  CLI::App* supervise = app.add_subcommand("supervise", "the process behind `up`")->group("");
  supervise->add_option("--state", flags->directory)->required();
  supervise->add_option("--nodes", flags->nodes)->required();
  supervise->add_option("--port", flags->port)->required();
  supervise->add_flag("--monitor", flags->monitor);
  supervise->callback([&cli, flags] { cli.verb = [&cli, flags] { return Supervise(cli, *flags); }; });
}

}  // namespace everstep
