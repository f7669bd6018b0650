// What the host's monitor has told last of all its checks, for whoever asks. Kept as the line that it was, and read only when
// somebody asks.
//
// Any thread; nothing here waits.
#pragma once

#include <mutex>
#include <string>

#include "base/host_checks.h"

namespace everstep {

class ToldChecks {
 public:
  explicit ToldChecks(NodeId node) : node_(std::move(node)) {}

  // Behind kChecksWord.
  void Told(std::string line, Time now);
  // There is nobody any more who could tell, or not yet.
  void Silent(std::string why);

  // With ages as of `now`.
  HostChecks Now(Time now) const;

 private:
  const NodeId node_;
  mutable std::mutex mutex_;
  std::string line_{};
  Time at_{};
  std::string why_ = "no monitor runs beside its agent (agent.yaml: monitor; `everstep up --monitor`)";
};

}  // namespace everstep
