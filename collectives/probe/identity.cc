#include "collectives/probe/identity.h"

#include <algorithm>
#include <vector>

#include "base/text.h"

namespace everstep {
namespace {

using Variables = std::map<std::string, std::string>;

constexpr std::uint64_t kRanksMax = 65535;

// Empty is not set.
std::optional<std::string> TextIn(const Variables& environment, const std::string& name) {
  const auto found = environment.find(name);
  return found == environment.end() || found->second.empty() ? std::nullopt : std::optional(found->second);
}

// A variable as a number; nullopt: not set.
Result<std::optional<std::uint64_t>> NumberIn(const Variables& environment, const std::vector<std::string>& names,
                                              std::uint64_t most) {
  for (const std::string& name : names) {
    const auto found = environment.find(name);
    if (found == environment.end()) continue;
    const auto number = ParseUnsigned(found->second);
    if (!number || *number > most)
      return Fail(ErrorCode::kInvalid, Cat(name, " is \"", found->second, "\""),
                  Cat("a whole number up to ", most, " is legal"));
    return number;
  }
  return std::optional<std::uint64_t>();
}

bool OneHost(const Variables& environment, std::uint64_t ranks) {
  for (const char* name : {"OMPI_COMM_WORLD_LOCAL_SIZE", "MPI_LOCALNRANKS"})  // Open MPI's, MPICH's and Intel's
    if (const auto here = TextIn(environment, name)) return ParseUnsigned(*here) == ranks;
  const auto nodes = TextIn(environment, "SLURM_STEP_NUM_NODES");
  return nodes && *nodes == "1";
}

// Not SLURM_LAUNCH_NODE_IPADDR: srun may have been called on a login node, which has no rank.
std::optional<std::string> FirstSlurmHost(const Variables& environment) {
  for (const char* name : {"SLURM_STEP_NODELIST", "SLURM_JOB_NODELIST"})
    if (const auto list = TextIn(environment, name)) return FirstHostOf(*list);
  return std::nullopt;
}

// Two steps on one host at a time must not meet at one port.
std::uint16_t SlurmPort(const Variables& environment) {
  constexpr std::uint64_t kFirst = 10'000, kPorts = 10'000, kJobsApart = 31;
  const auto number = [&](const char* name) {
    return ParseUnsigned(TextIn(environment, name).value_or("")).value_or(0) % kPorts;
  };
  return static_cast<std::uint16_t>(kFirst + (number("SLURM_JOB_ID") * kJobsApart + number("SLURM_STEP_ID")) % kPorts);
}

Error NoMaster(bool mpirun) {
  if (mpirun)
    return {
        ErrorCode::kNotFound, "MASTER_ADDR is not set, and mpirun does not tell its ranks where rank 0 is",
        "mpirun -x MASTER_ADDR=$(hostname) … where rank 0 is on the host on which you call mpirun, else that host's name or "
        "address; none is needed where everstep-probe-mpi lies beside everstep-probe"};
  return {ErrorCode::kInvalid, "MASTER_ADDR is not set", "the host of rank 0, by name or address"};
}

// REQUIRES: there are several ranks.
Result<std::string> MasterHost(const Variables& environment, std::uint64_t ranks) {
  if (const auto given = TextIn(environment, "MASTER_ADDR")) return *given;
  if (environment.contains("RANK")) return Fail(NoMaster(false));  // whoever has set it has no other variable than these
  const bool mpirun = environment.contains("OMPI_COMM_WORLD_RANK");
  if (OneHost(environment, ranks)) return std::string("127.0.0.1");
  // mpirun inside of Slurm has a map of its own: rank 0 need not be on the first host.
  if (!mpirun && environment.contains("SLURM_PROCID"))
    if (const auto first = FirstSlurmHost(environment)) return *first;
  return Fail(NoMaster(mpirun || environment.contains("PMI_RANK")));
}

}  // namespace

// Slurm's is the switches from the top down and the node, by dots: all but the node is where it is. With its default topology
// there is the node alone.
std::string RackFrom(const Variables& environment) {
  constexpr std::size_t kMost = 64;  // characters
  if (const auto own = environment.find("EVERSTEP_RACK"); own != environment.end())
    return Printable(own->second.substr(0, kMost));
  const auto slurm = environment.find("SLURM_TOPOLOGY_ADDR");
  if (slurm == environment.end()) return "";
  const std::size_t dot = slurm->second.rfind('.');
  return dot == std::string::npos ? "" : Printable(slurm->second.substr(0, std::min(dot, kMost)));
}

std::optional<std::string> FirstHostOf(const std::string& list) {
  std::string host;
  std::size_t at = 0;
  while (at < list.size() && list[at] != ',') {
    if (list[at] != '[') {
      host += list[at++];
      continue;
    }
    // Of "[03-07,9]" the first; several brackets are dimensions: the first of each.
    const std::size_t close = list.find(']', at);
    if (close == std::string::npos) return std::nullopt;
    const std::string first = list.substr(at + 1, std::min(list.find_first_of("-,]", at), close) - at - 1);
    if (!ParseUnsigned(first)) return std::nullopt;
    host += first;
    at = close + 1;
  }
  const bool name = !host.empty() && host.find_first_of(" ]()/\\") == std::string::npos;
  return name ? std::optional(host) : std::nullopt;
}

Result<ProbeIdentity> IdentityFrom(const Variables& environment) {
  EVERSTEP_ASSIGN(const auto rank,
                  NumberIn(environment, {"RANK", "OMPI_COMM_WORLD_RANK", "PMI_RANK", "SLURM_PROCID"}, kRanksMax));
  EVERSTEP_ASSIGN(const auto ranks,
                  NumberIn(environment, {"WORLD_SIZE", "OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_NTASKS"}, kRanksMax));
  EVERSTEP_ASSIGN(const auto port, NumberIn(environment, {"MASTER_PORT"}, 65534));
  if (rank.has_value() != ranks.has_value())
    return Fail(ErrorCode::kInvalid, rank ? "RANK is set and WORLD_SIZE is not" : "WORLD_SIZE is set and RANK is not",
                "set both, or none");
  ProbeIdentity identity;
  identity.rack = RackFrom(environment);
  if (!rank) return identity;
  if (*ranks == 0 || *rank >= *ranks)
    return Fail(ErrorCode::kInvalid, Cat("RANK is ", *rank, " and WORLD_SIZE ", *ranks),
                "ranks count from 0 to WORLD_SIZE - 1");
  identity.rank = static_cast<std::uint32_t>(*rank);
  identity.ranks = static_cast<std::uint32_t>(*ranks);
  if (const auto master = TextIn(environment, "MASTER_ADDR")) identity.master_host = *master;
  if (*ranks > 1) {
    EVERSTEP_ASSIGN(identity.master_host, MasterHost(environment, *ranks));
  }
  const bool srun =
      !environment.contains("RANK") && !environment.contains("OMPI_COMM_WORLD_RANK") && environment.contains("SLURM_PROCID");
  if (srun) identity.master_port = SlurmPort(environment);
  if (port) identity.master_port = static_cast<std::uint16_t>(*port);
  if (TextIn(environment, "TORCHELASTIC_USE_AGENT_STORE") == "True") ++identity.master_port;
  return identity;
}

}  // namespace everstep
