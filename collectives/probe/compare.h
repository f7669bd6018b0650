// The same collective through others, on the same hosts: gloo (torch.distributed), MPI, NCCL. Each is a program of its own that
// every rank starts once its own run is over, so that one that cannot run here takes nothing with it: its column has a reason
// instead of figures.
//
// All ranks call it alike. While the programs run, the ranks go on telling each other twice a second how they do; who fails
// ends those of the others.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/seam/clock.h"
#include "collectives/probe/compare_text.h"
#include "collectives/probe/group.h"
#include "collectives/probe/options.h"
#include "collectives/probe/table.h"

namespace everstep {

// Where the programs are and what they are told.
struct PeerSurroundings {
  std::string folder{};  // of everstep-probe, and the other programs
  std::string master{};  // host of rank 0
  std::map<std::string, std::string> environment{};
};

// A column for each of options.compare, the same on all ranks but for the figures, which rank 0 alone has. `own_seconds`: what
// the own run took. An error is the company's, never a peer's.
Result<std::vector<PeerColumn>> RunPeers(const ProbeGroup& group, const ProbeOptions& options, const PeerSurroundings& around,
                                         const ProbeTable& own, double own_seconds, Clock& clock);

}  // namespace everstep
