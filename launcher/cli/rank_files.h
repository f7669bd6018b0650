// What ranks write, as files on the side of the person who follows the job: `everstep run --log-dir DIR`.
//
//   DIR/train-1/attempt_0/3/stdout.log      of rank 3 in generation 1: torchrun's layout, but with ranks of the whole job
#pragma once

#include <set>
#include <string>

#include "base/ids.h"
#include "base/result.h"
#include "launcher/rpc/logs.h"

namespace everstep {

class RankFiles {
 public:
  RankFiles(std::string directory, JobId job) : directory_(std::move(directory)), job_(std::move(job)) {}

  // Appends the bytes; each file is opened and closed again, so that any number of ranks needs one descriptor.
  Status Append(const LogChunk& chunk);

 private:
  std::string directory_;
  JobId job_;
  std::set<std::string> made_{};  // directories
};

}  // namespace everstep
