// Recognises checkpoints: given a path and the job's `complete_when`, is it whole, and how do we know? Contents are only
// measured, never interpreted: no pickle is ever loaded.
//
//   automatic  a file: torch.save (zip, every CRC) or safetensors (offsets against the size); an old-style pickle has no end
//              that could be checked: unverifiable.
//              a directory: complete with
//                a marker that is written last (COMMITTED, .done, commit_success.txt …), or
//                torch.distributed.checkpoint's `.metadata` and every shard that it names, as long as it says, or
//                a Trainer's trainer_state.json and its weights, or
//                the files of all ranks of a DeepSpeed or Megatron job, and the pointer beside it, or
//                safetensors files and the index that names them;
//              without one: unverifiable.
//   glob       what matches is complete, by the user's word.
//   marker     a directory with that file in it is complete, by the user's word.
// Whatever says that a checkpoint is complete, a torn zip, safetensors, shard or JSON file in it refutes it.
//
// Thread: any. Cost: see Depth in recognised.h.
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "agent/checkpoint/recognised.h"
#include "agent/checkpoint/survey.h"
#include "base/job_spec.h"
#include "base/result.h"

namespace everstep {

// The training step in a checkpoint's name: the last number that follows "step", "iter" or "checkpoint", else the last number.
// "step-40.pt": 40; "epoch=3-step=1200-v1.ckpt": 1200; "iter_0000100": 100; "last.ckpt": none.
std::optional<std::uint64_t> StepOf(std::string_view name);

// *.pt, *.pth, *.ckpt, *.bin, *.pkl, *.pth.tar, *.safetensors, *.distcp
bool CheckpointFileName(std::string_view name);

// Whether it is, or holds, a file with such a name.
bool HoldsCheckpointFiles(std::string_view name, const Survey& survey);

// Whether `name` (of a checkpoint directory's entry) is looked at at all. Logs, pointers such as `latest` and the
// like are not.
bool MayBeCheckpoint(std::string_view name, const Survey& survey, const CompleteWhen& when);

// REQUIRES: `survey` is of `path`, whose last part is the source's name. Errors: the path could not be read, or `stop`.
Result<Recognised> Recognise(const std::string& path, const Survey& survey, const CompleteWhen& when, Depth depth,
                             std::stop_token stop);

}  // namespace everstep
