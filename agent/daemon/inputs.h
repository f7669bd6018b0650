// All that can happen to an agent, as values. Streams, keepers and file workers only make these and post them; the one loop
// thread handles them in order (loop.h).
#pragma once

#include <variant>

#include "agent/daemon/state_writer.h"
#include "base/host_health.h"
#include "base/seam/links.h"
#include "base/seam/processes.h"
#include "base/seam/slow_files.h"

namespace everstep {

// The host's monitor has something new to say (agent/monitor/monitor_process.h).
struct HealthSaid {
  HostHealth health{};
};

using AgentInput = std::variant<LinkOpened, LinkMessage, LinkClosed, PingReceived, PingAnswer, KeeperEvent, GangChecked,
                                CheckpointFound, CheckpointTorn, DrillFailed, StateWritten, HealthSaid>;

}  // namespace everstep
