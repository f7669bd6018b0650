// Who a process of everstep-probe is: its rank, how many there are and where rank 0 is, from the environment that torchrun,
// mpirun or srun give it.
//
// Pure. Errors name the variable, what was found and what is legal.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/result.h"

namespace everstep {

struct ProbeIdentity {
  std::uint32_t rank = 0;
  std::uint32_t ranks = 1;
  std::string master_host = "127.0.0.1";
  std::uint16_t master_port = 29500;
  std::string rack{};  // see RackFrom
};

// RANK and WORLD_SIZE, or what mpirun and srun set instead; none of them: one rank alone.
//
// Where rank 0 is: MASTER_ADDR and MASTER_PORT, always, where they are set. Else this host if all ranks are on it; under srun
// the first host of the step, and a port from 10000 to 19999 by job and step. mpirun's other ranks cannot know it from here: an
// error of kNotFound, and of nothing else; MPI itself can tell them (collectives/backends.h).
// Under torchrun MASTER_PORT is its own agent's (TORCHELASTIC_USE_AGENT_STORE): then the next one is taken.
Result<ProbeIdentity> IdentityFrom(const std::map<std::string, std::string>& environment);

// EVERSTEP_RACK, or of Slurm's topology; empty: not known.
std::string RackFrom(const std::map<std::string, std::string>& environment);

// The first host of Slurm's list, as "n[03-07,9],login": "n03". nullopt: it is none.
std::optional<std::string> FirstHostOf(const std::string& list);

}  // namespace everstep
