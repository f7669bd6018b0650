#include "agent/keeper/cgroup.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>

#include "base/text.h"

namespace everstep {

namespace {

bool Exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

// "populated 0\nfrozen 0\n": the number after `key`.
std::optional<std::uint64_t> ValueOf(const std::string& text, std::string_view key) {
  for (const std::string& line : Split(text, '\n')) {
    const std::vector<std::string> words = Split(line, ' ');
    if (words.size() == 2 && words[0] == key) return ParseUnsigned(words[1]);
  }
  return std::nullopt;
}

// Blanks and the like are octal in mountinfo: "\040".
std::string Unescape(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      out += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

struct Mount {
  std::string point{};  // where it is mounted
  std::string root{};   // which part of the hierarchy it shows
};

// "36 35 98:0 /root /point opts … - type source superopts", proc(5). `option`: a word of the super options, or empty.
std::optional<Mount> FindMount(const std::string& type, const std::string& option) {
  for (const std::string& line : Split(ReadKernelFile("/proc/self/mountinfo").value_or(""), '\n')) {
    const std::size_t dash = line.find(" - ");
    if (dash == std::string::npos) continue;
    const std::vector<std::string> before = Split(std::string_view(line).substr(0, dash), ' ');
    const std::vector<std::string> after = Split(std::string_view(line).substr(dash + 3), ' ');
    if (before.size() < 5 || after.size() < 3 || after[0] != type) continue;
    bool has = option.empty();
    for (const std::string& word : Split(after[2], ',')) has = has || word == option;
    if (has) return Mount{.point = Unescape(before[4]), .root = Unescape(before[3])};
  }
  return std::nullopt;
}

// Where this process is in the hierarchy with `controller` ("": v2), as a path below `mount`; nullopt: outside of what is seen.
std::optional<std::string> OwnDirectory(const Mount& mount, const std::string& controller) {
  for (const std::string& line : Split(ReadKernelFile("/proc/self/cgroup").value_or(""), '\n')) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    bool has = controller.empty() && second == first + 1 && line.substr(0, first) == "0";
    for (const std::string& word : Split(std::string_view(line).substr(first + 1, second - first - 1), ','))
      has = has || (!controller.empty() && word == controller);
    if (!has) continue;
    std::string path = line.substr(second + 1);
    if (mount.root != "/") {
      if (path.rfind(mount.root, 0) != 0) return std::nullopt;
      path.erase(0, mount.root.size());
    }
    if (path.rfind("/..", 0) == 0) return std::nullopt;
    if (path == "/") path.clear();
    const std::string directory = mount.point + path;
    if (!Exists(directory + "/cgroup.procs")) return std::nullopt;
    return directory;
  }
  return std::nullopt;
}

std::string ErrnoText(int error) {
  char buffer[128];
  return strerror_r(error, buffer, sizeof buffer);
}

// Whether a child of this process can enter: the rules (delegation, threaded domains, no inner processes) are the kernel's.
int TryToEnter(int procs_fd) {
  const pid_t child = ::fork();
  if (child < 0) return errno;
  if (child == 0) ::_exit(::write(procs_fd, "0", 1) == 1 ? 0 : (errno & 0xff));
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  return WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
}

// The nearest memory.events at or above `directory` inside the mount.
std::optional<std::string> NearestMemoryEvents(std::string directory, const std::string& mount_point) {
  while (directory.size() >= mount_point.size()) {
    if (Exists(directory + "/memory.events")) return directory + "/memory.events";
    directory.erase(directory.find_last_of('/'));
  }
  return std::nullopt;
}

void Say(std::string& limits, const std::string& sentence) {
  if (!limits.empty()) limits += "; ";
  limits += sentence;
}

}  // namespace

void KillCgroup(const std::string& path) {
  if (WriteKernelFile(path + "/cgroup.kill", "1") == 0) return;
  for (const ProcessStat& process : CgroupProcesses(path)) KillExactly(process);
}

bool CgroupPopulated(const std::string& path) {
  if (const auto events = ReadKernelFile(path + "/cgroup.events")) return ValueOf(*events, "populated").value_or(0) != 0;
  for (const ProcessStat& process : CgroupProcesses(path))
    if (process.state != 'Z') return true;  // v1 lists the dead until they are reaped
  return false;
}

std::vector<ProcessStat> CgroupProcesses(const std::string& path) {
  std::vector<ProcessStat> found;
  for (const std::string& line : Split(ReadKernelFile(path + "/cgroup.procs").value_or(""), '\n')) {
    const auto pid = ParseUnsigned(line);
    if (!pid || *pid == 0) continue;
    if (auto stat = StatOf(static_cast<pid_t>(*pid))) found.push_back(*std::move(stat));
  }
  return found;
}

bool RemoveCgroup(const std::string& path) { return ::rmdir(path.c_str()) == 0 || errno == ENOENT; }

GangCgroup::GangCgroup(const std::string& name) {
  std::optional<std::string> shared_counter;
  const std::optional<Mount> unified = FindMount("cgroup2", "");
  const std::optional<std::string> own = unified ? OwnDirectory(*unified, "") : std::nullopt;
  if (!own) {
    Say(limits_, "no cgroup v2: processes are found by session and parent");
  } else if (Enter(*own, name)) {
    events_ = Fd(::open((paths_.back() + "/cgroup.events").c_str(), O_RDONLY | O_CLOEXEC));
    AcknowledgeEvents();
    if (!Exists(paths_.back() + "/cgroup.kill")) Say(limits_, "no cgroup.kill (Linux 5.14): processes are killed one by one");
    if (Exists(paths_.back() + "/memory.events")) oom_file_ = paths_.back() + "/memory.events";
  }
  if (own && oom_file_.empty()) shared_counter = NearestMemoryEvents(*own, unified->point);

  if (oom_file_.empty() && !shared_counter) {
    if (const auto memory = FindMount("cgroup", "memory")) {
      const std::optional<std::string> own_memory = OwnDirectory(*memory, "memory");
      if (own_memory && Enter(*own_memory, name))
        oom_file_ = paths_.back() + "/memory.oom_control";
      else if (own_memory)
        shared_counter = *own_memory + "/memory.oom_control";
    }
  }
  if (oom_file_.empty() && shared_counter) {
    oom_file_ = *shared_counter;
    Say(limits_, Cat("out-of-memory kills are counted together with others in ", oom_file_));
  }
  if (!ValueOf(ReadKernelFile(oom_file_).value_or(""), "oom_kill")) {
    oom_file_.clear();
    Say(limits_, "no memory cgroup: out-of-memory kills are not told from other SIGKILLs");
  }
  oom_before_ = OomKills();
}

bool GangCgroup::Enter(const std::string& parent, const std::string& name) {
  const std::string path = Cat(parent, "/", name);
  if (::mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) {
    Say(limits_, Cat("no cgroup of its own: cannot create ", path, ": ", ErrnoText(errno)));
    return false;
  }
  Fd procs(::open((path + "/cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC));
  const int error = procs.open() ? TryToEnter(procs.get()) : errno;
  if (error != 0) {
    Say(limits_, Cat("no cgroup of its own: cannot enter ", path, ": ", ErrnoText(error)));
    RemoveCgroup(path);
    return false;
  }
  paths_.push_back(path);
  procs_.push_back(std::move(procs));
  return true;
}

std::vector<int> GangCgroup::join_fds() const {
  std::vector<int> fds;
  for (const Fd& fd : procs_) fds.push_back(fd.get());
  return fds;
}

void GangCgroup::AcknowledgeEvents() {
  // kernfs raises POLLPRI until the file is read again, from the start.
  char buffer[256];
  if (events_.open()) static_cast<void>(::pread(events_.get(), buffer, sizeof buffer, 0) < 0);
}

void GangCgroup::Kill() {
  for (const std::string& path : paths_) KillCgroup(path);
}

bool GangCgroup::Populated() const {
  for (const std::string& path : paths_)
    if (CgroupPopulated(path)) return true;
  return false;
}

std::vector<ProcessStat> GangCgroup::Processes() const {
  return paths_.empty() ? std::vector<ProcessStat>{} : CgroupProcesses(paths_.front());
}

std::uint64_t GangCgroup::OomKills() const {
  if (oom_file_.empty()) return 0;
  const std::uint64_t now = ValueOf(ReadKernelFile(oom_file_).value_or(""), "oom_kill").value_or(oom_before_);
  return now - oom_before_;
}

bool GangCgroup::Remove() {
  bool removed = true;
  for (const std::string& path : paths_) removed = RemoveCgroup(path) && removed;
  return removed;
}

}  // namespace everstep
