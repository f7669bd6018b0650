// The record of one pinned checkpoint: what was pinned, when, and the facts by which it is known again. It lies beside the
// pinned files as `.everstep-pin`, and is what makes a directory under pins/ Everstep's own: nothing without one is touched.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/checkpoint/survey.h"
#include "base/ids.h"
#include "base/messages.h"
#include "base/result.h"

namespace everstep {

inline constexpr char kPinRecordName[] = ".everstep-pin";

struct Pin {
  JobId job{};
  Generation generation{};              // whose watch pinned it
  std::uint64_t number = 0;             // grows with each pin in a checkpoint directory, of any job
  std::string source{};                 // as the script named it
  std::optional<std::uint64_t> step{};  // read from the name
  bool copied = false;                  // its files are its own: nobody who writes to the source reaches them
  std::string why{};                    // how it was verified
  Survey was{};                         // the source, when it was pinned
  std::vector<CheckpointFile> files{};  // the pinned files
  std::string directory{};              // pins/<…>; not part of the record

  std::string path() const { return directory + "/" + source; }  // what may be resumed from
};

std::string EncodePin(const Pin& pin);
Result<Pin> DecodePin(const std::string& text);

// Of one directory under pins/; nullopt: it has no readable record.
std::optional<Pin> ReadPin(const std::string& directory);
// All readable pins of a checkpoint directory, of any job, oldest first.
std::vector<Pin> PinsIn(const std::string& dir);
// The highest number among them; 0: none.
std::uint64_t HighestPin(const std::string& dir);

}  // namespace everstep
