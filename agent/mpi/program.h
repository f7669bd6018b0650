// everstep-mpi: starts an MPI program on the hosts of a gang, without ssh. One process a host, started by the keepers as any
// rank is; node rank 0 is the hub and runs mpirun, whose remote shell is this program again: what mpirun wants to run on a host
// is handed to the process there.
//
//   everstep-mpi --slots N -- PROGRAM [ARGUMENT…]       the rank of a gang: GROUP_RANK, GROUP_WORLD_SIZE, MASTER_ADDR,
//   MASTER_PORT everstep-mpi --rsh SOCKET HOST COMMAND…             mpirun's remote shell
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
  std::string master{};
  std::uint16_t port = 0;
  char** environment = nullptr;  // of what is started
};

// Each returns the exit code: the hub mpirun's, or 128 and the signal that ended it.
int RunHub(const Place& place, std::uint32_t slots, const std::vector<std::string>& program);
int RunNode(const Place& place);
int RunRemoteShell(const std::string& socket, const std::string& host, const std::string& command);

// Says why on stderr, behind the program's name; returns `code`.
int Told(const std::string& why, int code);

}  // namespace everstep::mpi
