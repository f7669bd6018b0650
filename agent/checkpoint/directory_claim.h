// Does a checkpoint directory say of itself that all of it has been written? Known are markers, torch.distributed.checkpoint
// and the Hugging Face Trainer. Whether each file in it is whole is not asked here (recognise.h).
#pragma once

#include <string>

#include "agent/checkpoint/recognised.h"
#include "agent/checkpoint/survey.h"
#include "base/result.h"

namespace everstep {

// A file in the directory that tools write last, and only then: COMMITTED, COMPLETE, DONE, _SUCCESS, .done, .complete,
// commit_success.txt.
bool HasCompletionMarker(const Survey& survey);

// REQUIRES: survey.directory. Errors: a manifest could not be read.
Result<Recognised> DirectoryClaim(const std::string& path, const Survey& survey);

}  // namespace everstep
