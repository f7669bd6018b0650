#include "agent/mpi/process.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>

#include "base/real/fd.h"
#include "base/text.h"

namespace everstep::mpi {

namespace {

constexpr std::size_t kCpuBytesMax = 64u << 10;  // of a mask: half a million CPUs

bool IsFile(const std::string& path) {
  struct stat found {};
  return ::stat(path.c_str(), &found) == 0 && S_ISREG(found.st_mode);
}

// The file to exec. Where none in PATH can be executed, the first of the name is tried: its error says why.
Result<std::string> Found(const ProcessPlan& plan) {
  const std::string& name = plan.argv.front();
  if (name.find('/') != std::string::npos) return name;
  const std::string path = ValueIn(plan.environment, "PATH").value_or("/usr/local/bin:/usr/bin:/bin");
  std::string first;
  for (const std::string& folder : Split(path, ':')) {
    const std::string file = Cat(folder.empty() ? "." : folder, '/', name);
    if (name.empty() || !IsFile(file)) continue;
    if (::access(file.c_str(), X_OK) == 0) return file;
    if (first.empty()) first = file;
  }
  if (!first.empty()) return first;
  return Fail(ErrorCode::kNotFound, Cat("cannot run ", Printable(name), ": it is not in PATH=", Clip(Printable(path), 600)));
}

std::vector<char*> Pointers(const std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (const std::string& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

struct Child {
  pid_t parent = 0;
  const char* file = nullptr;
  char* const* argv = nullptr;
  char* const* environment = nullptr;
  const ProcessPlan* plan = nullptr;
  int report = -1;
};

[[noreturn]] void Become(const Child& child) {
  ::setpgid(0, 0);
  if (child.plan->on_parents_end) {
    ::prctl(PR_SET_PDEATHSIG, *child.plan->on_parents_end);
    if (::getppid() != child.parent) ::_exit(127);  // it went before the line above
  }
  // CPUs may have been taken away meanwhile; it then runs on what is left.
  if (!child.plan->cpus.empty())
    ::sched_setaffinity(0, child.plan->cpus.size(), reinterpret_cast<const cpu_set_t*>(child.plan->cpus.data()));
  sigset_t none{};
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execve(child.file, child.argv, child.environment);
  const int error = errno;
  static_cast<void>(::write(child.report, &error, sizeof error) < 0);
  ::_exit(127);
}

// What MPIs tell their processes by.
bool IsOfMpi(std::string_view variable) {
  constexpr std::array<std::string_view, 5> kFamilies{"OMPI_", "PMIX_", "PMI_", "ORTE_", "PRTE_"};
  return std::any_of(kFamilies.begin(), kFamilies.end(), [&](std::string_view family) { return variable.starts_with(family); });
}

}  // namespace

Result<pid_t> StartProcess(const ProcessPlan& plan) {
  EVERSTEP_ASSIGN(const std::string file, Found(plan));
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return FailErrno(errno, "make", "a pipe");
  const Fd reads(ends[0]);
  Fd writes(ends[1]);
  const std::vector<char*> argv = Pointers(plan.argv), environment = Pointers(plan.environment);
  const Child child{.parent = ::getpid(),
                    .file = file.c_str(),
                    .argv = argv.data(),
                    .environment = environment.data(),
                    .plan = &plan,
                    .report = writes.get()};
  const pid_t pid = ::fork();
  if (pid < 0) return FailErrno(errno, "fork for", Printable(plan.argv.front()));
  if (pid == 0) Become(child);
  writes.Reset();
  int error = 0;
  ssize_t got = 0;
  while ((got = ::read(reads.get(), &error, sizeof error)) < 0 && errno == EINTR) continue;
  if (got != sizeof error) return pid;
  ::waitpid(pid, nullptr, 0);
  return FailErrno(error, "run", Printable(plan.argv.front()));
}

std::string OwnCpus() {
  for (std::size_t bytes = 128; bytes <= kCpuBytesMax; bytes *= 2) {
    std::string mask(bytes, '\0');
    if (::sched_getaffinity(0, bytes, reinterpret_cast<cpu_set_t*>(mask.data())) == 0) return mask;
  }
  return {};
}

std::optional<std::string> ValueIn(const std::vector<std::string>& environment, std::string_view name) {
  for (const std::string& variable : environment)
    if (variable.size() > name.size() && variable.starts_with(name) && variable[name.size()] == '=')
      return variable.substr(name.size() + 1);
  return std::nullopt;
}

std::vector<std::string> ForMpi(const std::vector<std::string>& rank, const std::vector<std::string>& starter) {
  const auto name = [](const std::string& variable) { return variable.substr(0, variable.find('=')); };
  std::map<std::string, std::string> all;
  for (const std::string& variable : rank) all[name(variable)] = variable;
  for (const std::string& variable : starter)
    if (IsOfMpi(variable) || !all.contains(name(variable))) all[name(variable)] = variable;
  std::vector<std::string> merged;
  for (auto& [_, variable] : all) merged.push_back(std::move(variable));
  return merged;
}

}  // namespace everstep::mpi
