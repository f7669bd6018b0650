#include "base/real/proc.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <set>

#include "base/real/fd.h"
#include "base/text.h"

namespace everstep {

std::optional<std::string> ReadKernelFile(const std::string& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.open()) return std::nullopt;
  std::string text;
  char buffer[16 << 10];
  for (;;) {
    const ssize_t got = ::read(fd.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::nullopt;  // the process ended meanwhile: ESRCH
    if (got == 0) return text;
    text.append(buffer, static_cast<std::size_t>(got));
  }
}

int WriteKernelFile(const std::string& path, const std::string& text) {
  const Fd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd.open()) return errno;
  return ::write(fd.get(), text.data(), text.size()) < 0 ? errno : 0;
}

std::string BootIdText() { return std::string(Trim(ReadKernelFile("/proc/sys/kernel/random/boot_id").value_or(""))); }

std::optional<ProcessStat> StatOf(pid_t pid) {
  const std::optional<std::string> text = ReadKernelFile(Cat("/proc/", pid, "/stat"));
  if (!text) return std::nullopt;
  // "12 (any name) S 1 …": the name may hold blanks and parentheses, so that the last ')' ends it. proc(5).
  const std::size_t open = text->find('(');
  const std::size_t close = text->rfind(')');
  if (open == std::string::npos || close == std::string::npos || close + 2 >= text->size()) return std::nullopt;
  const std::vector<std::string> fields = Split(std::string_view(*text).substr(close + 2), ' ');
  if (fields.size() < 20 || fields[0].empty()) return std::nullopt;  // fields[0] is the third one, state
  ProcessStat stat;
  stat.pid = pid;
  stat.name = text->substr(open + 1, close - open - 1);
  stat.state = fields[0][0];
  stat.parent = static_cast<pid_t>(ParseUnsigned(fields[1]).value_or(0));
  stat.session = static_cast<pid_t>(ParseUnsigned(fields[3]).value_or(0));
  stat.started = ParseUnsigned(fields[19]).value_or(0);
  return stat;
}

std::vector<ProcessStat> AllProcesses() {
  std::vector<ProcessStat> all;
  const std::unique_ptr<DIR, int (*)(DIR*)> proc(::opendir("/proc"), ::closedir);
  if (!proc) return all;
  while (const dirent* entry = ::readdir(proc.get())) {
    const std::optional<std::uint64_t> pid = ParseUnsigned(entry->d_name);
    if (!pid) continue;
    if (auto stat = StatOf(static_cast<pid_t>(*pid))) all.push_back(*std::move(stat));
  }
  return all;
}

std::vector<ProcessStat> DescendantsOf(const std::vector<pid_t>& roots, const std::vector<ProcessStat>& all) {
  std::set<pid_t> known(roots.begin(), roots.end());
  std::vector<ProcessStat> found;
  // A child may stand before its parent in `all` (pids wrap around): go over it until nothing is added.
  for (bool grew = true; grew;) {
    grew = false;
    for (const ProcessStat& process : all) {
      if (known.contains(process.pid) || !known.contains(process.parent)) continue;
      known.insert(process.pid);
      found.push_back(process);
      grew = true;
    }
  }
  return found;
}

// glibc 2.36 declares the two calls in a way that C++ cannot link.
Fd OpenPidfd(pid_t pid) { return Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))); }
void SignalPidfd(const Fd& pidfd, int signal) { ::syscall(SYS_pidfd_send_signal, pidfd.get(), signal, nullptr, 0); }

void KillExactly(const ProcessStat& process) {
  const Fd pidfd = OpenPidfd(process.pid);
  if (!pidfd.open()) return;  // gone already; the call is in every kernel since 5.3
  const std::optional<ProcessStat> now = StatOf(process.pid);
  if (now && now->started == process.started) SignalPidfd(pidfd, SIGKILL);
}

std::string DescribeStuck(const std::vector<ProcessStat>& left) {
  if (left.empty()) return {};
  constexpr std::size_t kNamed = 3;
  std::vector<const ProcessStat*> stuck;
  for (const ProcessStat& process : left)
    if (process.state == 'D') stuck.push_back(&process);
  const bool in_d_state = !stuck.empty();
  if (!in_d_state)
    for (const ProcessStat& process : left) stuck.push_back(&process);
  std::vector<std::string> names;
  for (std::size_t i = 0; i < std::min(stuck.size(), kNamed); ++i)
    names.push_back(Cat("pid ", stuck[i]->pid, " ", Printable(stuck[i]->name)));
  if (stuck.size() > kNamed) names.push_back(Cat(stuck.size() - kNamed, " more"));
  const char* what = in_d_state          ? " cannot be killed (D state): "
                     : stuck.size() == 1 ? " is still ending: "
                                         : " are still ending: ";
  return Cat(stuck.size(), stuck.size() == 1 ? " process" : " processes", what, Join(names));
}

}  // namespace everstep
