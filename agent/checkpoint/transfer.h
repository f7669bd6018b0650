// Gives a file a second name or a second body.
#pragma once

#include <stop_token>
#include <string>

#include "base/result.h"

namespace everstep {

enum class Transferred { cloned, linked, copied };

// `to` must not exist; it is on disk on return (its directory is not). After an error half of it may stand there. Tries a clone
// (FICLONE), then a hard link unless `own_bytes`, then a copy of all bytes. kUnavailable: `stop` was asked for.
Result<Transferred> Transfer(const std::string& from, const std::string& to, bool own_bytes, std::stop_token stop);

}  // namespace everstep
