// A verdict as a line of JSON, for whoever reads scans of many hosts: {"v":1,"host","check","scope","status",…}.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "health/core/verdict.h"

namespace everstep::health {

struct VerdictLine {
  std::uint32_t v = 1;
  std::string host{}, check{}, scope{};
  State status = State::ok;
  std::string value{}, limit{}, why{}, evidence{}, remedy{};
  Action action = Action::note;
  std::optional<double> measured{};
  std::optional<bool> same{};            // true: it must be the same on all hosts of one profile
  std::optional<std::string> profile{};  // by which it was judged: "p5.48xlarge", "cpu"
  std::optional<std::string> product{};  // what the host calls itself, where its profile says less than that
};
EVERSTEP_FIELDS(VerdictLine, v, host, check, scope, status, value, limit, why, evidence, remedy, action, measured, same,
                profile, product)

}  // namespace everstep::health
