// The host's monitor as a process of its own beside the agent (everstep-agent monitor --feed): whatever hangs or spins in there
// delays no beat. Started again when it ends, later and later; what it says comes as HostHealth, what is wrong with itself as a
// HostHealth that is not watched, with the reason; what it says of all its checks goes into a ToldChecks.
//
// Threads: one of this class starts it, reads it and posts; `post` must not block.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "agent/monitor/told_checks.h"
#include "base/host_health.h"
#include "base/real/fd.h"
#include "base/result.h"

namespace everstep {

class MonitorProcess {
 public:
  using Post = std::function<void(HostHealth)>;
  // `argv[0]`: the program. `environment`: its own, NAME=value. `told`: outlives this.
  MonitorProcess(std::vector<std::string> argv, std::vector<std::string> environment, ToldChecks& told, Post post);
  ~MonitorProcess();  // ends it
  // What the agent alone can read, a Reading as a line of JSON. Any thread; lost where the monitor does not read, or does not
  // run.
  void Tell(const std::string& reading);
  MonitorProcess(const MonitorProcess&) = delete;
  MonitorProcess& operator=(const MonitorProcess&) = delete;

 private:
  void Run();
  // Until it has ended, or this has to; why it ended.
  std::string RunOnce();
  // What is wrong with it; empty: nothing.
  std::string Take(std::string_view line);
  bool Wait(Duration pause) const;  // false: the end has come

  const std::vector<std::string> argv_;
  const std::vector<std::string> environment_;
  ToldChecks& told_;
  const Post post_;
  Fd ending_;         // readable: end
  std::mutex mutex_;  // of input_
  Fd input_{};        // its stdin
  std::thread thread_;
};

// A line of the monitor's; an error: it is none. Limits hold.
Result<HostHealth> HealthFrom(std::string_view line);

}  // namespace everstep
