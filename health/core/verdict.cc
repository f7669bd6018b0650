#include "health/core/verdict.h"

#include <algorithm>

#include "base/text.h"
#include "health/core/rule.h"

namespace everstep::health {

namespace {

Verdict Unknown(Verdict verdict, const Check& check, const std::string& reason) {
  verdict.state = State::unknown;
  verdict.why = Cat(check.what, " could not be read: ", reason);
  return verdict;
}

// Nothing is broken: what it was held against, or that there was nothing to hold it against.
void Fine(Verdict& verdict, const Check& check, const Profile& profile, bool held) {
  const std::optional<Rule>& rule = check.fail ? check.fail : check.warn;
  if (rule && held) verdict.limit = ShowRule(*rule, check.unit, &profile);
  verdict.why = Cat(check.what, ": ", verdict.value);
  if (rule && !held) verdict.why += Cat(", held against nothing: the profile ", profile.name, " does not say");
}

}  // namespace

Check Effective(Check check, const Profile& profile) {
  for (const Profile::Limit& limit : profile.limits) {
    if (limit.check != check.id) continue;
    check.warn = limit.warn;
    check.fail = limit.fail;
  }
  return check;
}

std::optional<Verdict> Judge(const Check& check, const Reading& reading, const Profile& profile) {
  Verdict verdict{.check = check.id, .scope = reading.scope, .evidence = reading.evidence};
  if (std::find(profile.off.begin(), profile.off.end(), check.id) != profile.off.end()) return std::nullopt;
  if (reading.moot) return std::nullopt;
  if (reading.absent) {
    if (!profile.Promises(check.needs)) return std::nullopt;
    const std::string promised =
        check.needs == Facility::always ? "" : Cat("the profile ", profile.name, " promises ", Name(check.needs), ", but ");
    if (!reading.number) return Unknown(verdict, check, Cat(promised, *reading.absent));
    verdict.evidence = *reading.absent;
  }
  if (reading.unread) return Unknown(verdict, check, *reading.unread);
  if (!reading.number && !reading.word) return Unknown(verdict, check, "nothing has read it");
  verdict.value = reading.word ? *reading.word : ShowNumber(*reading.number, check.unit);
  if (check.by == Reader::asked) verdict.measured = reading.number;

  bool held = false;
  for (const auto& [rule, state] : {std::pair(&check.fail, State::fail), std::pair(&check.warn, State::warn)}) {
    if (!*rule) continue;
    const auto broken = Breaks(**rule, reading, profile);
    held = held || broken.has_value();
    if (!broken.value_or(false)) continue;
    verdict.state = state;
    verdict.limit = ShowRule(**rule, check.unit, &profile);
    verdict.why =
        Cat(check.what, ": ", verdict.value, ", and ", verdict.limit, state == State::fail ? " is bad" : " is suspect");
    verdict.remedy = check.remedy;
    verdict.action = state == State::fail ? check.action : Action::note;
    if (check.action_is_value && reading.word) {
      verdict.action = EnumNamed<Action>(*reading.word).value_or(verdict.action);
      verdict.why = Cat(reading.means, reading.means.empty() ? "" : ": ", *reading.word);
    }
    return verdict;
  }
  Fine(verdict, check, profile, held);
  return verdict;
}

State Worst(const std::vector<Verdict>& verdicts) {
  const auto any = [&](State state) {
    return std::any_of(verdicts.begin(), verdicts.end(), [state](const Verdict& one) { return one.state == state; });
  };
  for (const State state : {State::fail, State::warn, State::unknown})
    if (any(state)) return state;
  return State::ok;
}

std::string Title(const Verdict& verdict) {
  return verdict.scope.empty() ? verdict.check : Cat(verdict.scope, ": ", verdict.check);
}

}  // namespace everstep::health
