// What `dcgmi diag -j` says, as readings of gpu.dcgm_diag: one for each GPU that was tested, and one for tests of the host.
//
// Both shapes: "DCGM GPU Diagnostic" of versions 2 and 3 with gpu_ids, "DCGM Diagnostic" of version 4 with entities.
#pragma once

#include <string>

#include "base/result.h"
#include "health/probe/sink.h"

namespace everstep::health {

struct DcgmAsked {
  std::string what{};  // dcgmi, or a file with its output
  unsigned level = 1;  // 1 to 4, as dcgmi counts them
  Duration patience{};
};
// Of that level: several times what DCGM's documents say that it takes.
Duration DcgmPatience(unsigned level);

// Blocks for `patience` at most.
void ProbeDcgm(const DcgmAsked& asked, Sink& sink);

// kInvalid: it is not that JSON, kUnavailable: DCGM says why it could not test, or nothing was tested; then nothing was told.
Status TellDcgmDiag(std::string_view text, Sink& sink);

}  // namespace everstep::health
