// The slow half of the Files seam: work on file systems that may be large, remote or hung (workdir, program, checkpoint
// directory). It runs on threads of the rim's own, so that no hung mount delays a beat; what it finds comes to the loop thread
// as inputs.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/messages.h"
#include "base/seam/processes.h"

namespace everstep {

// What a host knows once it has looked at a gang's needs: enough to start the ranks.
struct Readied {
  std::string program{};                     // absolute path of argv[0], searched in the job's own PATH
  std::map<std::string, std::string> env{};  // spec.env with the values of env_from under it; memory only
  std::optional<RankMounts> mounts{};        // of isolate: mount
  std::string checkpoint_dir_id{};           // see GangStatus
};
struct NotReadied {
  Refusal refusal = Refusal::host;
  std::string why{};  // "workdir /srv/run1: no such directory"
};

// The answer to SlowFiles::Ready.
struct GangChecked {
  GangKey gang{};
  std::optional<Readied> readied{};  // exactly one of the two is set
  std::optional<NotReadied> not_readied{};
};
// A checkpoint was found, finished, or found wanting: once for each change of mind about one source.
struct CheckpointFound {
  CheckpointSeen seen{};
};

// The answer to SlowFiles::Tear.
struct CheckpointTorn {
  GangKey gang{};
  std::uint32_t rank = 0;  // as asked
  std::string why_not{};   // empty: it is there
};

class SlowFiles {
 public:
  virtual ~SlowFiles() = default;
  // Checks workdir, argv[0], env_from, limits, MASTER_PORT (only where node_rank is 0) and the checkpoint to resume from (byte
  // for byte as registered); where spec.watches_checkpoints moves incomplete checkpoints aside into DIR/.everstep/aside/.
  // GangChecked follows.
  virtual void Ready(const GangSpec& spec) = 0;
  // From now on CheckpointFound tells of every new checkpoint in the directory, pinned under DIR/.everstep/ when complete.
  virtual void Watch(const GangKey& gang, const CheckpointSpec& checkpoint) = 0;
  // The launcher has registered what CheckpointFound told under `path`. Only this lets older pins go: a watch that is cut off
  // from the launcher removes nothing that somebody may be about to resume from.
  virtual void Registered(const std::string& path) = 0;
  // For a drill: half a checkpoint appears, newer than those registered. CheckpointTorn follows.
  virtual void Tear(const GangKey& gang, std::uint32_t rank) = 0;
  // A last look (a save may have ended just before the ranks did), then no more.
  virtual void Unwatch(const GangKey& gang) = 0;
};

}  // namespace everstep
