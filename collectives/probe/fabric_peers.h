// What the ranks tell each other before they talk over a fabric: version, provider, NICs and their addresses. Rail i of each
// talks to rail i of the others, so all must have as many.
//
// Pure.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "collectives/backend/company.h"

namespace everstep {

struct FabricPeer {
  std::string version{};
  std::string provider{};
  std::vector<std::string> nics{};       // by rail
  std::vector<std::string> addresses{};  // by rail, any bytes
};

std::string Introduction(const FabricPeer& peer);

// By rank. kConflict names the first that differs from rank 0, in what, and what to do.
Result<std::vector<FabricPeer>> ReadIntroductions(const std::vector<std::string>& all, const Company& company);

}  // namespace everstep
