// Which directory is this? A random name in DIR/.everstep/id, left by whoever came first: hosts that read the same one see the
// same directory, under whatever path. Two that differ have a directory of their own each, and what one saves the other cannot
// resume from.
//
// Thread: any.
#pragma once

#include <string>

namespace everstep {

// Empty: not known. There is no such directory, or it cannot be written to and nobody has been there before.
std::string DirectoryId(const std::string& dir);

}  // namespace everstep
