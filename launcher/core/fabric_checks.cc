#include "launcher/core/fabric_checks.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "base/messages.h"
#include "base/text.h"
#include "health/core/verdict.h"
#include "launcher/core/sentence.h"

namespace everstep {

namespace {

using health::Reading;

constexpr std::uint32_t kSeesSlowness = 3;  // hosts: of two nobody is the slow one

bool Says(const std::string& why, std::string_view words) { return why.find(words) != std::string::npos; }

Reading Word(const char* check, std::string word, const std::string& evidence) {
  return {.check = check, .word = std::move(word), .evidence = evidence};
}
Reading Unread(const char* check, std::string why) { return {.check = check, .unread = std::move(why)}; }

std::vector<Reading> NoneRead(const std::string& why) {
  return {Unread("fabric.connect", why), Unread("fabric.data", why), Unread("fabric.bandwidth", why),
          Unread("fabric.provider", why)};
}

Reading Bandwidth(const FabricCheck& check, const std::string& word, const std::string& evidence) {
  if (check.hosts > 0 && check.hosts < kSeesSlowness && word == "normal")
    return Unread("fabric.bandwidth", Cat("it was checked with ", Count(check.hosts - 1, "other"), ", and of ", check.hosts,
                                          " hosts nobody is the slow one"));
  return Word("fabric.bandwidth", word, evidence);
}

// Told by a run without a finding only.
Reading Provider(const State& state, const FabricCheck& check) {
  for (auto run = state.fabric_runs.rbegin(); run != state.fabric_runs.rend(); ++run)
    if (!run->run.empty() && run->run == check.run)
      return Word("fabric.provider", run->provider,
                  Cat(run->samples, " tests of ", run->bytes, " bytes between ", Count(run->hosts, "host")));
  return Unread("fabric.provider", "the run with which the host was checked told of none");
}

// The words are those of collectives/core/localise.cc; who has gone or never came has none of them.
std::vector<Reading> OfFailure(const State& state, const FabricCheck& check) {
  const bool silent = Says(check.why, "without an answer in time"), wrong = Says(check.why, "with wrong data"),
             slow = Says(check.why, " slow") || Says(check.why, "below the floor");
  const std::string read = OneLine(check.why, 300);
  if (!silent && !wrong && !slow) {
    const std::string cut = Cat("the check ended before: ", read);
    return {Word("fabric.connect", "no", read), Unread("fabric.data", cut), Unread("fabric.bandwidth", cut),
            Provider(state, check)};
  }
  return {Word("fabric.connect", silent ? "no" : "yes", read), Word("fabric.data", wrong ? "wrong" : "right", read),
          Bandwidth(check, slow ? "slow" : "normal", read), Provider(state, check)};
}

}  // namespace

std::vector<Reading> FabricReadings(const State& state, const NodeState& node) {
  if (!node.fabric) return NoneRead(Cat("its network has not been checked: everstep check ", node.node, " and others"));
  const FabricCheck& check = *node.fabric;
  if (check.passed && check.boot != node.boot) return NoneRead("it has been booted since its network was checked");
  if (!check.passed && (check.own || check.takes == 0))
    return NoneRead(Cat("its own check failed, and tells nothing of the network: ", OneLine(check.why, 200)));
  if (!check.passed) return OfFailure(state, check);
  if (check.hosts == 1) return NoneRead(Cat("it was checked without others: everstep check ", node.node, " and others"));
  const std::string read = OneLine(check.why, 300);
  return {Word("fabric.connect", "yes", read), Word("fabric.data", "right", read), Bandwidth(check, "normal", read),
          Provider(state, check)};
}

std::vector<HostCheck> FabricChecks(const std::vector<health::Check>& catalogue, const State& state, const NodeState& node,
                                    Time now) {
  std::vector<HostCheck> checks;
  const std::vector<Reading> readings = FabricReadings(state, node);
  for (const health::Check& row : catalogue) {
    const auto reading =
        std::find_if(readings.begin(), readings.end(), [&](const Reading& one) { return one.check == row.id; });
    if (row.by != health::Reader::fabric || reading == readings.end()) continue;
    const auto verdict = health::Judge(row, *reading, {});
    if (!verdict) continue;
    const bool plain = verdict->state == CheckState::ok;
    const Duration age = node.fabric ? std::max(Duration(0), now - node.fabric->at) : Duration(0);
    HostCheck& check = checks.emplace_back(HostCheck{.check = row.id,
                                                     .state = verdict->state,
                                                     .value = verdict->value,
                                                     .limit = verdict->limit,
                                                     .why = plain ? "" : OneLine(reading->unread.value_or(verdict->why), 300),
                                                     .evidence = plain ? "" : OneLine(verdict->evidence, 300),
                                                     .in_state = age});
    if (node.fabric && verdict->state != CheckState::unknown) check.age = age;
  }
  return checks;
}

}  // namespace everstep
