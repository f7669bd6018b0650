#include "agent/monitor/told_checks.h"

#include <utility>

#include "base/json/codec.h"
#include "base/messages.h"
#include "base/text.h"

namespace everstep {

void ToldChecks::Told(std::string line, Time now) {
  const std::lock_guard lock(mutex_);
  line_ = std::move(line);
  at_ = now;
}

void ToldChecks::Silent(std::string why) {
  const std::lock_guard lock(mutex_);
  line_.clear();
  why_ = std::move(why);
}

HostChecks ToldChecks::Now(Time now) const {
  std::string line, why;
  Time at;
  {
    const std::lock_guard lock(mutex_);
    line = line_;
    why = why_;
    at = at_;
  }
  if (line.empty()) return {.node = node_, .untold = why};
  auto checks = FromJson<HostChecks>(line, {.bytes_max = 4 * limit::kChecksBytes});
  if (!checks)
    return {.node = node_,
            .untold = Clip(Cat("its monitor says what is no list of checks: ", checks.error().message), limit::kWhyBytes)};
  checks->node = node_;
  GrowOlder(*checks, now - at);
  return *std::move(checks);
}

}  // namespace everstep
