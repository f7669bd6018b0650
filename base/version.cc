#include "base/version.h"

namespace everstep {

std::string_view Version() { return EVERSTEP_VERSION; }

}  // namespace everstep
