// The facts by which a registered checkpoint is known again: size, inode, modification time, and a digest of both ends of each
// file, where formats keep their headers and directories.
//
// Cost: reads at most 128 KiB a file.
#pragma once

#include <string>
#include <vector>

#include "agent/checkpoint/survey.h"
#include "base/messages.h"
#include "base/result.h"

namespace everstep {

// Of the file `name` in `root` (the file `root` itself when `name` is empty). The digest is XXH3-128, in hex, of the first
// 64 KiB and, of what follows them, the last 64 KiB.
Result<CheckpointFile> FactsOf(const std::string& root, const std::string& name);

// Of all files of a survey, in its order.
Result<std::vector<CheckpointFile>> FactsOf(const std::string& root, const Survey& survey);

}  // namespace everstep
