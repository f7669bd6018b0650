// torchrun as the command of a job: it starts ranks of its own, one torchrun on each host.
#pragma once

#include <string>
#include <vector>

namespace everstep {

// torchrun, or python3 -m torch.distributed.run (or .launch): by name, wherever it is installed.
bool IsTorchrun(const std::vector<std::string>& command);

}  // namespace everstep
