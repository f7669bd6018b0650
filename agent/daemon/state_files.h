// An agent's memory on disk, as JSON in its state directory: memory.json (what it obeyed, what may live here) and cluster.json
// (what the launcher last told). It is remembered here at once, which can only refuse more, and on disk when StateWritten says
// so: nothing that rests on it is done before.
//
// Thread: the loop thread. Remember hands the bytes over and does not wait; two fsyncs follow elsewhere.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "agent/core/memory.h"
#include "agent/daemon/state_writer.h"
#include "base/result.h"
#include "base/seam/files.h"

namespace everstep {

class StateFiles {
 public:
  StateFiles(Files& files, StateWriter& writer, std::string directory)
      : files_(files), writer_(writer), directory_(std::move(directory)) {}

  // What an earlier agent remembered; nothing, when there was none. kCorrupt: the text is not ours; guessing would break the
  // promise that what is over stays over.
  Status Load();
  const AgentMemory& memory() const { return memory_; }
  const ClusterMemory& cluster() const { return cluster_; }

  // Waits for the disk: for an agent that does not beat yet. Durable on return, or unchanged.
  Status RememberNow(AgentMemory memory);
  // The number of the write: durable once StateWritten tells of this one or a later one.
  std::uint64_t Remember(AgentMemory memory);
  // Nobody waits for it.
  void Remember(ClusterMemory cluster);
  bool IsMemory(const StateWritten& written) const { return written.path == MemoryPath(); }
  // Goes to disk with the next Remember: not worth an fsync of its own.
  void Heard(LogIndex index);
  void Forgotten(const GangKey& gang);  // by the launcher's command
  void Dropped(const GangKey& gang);

 private:
  std::string MemoryPath() const { return directory_ + "/memory.json"; }
  std::string ClusterPath() const { return directory_ + "/cluster.json"; }

  Files& files_;
  StateWriter& writer_;
  std::string directory_;
  AgentMemory memory_{};
  ClusterMemory cluster_{};
  std::uint64_t writes_ = 0;
};

}  // namespace everstep
