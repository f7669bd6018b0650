#include "health/core/offenders.h"

#include <cmath>
#include <map>
#include <set>

#include "base/text.h"

namespace everstep::health {

namespace {

double Weight(Action action) {
  switch (action) {
    case Action::note: return 0;
    case Action::app:
    case Action::defer: return 0.5;
    case Action::drain:
    case Action::reset: return 1;
    case Action::reboot: return 1.5;
    case Action::replace: break;
  }
  return 3;
}

std::string Tenths(double score) {
  const long tenths = std::lround(score * 10);
  return Cat(tenths / 10, '.', tenths % 10);
}

}  // namespace

OffenderScore Score(const std::vector<Offence>& offences, std::string_view who, Time now, const OffenderOptions& options) {
  struct Told {
    std::size_t times = 0;
    std::set<std::string> jobs{};
  };
  std::map<std::string, Told> told;
  OffenderScore result;
  Time newest{};
  for (const Offence& offence : offences) {
    if (offence.who != who) continue;
    const double age = Seconds(now - offence.at) / Seconds(options.half_life);
    result.score += Weight(offence.action) * std::exp2(-std::max(age, 0.0));
    Told& one = told[offence.what];
    ++one.times;
    if (!offence.job.empty()) one.jobs.insert(offence.job);
    newest = std::max(newest, offence.at);
  }
  if (told.empty()) return {.why = "no offence is known"};
  std::vector<std::string> parts;
  for (const auto& [what, one] : told) {
    const std::string jobs = one.jobs.empty() ? std::string() : Cat(", ", Count(one.jobs.size(), "job"));
    parts.push_back(one.times > 1 || !jobs.empty() ? Cat(what, " (", Count(one.times, "time"), jobs, ')') : what);
  }
  result.keep_away = result.score >= options.keep_away;
  // All of them fade alike. A second more, for what rounding takes.
  if (result.keep_away)
    result.fades_in =
        1s + std::chrono::duration_cast<Duration>(options.half_life * std::log2(result.score / options.keep_away));
  result.why = Cat("score ", Tenths(result.score), " (", Tenths(options.keep_away), " keeps a host from work): ", Join(parts),
                   "; newest ", Show(now - newest), " ago");
  return result;
}

}  // namespace everstep::health
