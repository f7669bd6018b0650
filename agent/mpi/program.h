// everstep-mpi: starts an MPI program on the hosts of a gang, without ssh. Every process of the gang is the home of one MPI
// rank (home.h). The first of each host does more: the job's first is the hub and runs mpirun, whose remote shell is this
// program again: what mpirun wants to run on a host is handed to the first process there.
//
//   everstep-mpi -- PROGRAM [ARGUMENT…]       a process of a gang: GROUP_RANK, GROUP_WORLD_SIZE, LOCAL_RANK, LOCAL_WORLD_SIZE,
//                                             MASTER_ADDR, MASTER_PORT
//   everstep-mpi --rank GANG                  what mpirun starts for each rank (stand_in.cc)
//   everstep-mpi --rsh GANG HOST COMMAND…     mpirun's remote shell
//
// mpirun numbers the ranks by slot, in the order of the hosts it is told: so do gangs, and MPI's rank is the gang's.
//
// The hub listens on MASTER_PORT for as many as there are hosts, without authentication, as torch's store does: for networks
// where everybody is trusted. One thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace everstep::mpi {

struct Place {
  std::uint32_t node = 0;
  std::uint32_t nodes = 1;
  std::uint32_t local = 0;
  std::uint32_t locals = 1;  // on each host
  std::string master{};
  std::uint16_t port = 0;
  std::string gang{};                      // no other one on any of these hosts is called so
  std::vector<std::string> environment{};  // NAME=value

  std::uint32_t rank() const { return node * locals + local; }
};

// Each returns the exit code, or ends this process by the signal that has ended the rank.
int RunHub(const Place& place, const std::vector<std::string>& program);
int RunNode(const Place& place, const std::vector<std::string>& program);
int RunLocal(const Place& place, const std::vector<std::string>& program);
int RunStandIn(const std::string& gang, const std::vector<std::string>& environment);
int RunRemoteShell(const std::string& gang, const std::string& host, const std::string& command);

// Says why on stderr, behind the program's name; returns `code`.
int Told(const std::string& why, int code);

}  // namespace everstep::mpi
