// The process behind `everstep up`: starts the launcher and the agents of a local cluster, starts again what dies, and on
// SIGTERM ends them all and everything they have started. It is the subreaper of all its descendants: keepers and ranks
// whose parents are gone become its children, so that "nothing is left" is something that it sees, not hopes.
//
// One thread; no gRPC in this process.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/real/clock.h"
#include "base/real/fd.h"
#include "base/result.h"
#include "launcher/cli/local_cluster.h"

namespace everstep {

struct SupervisorOptions {
  std::string directory{};  // exists; holds launcher.yaml
  std::string programs{};   // where everstep-launcher and everstep-agent are
  bool monitor = false;     // each agent watches the health of this machine
  std::uint32_t nodes = 0;
  std::uint32_t port = 0;  // of the launcher; 0: any free one
  std::map<std::string, std::string> environment{};
};

class Supervisor {
 public:
  // `ready` gets one line, "serving HOST:PORT" or "failed REASON", and is closed when this process ends.
  Supervisor(SupervisorOptions options, Fd ready) : options_(std::move(options)), ready_(std::move(ready)) {}

  // Returns when it was told to end and nothing is left, or when the cluster could not be started.
  Status Run();

 private:
  struct Daemon {
    std::string name{};
    std::vector<std::string> argv{};
    std::string log{};
    pid_t pid = 0;  // 0: does not run
    Time started{};
    Time again{};              // not to be started before this
    std::uint32_t deaths = 0;  // in quick succession
  };

  Status Start();
  Status StartLauncher();
  void AddAgents(const std::string& address);
  Status Launch(Daemon& daemon);
  Status Record();
  void Loop();
  void Reap();
  void Died(Daemon& daemon, int status);
  void StartDead();
  void EndAll();
  bool NothingLeft();
  void Tell(std::string line);
  void Log(const std::string& line);
  // Waits for a signal, at most until `until`. SIGCHLD is worked off here; true: asked to end.
  bool WaitForSignal(Time until);

  SupervisorOptions options_;
  Fd ready_;
  Fd signals_{};
  RealClock clock_{};
  std::vector<Daemon> daemons_{};
  bool ending_ = false;
};

}  // namespace everstep
