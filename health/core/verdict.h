// A reading held against its check and the host's profile: the verdict, with value, limit, evidence and what to do.
//
// What could not be read is UNKNOWN with the reason, never OK. What a host does not have is no verdict at all, unless its
// profile says that it should.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "health/core/check.h"

namespace everstep::health {

struct Verdict {
  std::string check{};
  std::string scope{};
  State state = State::ok;
  std::string value{};  // "97 °C"; empty: none was read
  std::string limit{};  // the rule that was broken, else the first that holds; empty: there is none
  std::string why{};    // one sentence
  std::string evidence{};
  std::string remedy{};  // empty where nothing is to be done
  Action action = Action::note;
  std::optional<double> measured{};  // the value as a number, of what hosts are compared by: checks on demand
};
EVERSTEP_FIELDS(Verdict, check, scope, state, value, limit, why, evidence, remedy, action, measured)

// The check with the profile's own limits.
Check Effective(Check check, const Profile& profile);

// nullopt: the check does not apply to this host. REQUIRES: reading.check == check.id.
std::optional<Verdict> Judge(const Check& check, const Reading& reading, const Profile& profile);

// The host's state: FAIL before WARN before UNKNOWN before OK.
State Worst(const std::vector<Verdict>& verdicts);

// "GPU 3: gpu.temperature", "cpu.online".
std::string Title(const Verdict& verdict);

}  // namespace everstep::health
