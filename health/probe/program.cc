#include "health/probe/program.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "base/real/clock.h"
#include "base/real/fd.h"
#include "base/real/proc.h"
#include "base/text.h"

namespace everstep::health {

namespace {

constexpr int kCannotRun = 127, kLastMomentMs = 200;

[[noreturn]] void BecomeProgram(const char* path, char* const* words, int out, int err, pid_t parent) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(kCannotRun);
  const int in = ::open("/dev/null", O_RDONLY);
  if (in < 0 || ::dup2(in, 0) < 0 || ::dup2(out, 1) < 0 || ::dup2(err, 2) < 0) ::_exit(kCannotRun);
  ::execv(path, words);
  ::_exit(kCannotRun);
}

struct Ends {
  Fd reader{}, writer{};
};
Result<Ends> Pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return FailErrno(errno, "make", "a pipe");
  ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
  return Ends{Fd(ends[0]), Fd(ends[1])};
}

// All that is there. false: the other end is closed.
bool Drain(const Fd& from, std::string& into) {
  char buffer[16 << 10];
  for (;;) {
    const ssize_t got = ::read(from.get(), buffer, sizeof buffer);
    if (got > 0) into.append(buffer, static_cast<std::size_t>(got));
    if (got > 0 && into.size() <= kPrintedMax) continue;
    return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
  }
}

// One run of it: ends with the object.
class Run {
 public:
  Run(pid_t pid, Fd out, Fd err) : pid_(pid), out_(std::move(out)), err_(std::move(err)), pidfd_(OpenPidfd(pid)) {}
  ~Run() {
    ::kill(-pid_, SIGKILL);  // and what it has started
    pollfd one{.fd = pidfd_.get(), .events = POLLIN, .revents = 0};
    if (pidfd_.open()) ::poll(&one, 1, kLastMomentMs);
    if (!buried_) ::waitpid(pid_, nullptr, WNOHANG);
  }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  Result<Printed> ToTheEnd(Duration patience) {
    const Time until = RealClock().Now() + patience;
    Printed printed;
    // Its end counts, not that of its output: what it has started may keep that open.
    for (bool ended = false; !ended;) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(std::max(until - RealClock().Now(), Duration()));
      std::array<pollfd, 3> polled{pollfd{pidfd_.get(), POLLIN, 0}, pollfd{out_.get(), POLLIN, 0},
                                   pollfd{err_.get(), POLLIN, 0}};
      if (left.count() == 0 || ::poll(polled.data(), polled.size(), static_cast<int>(left.count())) == 0)
        return Fail(ErrorCode::kTimeout, Cat("gave no answer within ", Show(patience)));
      ended = polled[0].revents != 0;
      if (out_.open() && !Drain(out_, printed.out)) out_.Reset();
      if (err_.open() && !Drain(err_, printed.err)) err_.Reset();
      if (std::max(printed.out.size(), printed.err.size()) > kPrintedMax)
        return Fail(ErrorCode::kExhausted, Cat("printed more than ", kPrintedMax >> 20, " MiB"));
    }
    int status = 0;
    buried_ = ::waitpid(pid_, &status, 0) == pid_;
    printed.code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    return printed;
  }

 private:
  pid_t pid_;
  Fd out_, err_, pidfd_;
  bool buried_ = false;
};

Result<Printed> Recorded(const std::string& path) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (!file.open()) return FailErrno(errno, "read", path);
  Printed printed{.ran = false};
  if (Drain(file, printed.out)) return Fail(ErrorCode::kExhausted, Cat("has more than ", kPrintedMax >> 20, " MiB"));
  return printed;
}

}  // namespace

Result<Printed> PrintedBy(const std::string& path, const std::vector<std::string>& arguments, Duration patience) {
  struct stat is {};
  if (::stat(path.c_str(), &is) != 0) return Fail(ErrorCode::kNotFound, Cat("cannot be run: ", std::strerror(errno)));
  if (!S_ISREG(is.st_mode)) return Fail(ErrorCode::kInvalid, "is neither a program nor a file");
  if (::access(path.c_str(), X_OK) != 0 || (is.st_mode & 0111) == 0) return Recorded(path);
  std::vector<char*> words{const_cast<char*>(path.c_str())};
  for (const std::string& argument : arguments) words.push_back(const_cast<char*>(argument.c_str()));
  words.push_back(nullptr);
  EVERSTEP_ASSIGN(Ends out, Pipe());
  EVERSTEP_ASSIGN(Ends err, Pipe());
  const pid_t parent = ::getpid(), pid = ::fork();
  if (pid == 0) BecomeProgram(path.c_str(), words.data(), out.writer.get(), err.writer.get(), parent);
  if (pid < 0) return FailErrno(errno, "start", path);
  ::setpgid(pid, pid);  // whoever of both comes first
  out.writer.Reset();
  err.writer.Reset();
  return Run(pid, std::move(out.reader), std::move(err.reader)).ToTheEnd(patience);
}

std::string WhyNonsense(const Printed& printed, const std::string& nonsense) {
  const std::string_view said = Trim(printed.err).empty() ? Trim(printed.out) : Trim(printed.err);
  const std::string first = Clip(Printable(said.substr(0, said.find('\n'))), 200);
  if (printed.code != 0) return Cat("ended with code ", printed.code, first.empty() ? "" : ": ", first);
  return Cat(printed.ran ? "printed nonsense: " : "is no recorded output: ", nonsense, first.empty() ? "" : ", in \"", first,
             first.empty() ? "" : "\"");
}

}  // namespace everstep::health
