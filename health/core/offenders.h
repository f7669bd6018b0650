// Who breaks jobs again and again, across jobs and reboots: a host by its name, a GPU by its UUID (which stays when it moves to
// another host). Each offence weighs by what it was and fades by half every half-life; the score is explained by its offences.
#pragma once

#include <string>
#include <vector>

#include "base/time.h"
#include "health/core/check.h"

namespace everstep::health {

struct Offence {
  std::string who{};   // "n3", "GPU-5c8…"
  std::string what{};  // "Xid 79", "gpu.ecc_uncorrected"
  std::string job{};   // empty: none ran
  Action action = Action::note;
  Time at{};
  std::string where{};  // the host, of a GPU's
  friend bool operator==(const Offence&, const Offence&) = default;
};
EVERSTEP_FIELDS(Offence, who, what, job, action, at, where)

struct OffenderOptions {
  Duration half_life = std::chrono::hours(72);
  double keep_away = 3;  // a score from which on nothing is placed there
};

struct OffenderScore {
  double score = 0;
  bool keep_away = false;
  Duration fades_in{};  // until it does not keep away any more, if nothing is added; zero: it does not
  std::string why{};    // "score 3.8 of 3: Xid 79 (2 times, 2 jobs), gpu.ecc_uncorrected; newest 3 h ago"
};

// Cost: O(offences).
OffenderScore Score(const std::vector<Offence>& offences, std::string_view who, Time now, const OffenderOptions& options = {});

}  // namespace everstep::health
