// The back end over MPI, whichever it is: host memory, MPI's own blocking collectives, as programs use them. Nothing in here is
// of one implementation only.
//
// A blocking call of MPI cannot be ended from within: a second thread watches, and when nothing has moved for the company's
// timeout it says so and ends the process; the launcher of MPI then ends the others. Tests of pairs do not block and need it
// not.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/seam/clock.h"
#include "collectives/backend/backend.h"

namespace everstep {

// Who this process is among those that were started together, and where rank 0 is to be met: its host's name, a port that was
// free.
struct MpiPlace {
  std::uint32_t rank = 0;
  std::uint32_t ranks = 1;
  std::string host{};  // of rank 0
  std::uint16_t port = 0;
};

// Starts MPI. To be called first and once; `host` and `port` are this process's own: of `host` at most kHostMost bytes are
// told. Outside a launcher of MPI: one rank alone.
inline constexpr std::size_t kHostMost = 1000;
Result<MpiPlace> StartMpi(const std::string& host, std::uint16_t port);

// For who needed it to find the others, and no more. REQUIRES: StartMpi has succeeded, OpenMpi is not called.
void EndMpi();

// For runs of these types. REQUIRES: StartMpi has succeeded. Ends MPI when it is destroyed, unless a call has failed.
Result<std::unique_ptr<Backend>> OpenMpi(const Company& company, const std::vector<DataType>& types, Clock& clock);

}  // namespace everstep
