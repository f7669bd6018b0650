// isolate: mount: shows registered checkpoints in DIR itself, where none of the ranks can write: DIR/step-40.pt is a hard link
// to the pinned file, a checkpoint that is a directory one of links. It goes when its pin goes.
//
// A name that is taken keeps what it has, unless Everstep made it (it is a link to a pin): then the newer one takes its place.
// Else the pin's number follows: DIR/last.pt.7. Nothing is deleted that is no link to a pin.
//
// Thread: one a job. Cost: a link a file, and the records of all pins read.
#pragma once

#include <string>

#include "agent/checkpoint/pin_record.h"
#include "base/result.h"

namespace everstep {

// Good too when it is shown already.
Status PublishPin(const std::string& dir, const Pin& pin);

// Before the pin goes.
void UnpublishPin(const std::string& dir, const Pin& pin);

}  // namespace everstep
