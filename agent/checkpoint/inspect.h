// What checkpoints lie in a directory, and is each whole? For people (`everstep ckpt`): looks, writes nothing, needs no
// launcher.
//
// Thread: any. Cost: see Depth.
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/checkpoint/recognised.h"
#include "base/job_spec.h"
#include "base/result.h"

namespace everstep {

struct Inspected {
  std::string name{};  // as given, or relative to the directory
  std::string path{};
  std::optional<std::uint64_t> step{};  // read from the name
  Completeness completeness = Completeness::unverifiable;
  std::string why{};
  bool pinned = false;  // Everstep's own copy of one
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
};

// One file or directory that is called a checkpoint. What cannot be read is unverifiable, and `why` says so; kNotFound: there
// is nothing.
Result<Inspected> Inspect(const std::string& path, const CompleteWhen& when, Depth depth, std::stop_token stop = {});

// All that may be checkpoints in `directory`, by step; then Everstep's pins in it. An error: it cannot be listed.
Result<std::vector<Inspected>> InspectAll(const std::string& directory, const CompleteWhen& when, Depth depth,
                                          std::stop_token stop = {});

// Whether the directory itself looks like one checkpoint rather than a place of many.
bool IsOneCheckpoint(const std::string& path, const CompleteWhen& when);

}  // namespace everstep
