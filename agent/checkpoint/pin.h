// Pins a checkpoint: gives it a second name under DIR/.everstep/pins/ that the script does not know, so that it survives the
// script's deleting, renaming and rotating, and a zombie writer.
//
//   pins/3-step-40.pt/step-40.pt      the pinned checkpoint, under its own name (trainers read the step from it)
//   pins/3-step-40.pt/.everstep-pin   the record (pin_record.h)
//   pins/3-iter_0000100/latest_checkpointed_iteration.txt, pins/3-global_step8/latest: what Megatron and DeepSpeed look for
//   pins/3-last.pt.7/last.pt          a name without a step will be pinned again: its pins are numbered
//
// Each file is cloned where the file system can (XFS, Btrfs: instant, shares blocks, own inode), else hard-linked, else copied.
// A link shares its bytes with the source: whoever writes to that inode destroys it. So the watch allows links only for what
// was seen to come by rename, or where there is no room for a copy (watch.h); damage is noticed (StateOf) and refused at resume
// (verify_resume.h).
//
// A pin is built under a hidden name and renamed when it is whole, verified and on disk: what stands under pins/ is complete.
// Verified: the source is as it was surveyed before it was verified; linked files have the very inode, size and time; copies
// are recognised again by their own bytes.
//
// Thread: any, one a gang. Cost: a link and an fsync a file; copies read and write all bytes, and read them once more.
#pragma once

#include <optional>
#include <stop_token>
#include <string>

#include "agent/checkpoint/pin_record.h"
#include "agent/checkpoint/survey.h"
#include "base/ids.h"
#include "base/job_spec.h"
#include "base/result.h"

namespace everstep {

struct PinRequest {
  GangKey gang{};
  std::string source{};    // its name …
  std::string from{};      // … in this directory; empty: the checkpoint directory
  Survey was{};            // the source before it was verified
  std::string why{};       // how it was verified
  bool own_bytes = false;  // never link
};

// kConflict: the source changed meanwhile; the next look will tell. Nothing is left behind after an error.
Result<Pin> MakePin(const CheckpointSpec& checkpoint, const PinRequest& request, std::stop_token stop);

//   intact   every pinned file is there with size, inode and modification time as recorded
//   changed  written to: a linked one by way of its source
//   gone     deleted
// nullopt: cannot be seen at the moment.
enum class PinState { intact, changed, gone };
std::optional<PinState> StateOf(const Pin& pin);

// Deletes the pin: the files of its record, then the directories, never anything else in them.
void RemovePin(const Pin& pin);

// Deletes what an earlier life of this job's agents left half built, and the rest of what it left half deleted. Only while no
// other watch of the job is at work.
void RemoveHalfDone(const std::string& dir, const JobId& job);

}  // namespace everstep
