#include "launcher/core/ledger.h"

#include <algorithm>
#include <utility>

namespace everstep {

namespace {

std::uint64_t Microseconds(Time from, Time to) {
  const auto whole = [](Time t) { return t.time_since_epoch() / 1us; };
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, whole(to) - whole(from)));
}

bool Works(const JobState& job) { return job.phase == JobPhase::running && !job.preflight; }

// Hosts are held from the plan of the first generation to the end.
void Add(Ledger& ledger, std::uint64_t Ledger::*account, const JobState& job, Time now) {
  const bool held = job.generation.value > 0 && !Ended(job.phase);
  const std::uint64_t passed = held ? Microseconds(ledger.at, now) : 0;
  ledger.*account += passed * job.hosts.size();
  ledger.spare += passed * job.spares.size();
  ledger.at = std::max(ledger.at, now);
}

}  // namespace

Ledger Accounted(const JobState& job, Time now) {
  Ledger ledger = job.ledger;
  Add(ledger, Works(job) ? &Ledger::unsaved : &Ledger::standing, job, now);
  return ledger;
}

Ledger AccountedBreak(const JobState& job, std::optional<Time> noticed, Time now) {
  Ledger ledger = Accounted(job, std::min(noticed.value_or(now), now));
  Add(ledger, Works(job) ? &Ledger::noticing : &Ledger::standing, job, now);
  ledger.at_risk = std::exchange(ledger.unsaved, 0);
  ledger.lost += ledger.at_risk;
  return ledger;
}

void AccountSave(Ledger& ledger) {
  ledger.useful += std::exchange(ledger.unsaved, 0) + ledger.at_risk;
  ledger.lost -= std::exchange(ledger.at_risk, 0);
}

void AccountEnd(Ledger& ledger, bool done) { (done ? ledger.useful : ledger.lost) += std::exchange(ledger.unsaved, 0); }

}  // namespace everstep
