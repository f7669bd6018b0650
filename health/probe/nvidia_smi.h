// What `nvidia-smi -q -x` prints, as readings of the checks that NVML answers: for hosts whose NVML cannot be loaded.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "health/probe/gpu_processes.h"
#include "health/probe/sink.h"

namespace everstep::health {

// `on_bus`: GPUs on the PCI bus; `processes`: knows the system's own. What its XML does not tell, or tells as N/A, does not
// apply. kInvalid: it is not that XML; then nothing was told.
Status TellNvidiaSmi(std::string_view xml, std::size_t on_bus, GpuProcesses processes, Sink& sink);

// What the driver asks for, in its own words with dashes ("drain-and-reset"): the reading is the action that stands for them.
void TellRecovery(const std::string& scope, const std::string& asked, std::string evidence, Sink& sink);

}  // namespace everstep::health
