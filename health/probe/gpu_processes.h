// Who computes on the GPUs: what a job has started, which is gpu.processes, and daemons of the system, which are gpu.daemons
// and nobody's leftovers: the server of CUDA's multi-process service, DCGM's engine.
//
// A daemon is told by its program's name (`programs` of gpu.daemons in checks.yaml): as whoever lists the process tells it,
// else by the kernel's link to the program, where this user may follow that, else by the 15 bytes that the process calls
// itself.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "health/probe/root.h"
#include "health/probe/sink.h"

namespace everstep::health {

struct GpuProcess {
  std::uint64_t pid = 0;  // 0: not known
  std::string path{};     // of its program, where whoever lists it tells that; may be empty
};

class GpuProcesses {
 public:
  GpuProcesses(Root root, std::vector<std::string> daemons) : root_(std::move(root)), daemons_(std::move(daemons)) {}

  // Of one GPU. `told_by`: for the evidence.
  void Tell(const std::string& scope, const std::vector<GpuProcess>& processes, std::string_view told_by, Sink& sink);
  // Of all that were told, at the end.
  void TellDaemons(Sink& sink) const;

 private:
  std::string NameOf(const GpuProcess& process) const;
  bool IsDaemon(const std::string& name) const;

  Root root_;
  std::vector<std::string> daemons_;
  std::map<std::uint64_t, std::string> running_{};  // daemons, by process id
  bool told_ = false;
};

}  // namespace everstep::health
