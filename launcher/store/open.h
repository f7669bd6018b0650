// A store by its URL, as main() and tests ask for one:
//
//   memory:              lost with the process
//   sqlite:/path/dir     one SQLite file in this directory; a path alone means the same
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "base/seam/clock.h"
#include "base/seam/store.h"

namespace everstep {

// Touches nothing yet: Store::Open does. kInvalid: not such a URL. REQUIRES: `clock` outlives the store.
Result<std::unique_ptr<Store>> OpenStore(const std::string& url, Clock& clock);

}  // namespace everstep
