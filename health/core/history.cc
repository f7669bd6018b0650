#include "health/core/history.h"

#include <algorithm>

#include "base/messages.h"
#include "base/text.h"

namespace everstep::health {

namespace {

constexpr std::size_t kValueBytes = 120;
constexpr std::size_t kTextBytes = 300;

}  // namespace

void History::Take(const Verdict& verdict, Comes comes, Time now) {
  const Key key(verdict.check, verdict.scope);
  auto found = pasts_.find(key);
  if (found == pasts_.end()) {
    MakeRoom();
    found = pasts_.emplace(key, Past{}).first;
  }
  Past& past = found->second;
  past.verdict = verdict;
  past.comes = comes;
  past.read = now;
  Change(past, verdict.state, now);
  if (verdict.value.empty() || (!past.values.empty() && past.values.back().first == verdict.value)) return;
  past.values.emplace_back(verdict.value, now);
  if (past.values.size() > limits_.values) past.values.pop_front();
}

void History::Change(Past& past, State state, Time now) const {
  if (!past.states.empty() && past.states.back().first == state) return;
  past.changes += past.states.empty() ? 0 : 1;
  past.states.emplace_back(state, now);
  if (past.states.size() > limits_.states) past.states.pop_front();
}

void History::MakeRoom() {
  if (pasts_.size() < limits_.checks) return;
  const auto older = [](const auto& a, const auto& b) { return a.second.read < b.second.read; };
  pasts_.erase(std::min_element(pasts_.begin(), pasts_.end(), older));
}

void History::Forget(const std::string& check, const std::string& scope) { pasts_.erase({check, scope}); }

void History::Quieten(Duration after, Time now) {
  for (auto& [key, past] : pasts_) {
    if (past.comes != Comes::heard || past.verdict.state == State::ok || past.verdict.state == State::unknown) continue;
    if (now - past.read < after) continue;
    past.verdict = {.check = key.first, .scope = key.second, .limit = past.verdict.limit};
    Change(past, State::ok, now);
  }
}

std::vector<std::pair<std::string, std::string>> History::ValuesOf(const std::string& check) const {
  std::vector<std::pair<std::string, std::string>> values;
  for (auto at = pasts_.lower_bound({check, ""}); at != pasts_.end() && at->first.first == check; ++at)
    if (!at->second.values.empty()) values.emplace_back(at->first.second, at->second.values.back().first);
  return values;
}

std::vector<HostCheck> History::Checks(Time now) const {
  std::vector<HostCheck> checks;
  checks.reserve(pasts_.size());
  for (auto at = pasts_.begin(); at != pasts_.end(); ++at) {
    const auto& [key, past] = *at;
    // "No line of the host" says nothing beside the line of one of its devices.
    if (const auto next = std::next(at);
        past.comes == Comes::heard && key.second.empty() && past.states.back().first == State::ok)
      if (next != pasts_.end() && next->first.first == key.first) continue;
    const Verdict& verdict = past.verdict;
    const bool plain = verdict.state == State::ok && !verdict.limit.empty();
    HostCheck& check = checks.emplace_back(HostCheck{.check = Clip(key.first, limit::kCheckBytes),
                                                     .scope = Clip(Printable(key.second), 2 * limit::kCheckBytes),
                                                     .state = verdict.state,
                                                     .value = Clip(Printable(verdict.value), kValueBytes),
                                                     .limit = Clip(Printable(verdict.limit), kValueBytes),
                                                     .why = plain ? "" : Clip(Printable(verdict.why), kTextBytes),
                                                     .evidence = plain ? "" : Clip(Printable(verdict.evidence), kTextBytes),
                                                     .in_state = now - past.states.back().second,
                                                     .changes = past.changes});
    if (past.comes == Comes::read) check.age = now - past.read;
    for (const auto& [state, since] : past.states) check.states.push_back({state, now - since});
    for (const auto& [value, since] : past.values) check.values.push_back({Clip(Printable(value), kValueBytes), now - since});
  }
  SortByGravity(checks);
  return checks;
}

}  // namespace everstep::health
