#include "agent/keeper/ranks.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <utility>

#include "agent/keeper/error_file.h"
#include "base/real/clock.h"
#include "base/text.h"

namespace everstep {

namespace {

constexpr std::size_t kReadBytes = 64 << 10;
// Output read but not yet written to files. Beyond it the ranks wait in their own write(), as with any slow disk.
constexpr std::size_t kWaitingBytesMax = 8 << 20;
constexpr std::size_t kHeldPerPiece = 256;  // of memory, beside its bytes
constexpr std::size_t kPollsPerRank = 3;
constexpr std::string_view kErrorFile = "TORCHELASTIC_ERROR_FILE=";
constexpr Duration kErrorFilePatience = 500ms;  // with a disk that does not answer

// To the whole group of a rank; to the rank alone in the moment before its setsid().
void SignalGroup(pid_t rank, int signal) {
  if (::kill(-rank, signal) != 0) ::kill(rank, signal);
}

// A job that runs without its progress being known is better than one that does not run.
LinePatterns PatternsOf(ProgressTable table) {
  for (int attempt = 0; attempt < 2; ++attempt) {
    Result<LinePatterns> patterns = LinePatterns::Make(table);
    if (patterns) return *std::move(patterns);
    std::fprintf(stderr, "progress is not read from lines as asked: %s\n", patterns.error().message.c_str());
    table.step.clear();
  }
  return {};
}

}  // namespace

void Ranks::Prepare(KeeperStandby standby) {
  place_.join_fds = cgroup_.join_fds();
  standby_.Begin(std::move(standby), place_);
}

void Ranks::Start(KeeperStart start) {
  oom_kills_taken_ = cgroup_.OomKills();  // what was killed before is no rank of this start
  place_.workdir = std::move(start.workdir);
  if (start.mounts) place_.mounts.emplace(*start.mounts);
  place_.join_fds = cgroup_.join_fds();
  disk_.Do([log = kernel_log_] {
    if (const Status opened = log->Open(); !opened) std::fprintf(stderr, "%s\n", opened.error().message.c_str());
  });
  const LinePatterns patterns = PatternsOf(std::move(start.progress));
  for (RankCommand& command : start.ranks) {
    Rank rank;
    rank.command = std::move(command);
    for (const std::string& variable : rank.command.env)
      if (variable.starts_with(kErrorFile)) rank.error_file = variable.substr(kErrorFile.size());
    const std::string path = Cat(logs_.directory, "/", rank.command.rank);
    rank.out.file = std::make_shared<LogFile>(path + ".out", logs_.limits);
    rank.err.file = std::make_shared<LogFile>(path + ".err", logs_.limits);
    rank.progress = RankProgress(patterns);
    files_->paths.push_back(rank.command.progress_file);
    ranks_.push_back(std::move(rank));
  }
  files_->stamps.resize(ranks_.size());
  files_->told.resize(ranks_.size());
  for (Rank& rank : ranks_) {
    std::optional<SpawnedRank> waited = standby_.Become(rank.command, place_.workdir);
    Result<SpawnedRank> spawned = waited ? *std::move(waited) : SpawnRank(rank.command, place_);
    if (!spawned) {
      failure_ = spawned.error().message;
      break;
    }
    rank.pid = spawned->pid;
    rank.out.pipe = std::move(spawned->out);
    rank.err.pipe = std::move(spawned->err);
    rank.report = std::move(spawned->report);
    if (const auto stat = StatOf(rank.pid)) rank.started = stat->started;
  }
  standby_.Kill();
}

bool Ranks::Starting() const {
  return std::any_of(ranks_.begin(), ranks_.end(), [](const Rank& rank) { return rank.report.open(); });
}

void Ranks::AddTo(std::vector<pollfd>& polled) {
  first_ = polled.size();
  const bool read = waiting_bytes_->load(std::memory_order_relaxed) < kWaitingBytesMax;
  for (const Rank& rank : ranks_) {
    polled.push_back({.fd = rank.report.get(), .events = POLLIN, .revents = 0});
    polled.push_back({.fd = read ? rank.out.pipe.get() : -1, .events = POLLIN, .revents = 0});
    polled.push_back({.fd = read ? rank.err.pipe.get() : -1, .events = POLLIN, .revents = 0});
  }
}

void Ranks::Take(Time now, const std::vector<pollfd>& polled) {
  // Ranks may have been added after AddTo: they have no entries yet.
  const std::size_t known = (polled.size() - first_) / kPollsPerRank;
  for (std::size_t i = 0; i < std::min(known, ranks_.size()); ++i) {
    const pollfd* entries = &polled[first_ + i * kPollsPerRank];
    if (entries[0].revents != 0) Settle(ranks_[i]);
    if (entries[1].revents != 0) ReadOnce(now, ranks_[i], ranks_[i].out);
    if (entries[2].revents != 0) ReadOnce(now, ranks_[i], ranks_[i].err);
  }
}

// The rank's exec has happened or failed: takes note of it.
void Ranks::Settle(Rank& rank) {
  if (!rank.report.open()) return;
  const Status runs = ReadExecReport(rank.report.get(), rank.command, place_);
  rank.report.Reset();
  rank.runs_program = runs.has_value();
  if (!runs && !failure_) failure_ = runs.error().message;
  rank.command.env = {};  // may hold secrets: no longer than needed
}

void Ranks::Reap(Time now) {
  TellEnds(now);
  for (;;) {
    siginfo_t info{};
    if (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG) != 0 || info.si_pid == 0) return;
    standby_.Reaped(info.si_pid);
    for (Rank& rank : ranks_)
      if (rank.pid == info.si_pid && !rank.reaped) Ended(rank, info.si_code, info.si_status, now);
  }
}

