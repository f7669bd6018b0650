// The verdict on one file or directory: is it a whole checkpoint, and how do we know?
#pragma once

#include <string>
#include <utility>

namespace everstep {

//   complete      its format or its marker says so, and all that could be verified was
//   incomplete    torn, or not finished yet: must not be offered
//   unverifiable  a checkpoint as it seems, but nothing in it tells whether all of it is there
enum class Completeness { complete, incomplete, unverifiable };

// How much is read: `structure` reads directories, headers and sizes (milliseconds), `contents` every byte that has a checksum.
enum class Depth { structure, contents };

struct Recognised {
  Completeness completeness = Completeness::unverifiable;
  std::string why{};    // one sentence without the path: "zip with 42 records, CRCs match"
  bool beside = false;  // what it lacks stands, or will stand, beside it: it may become complete without being touched
};

inline Recognised Incomplete(std::string why) { return {.completeness = Completeness::incomplete, .why = std::move(why)}; }

}  // namespace everstep
