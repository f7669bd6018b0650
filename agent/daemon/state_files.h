// An agent's memory on disk, as JSON in its state directory: memory.json (what it obeyed, what may live here) and cluster.json
// (what the launcher last told). What authority rests on changes in memory only after it did on disk.
//
// Thread: the loop thread. Each Remember costs two fsyncs.
#pragma once

#include <string>

#include "agent/core/memory.h"
#include "base/result.h"
#include "base/seam/files.h"

namespace everstep {

class StateFiles {
 public:
  StateFiles(Files& files, std::string directory) : files_(files), directory_(std::move(directory)) {}

  // What an earlier agent remembered; nothing, when there was none. kCorrupt: the text is not ours; guessing would break the
  // promise that what is over stays over.
  Status Load();
  const AgentMemory& memory() const { return memory_; }
  const ClusterMemory& cluster() const { return cluster_; }

  // Durable on return, or unchanged.
  Status Remember(AgentMemory memory);
  Status Remember(ClusterMemory cluster);
  // Goes to disk with the next Remember: not worth an fsync of its own.
  void Heard(LogIndex index);
  void Dropped(const GangKey& gang);

 private:
  Files& files_;
  std::string directory_;
  AgentMemory memory_{};
  ClusterMemory cluster_{};
};

}  // namespace everstep
