// From the flags of `everstep run` to a job: torchrun's habits on the outside, a JobSpec inside.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/job_spec.h"
#include "base/result.h"

namespace everstep {

struct RunFlags {
  std::uint32_t nodes = 1;
  std::string processes = "auto";  // auto | gpu | cpu | a number
  std::optional<std::uint32_t> restarts_max{};
  std::vector<std::string> warm{};
  std::uint32_t spares = 0;
  std::uint32_t priority = 50;
  std::string name{};     // empty: from the script
  std::string workdir{};  // empty: where the user stands
  std::string checkpoint_dir{};
  std::vector<std::string> resume_args{};
  std::vector<std::string> env{};       // "NAME=value", or "NAME": as it is here
  std::vector<std::string> env_from{};  // files, read on the hosts
  std::string stop_grace{};             // empty: the default
  std::string time_limit{};             // empty: none
  std::string hosts{};                  // a list such as n[1-3]; empty: any
  std::string preflight = "auto";       // auto (as the launcher's file says) | off | quick | full
  bool mpi = false;                     // the command is an MPI program: mpirun starts it, `processes` on each host
  bool module = false;                  // command[0] is a Python module
  bool no_python = false;               // a script is run as it is
  std::vector<std::string> command{};   // a lone script.py is run by python3
};

// Where and as whom the user runs the command.
struct Surroundings {
  std::map<std::string, std::string> environment{};
  std::string directory{};  // absolute
  std::uint32_t cpus = 1;   // of this machine
};

// Checked like any job (ValidateJob); errors name the flag.
Result<JobSpec> SpecOf(const RunFlags& flags, const Surroundings& here);

// The variables that go along without being asked for: the user's PATH and Python, not those of an agent.
std::map<std::string, std::string> Forwarded(const std::map<std::string, std::string>& environment);

}  // namespace everstep
