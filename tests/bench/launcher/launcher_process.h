// A launcher as a process of its own, on SQLite in a directory of its own; both are gone at the end, however that comes.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/text.h"
#include "tests/bench/launcher/waits.h"

namespace everstep {

class LauncherProcess {
 public:
  // `before`: is given the directory of its log, and may write one there.
  explicit LauncherProcess(std::string program, const std::string& place = "/tmp",
                           const std::function<void(const std::string& state)>& before = {})
      : program_(std::move(program)) {
    std::string name = place + "/everstep-agents-XXXXXX";
    Check(mkdtemp(name.data()) != nullptr, "a directory can be made there");
    directory_ = name;
    if (before) before(directory_ / "state");
    Start("127.0.0.1:0");
  }
  ~LauncherProcess() {
    Kill();
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }

  void Kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }
  // Until it serves.
  double Restart() {
    std::filesystem::remove(directory_ / "address");
    return Start(address_);
  }
  const std::string& address() const { return address_; }

  double CpuSeconds() const {
    std::ifstream stat(Cat("/proc/", pid_, "/stat"));
    std::string text;
    std::getline(stat, text);
    std::istringstream fields(text.substr(std::min(text.size(), text.rfind(')') + 2)));
    std::string skipped;
    for (int i = 3; i < 14; ++i) fields >> skipped;
    double user = 0;
    double system = 0;
    fields >> user >> system;
    return (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
  }
  // VmRSS or VmHWM.
  double Megabytes(const std::string& key) const {
    std::ifstream status(Cat("/proc/", pid_, "/status"));
    for (std::string line; std::getline(status, line);)
      if (line.starts_with(key + ":")) return std::strtod(line.c_str() + key.size() + 1, nullptr) / 1024;
    return 0;
  }

 private:
  double Start(const std::string& listen) {
    const std::string state = directory_ / "state";
    const std::string address_file = directory_ / "address";
    const std::string log = directory_ / "launcher.log";
    const std::vector<std::string> words = {program_, "--listen", listen, "--state", state, "--address-file", address_file};
    std::vector<char*> argv;
    for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    char path[] = "PATH=/usr/bin:/bin";
    char* environment[] = {path, nullptr};
    pid_ = ::fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      ::setpgid(0, 0);  // Ctrl-C is for this program, which ends it
      sigset_t none;
      sigemptyset(&none);
      ::sigprocmask(SIG_SETMASK, &none, nullptr);
      const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
      ::dup2(out, 1);
      ::dup2(out, 2);
      ::execve(program_.c_str(), argv.data(), environment);
      ::_exit(127);
    }
    const double took = Await("the launcher serves", [&] {
      std::ifstream(address_file) >> address_;
      return std::filesystem::exists(address_file) && !address_.empty();
    });
    return took;
  }

  const std::string program_;
  std::filesystem::path directory_;
  std::string address_{};
  pid_t pid_ = 0;
};

}  // namespace everstep
