#include "health/core/breaker.h"

#include <algorithm>

#include "base/text.h"

namespace everstep::health {

Permission Breaker::Ask(const NodeId& host, const std::string& check, std::size_t failing, std::size_t hosts, Time now) {
  if (hosts >= options_.everybody_min && failing >= hosts) {
    broken_.insert(check);
    return {false, Cat("all ", hosts, " hosts fail ", check, ": the check is broken, not the hosts; nobody is drained for it")};
  }
  broken_.erase(check);
  while (!removals_.empty() && now - removals_.front().at >= options_.window) removals_.pop_front();
  const auto of_host = std::find_if(removals_.begin(), removals_.end(), [&](const Removal& one) { return one.host == host; });
  if (of_host != removals_.end()) return {true, Cat(host, " was removed within the hour already")};
  const std::size_t most = std::max<std::size_t>(1, hosts * options_.percent / 100);
  if (removals_.size() >= most)
    return {false, Cat(removals_.size(), " of ", hosts, " hosts were removed within ", Show(options_.window), ", more than ",
                       most, " (", options_.percent, " %) may not: ", host, " stays until a person drains it")};
  removals_.push_back({host, now});
  return {true, Cat("removal ", removals_.size(), " of ", most, " within ", Show(options_.window))};
}

}  // namespace everstep::health