void Ranks::Ended(Rank& rank, int code, int value, Time now) {
  rank.reaped = true;
  Settle(rank);
  Drain(now, rank);
  if (!rank.runs_program) return;
  RankExit exit{.stopped_by_us = rank.signalled, .at = now};
  if (code == CLD_EXITED) {
    exit.code = static_cast<std::uint32_t>(value);
  } else {
    exit.signal = static_cast<std::uint32_t>(value);
    exit.oom_kill = value == SIGKILL && !rank.signalled && TakeOomKill();
  }
  exit.tail = exit.code != 0u ? rank.tail.Text() : FiguresIn(rank.tail.Text());
  // Who was killed had no time to write, and whose end is ours need not say why.
  const bool wrote = exit.code && exit.code != 0u && !rank.error_file.empty();
  if ((!wrote && !exit.signal) || exit.stopped_by_us) {
    rank.exit = std::move(exit);
    return;
  }
  auto words = std::make_shared<Words>();
  std::vector<pid_t> others;
  for (const Rank& other : ranks_)
    if (other.pid != rank.pid) others.push_back(other.pid);
  const std::uint64_t work = disk_.Do([words, wrote, path = rank.error_file, pid = rank.pid, log = kernel_log_,
                                       others = std::move(others), since_boot = Nanoseconds(now) / 1000] {
    if (wrote)
      words->error_file = ReadErrorFile(path);
    else
      words->kernel = log->About(pid, since_boot, others);
  });
  rank.awaited = {std::move(exit), std::move(words), work, now};
}

void Ranks::TellEnds(Time now) {
  for (Rank& rank : ranks_) {
    if (!rank.awaited) continue;
    const bool read = disk_.Done() >= rank.awaited->work;
    if (!read && now - rank.awaited->since < kErrorFilePatience) continue;
    rank.exit = std::move(rank.awaited->exit);
    if (read) {
      rank.exit->tail = TailWith(rank.exit->tail, rank.awaited->words->error_file);
      rank.exit->kernel = std::move(rank.awaited->words->kernel);
    }
    rank.awaited.reset();
  }
}

void Ranks::TellAllEnds() { TellEnds(Time::max()); }

// The kernel counts an OOM kill before it sends the signal: one that we have not put to a rank yet is this one's.
bool Ranks::TakeOomKill() {
  if (cgroup_.OomKills() <= oom_kills_taken_) return false;
  ++oom_kills_taken_;
  return true;
}

bool Ranks::ReadOnce(Time now, Rank& rank, Output& output) {
  if (!output.pipe.open()) return false;
  char buffer[kReadBytes];
  const ssize_t got = ::read(output.pipe.get(), buffer, sizeof buffer);
  if (got < 0 && (errno == EINTR || errno == EAGAIN)) return errno == EINTR;
  if (got <= 0) {
    output.pipe.Reset();
    return false;
  }
  std::string bytes(buffer, static_cast<std::size_t>(got));
  if (&output == &rank.err) rank.tail.Append(bytes);
  rank.progress.Printed(now, &output == &rank.err ? RankProgress::Stream::err : RankProgress::Stream::out, bytes);
  const std::size_t held = bytes.size() + kHeldPerPiece;
  *waiting_bytes_ += held;
  disk_.Do([file = output.file, waiting = waiting_bytes_, held, bytes = std::move(bytes), wall = RealClock().Wall()] {
    if (const Status written = file->Append(bytes, wall); !written)
      std::fprintf(stderr, "%s: output is lost from here on\n", written.error().message.c_str());
    *waiting -= held;
  });
  return true;
}

