// Starting a program, with what posix_spawn does not have: on which CPUs it runs, and what it gets when its parent has gone.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace everstep::mpi {

struct ProcessPlan {
  std::vector<std::string> argv{};         // argv[0]: a path, or a name to be found in PATH of `environment`
  std::vector<std::string> environment{};  // NAME=value, all of it
  std::optional<int> on_parents_end{};     // the signal that it then gets
  std::string cpus{};                      // as OwnCpus() has them; empty: as here
};

// In a process group of its own, no signal blocked. The error is of finding it or of exec: kNotFound where there is none.
// REQUIRES: this process has one thread.
Result<pid_t> StartProcess(const ProcessPlan& plan);

// The CPUs that this process may run on, as the kernel's mask; empty: it does not say.
std::string OwnCpus();

// The value of NAME in NAME=value lines; nullopt: it is not there.
std::optional<std::string> ValueIn(const std::vector<std::string>& environment, std::string_view name);

// What an MPI program is given: what any rank of the job has, and what mpirun has set for this one. `starter`: of a process
// that mpirun has started.
std::vector<std::string> ForMpi(const std::vector<std::string>& rank, const std::vector<std::string>& starter);

}  // namespace everstep::mpi