// What the rank itself wrote is in its pipes when it has ended, and a pipe holds no more than its size; what its children still
// write is not waited for.
void Ranks::Drain(Time now, Rank& rank) {
  for (Output* output : {&rank.out, &rank.err}) {
    if (!output->pipe.open()) continue;
    const int size = ::fcntl(output->pipe.get(), F_GETPIPE_SZ);
    const std::size_t reads = static_cast<std::size_t>(std::max(size, 0)) / kReadBytes + 1;
    for (std::size_t i = 0; i < reads && ReadOnce(now, rank, *output); ++i) continue;
  }
}

void Ranks::Terminate() {
  for (Rank& rank : ranks_) {
    if (rank.pid == 0 || rank.reaped) continue;  // the number of a reaped one may be a stranger's by now
    rank.signalled = true;
    SignalGroup(rank.pid, SIGTERM);
    SignalGroup(rank.pid, SIGCONT);  // a stopped process would not see it
  }
}

void Ranks::CallEndsOurs() {
  for (Rank& rank : ranks_)
    if (!rank.reaped) rank.signalled = true;
}

void Ranks::Kill() {
  CallEndsOurs();
  cgroup_.Kill();
  for (const Rank& rank : ranks_) {
    if (rank.pid == 0 || rank.reaped) continue;
    ::kill(rank.pid, SIGKILL);
    ::kill(-rank.pid, SIGKILL);
  }
  // A process may also have left the cgroup: root can.
  if (!cgroup_.tracks() || (!cgroup_.Populated() && ChildrenLeft()))
    for (const ProcessStat& process : DescendantsOf({::getpid()}, AllProcesses())) KillExactly(process);
}

bool Ranks::AllEnded() const {
  return std::all_of(ranks_.begin(), ranks_.end(), [](const Rank& rank) { return rank.pid == 0 || rank.reaped; });
}

bool Ranks::ChildrenLeft() const {
  siginfo_t info{};
  return ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 || errno != ECHILD;
}

bool Ranks::NothingLeft() const { return AllEnded() && !ChildrenLeft() && !cgroup_.Populated(); }

std::vector<ProcessStat> Ranks::Left() const {
  std::vector<ProcessStat> left = cgroup_.Processes();
  if (left.empty()) left = DescendantsOf({::getpid()}, AllProcesses());
  return left;
}

void Ranks::CloseOutputs(Time now) {
  for (Rank& rank : ranks_) {
    Drain(now, rank);
    rank.out.pipe.Reset();
    rank.err.pipe.Reset();
  }
}

void Ranks::LookAtProgressFiles(Time now, bool last) {
  TakeFileWords(now);
  if (looking_ && !last) return;
  looking_ = true;
  look_ = disk_.Do([files = files_] {
    for (std::size_t i = 0; i < files->paths.size(); ++i) {
      if (files->paths[i].empty()) continue;
      if (auto told = LookAtProgressFile(files->paths[i], files->stamps[i])) files->told[i] = std::move(told);
    }
  });
}

void Ranks::TakeFileWords(Time now) {
  if (!looking_ || disk_.Done() < look_) return;
  looking_ = false;
  for (std::size_t i = 0; i < ranks_.size(); ++i)
    if (const auto told = std::exchange(files_->told[i], std::nullopt)) ranks_[i].progress.FileTold(now, *told);
}

std::optional<Progress> Ranks::ProgressNow(Time now) {
  TakeFileWords(now);
  std::optional<Progress> progress;
  for (Rank& rank : ranks_)
    if (progress = rank.progress.Now(now); progress) break;
  for (const Rank& rank : ranks_)
    if (progress && !progress->loss) progress->loss = rank.progress.loss();
  return progress;
}

std::vector<RankStatus> Ranks::Statuses() const {
  std::vector<RankStatus> statuses;
  for (const Rank& rank : ranks_)
    statuses.push_back({.rank = rank.command.rank, .pid = rank.runs_program ? rank.pid : 0, .exit = rank.exit});
  return statuses;
}

std::vector<RankProcess> Ranks::Processes() const {
  std::vector<RankProcess> processes;
  for (const Rank& rank : ranks_)
    if (rank.pid != 0) processes.push_back({rank.pid, rank.started});
  return processes;
}

}  // namespace everstep
