// What the words and the end of a rank say about the cause, as a table that operators may tune: configs/blame.yaml, read by
// launcher/config/blame_file.h. The core is handed the rules with its policy; without any, only signals and exit codes speak.
//
// A rule applies when all that it lists holds. Words are looked for in one line at a time, upper and lower case alike. The
// first rule of the table that applies wins: first on the kernel's lines, the last of them first; then on the line of stderr
// that says most (the last exception of a traceback, else the last line), then line by line upwards, then without words.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "launcher/core/api.h"

namespace everstep {

// cause: the rank failed by itself. victim: another one's end, or a link's, is what it tells of. port: a port was taken: where
// it is MASTER_PORT, another one is chosen, which costs nothing.
EVERSTEP_ENUM(BlameRole, cause, victim, port)

// What a failure means for the retry.
//   counts  restarted; spends the budget, and the patience of restart.no_progress
//   budget  restarted; spends the budget only
//   avoid   as budget where another host is free, which it gets; else as counts
//   never   not restarted: it would fail the same way
EVERSTEP_ENUM(RetryRule, counts, budget, avoid, never)

struct BlameRule {
  std::string name{};
  BlameClass blame = BlameClass::unknown;
  BlameRole role = BlameRole::cause;
  RetryRule retry = RetryRule::counts;
  std::string means{};  // one sentence for people: what it is, or what to do about it
  bool oom_kill = false;
  bool kernel = false;                    // its words are those of the kernel's log, not of stderr
  std::vector<std::uint32_t> signals{};   // one of these
  std::vector<std::uint32_t> codes{};     // one of these
  std::vector<std::string> any{};         // one of these words in the line
  std::vector<std::string> all{};         // and all of these
  std::vector<std::string> none{};        // and none of these
  std::vector<std::string> samples{};     // lines as programs print them, that this rule and no earlier one must find
  std::vector<std::string> lookalikes{};  // and lines that it must not find
  friend bool operator==(const BlameRule&, const BlameRule&) = default;
};

class BlameRules {
 public:
  BlameRules() = default;
  explicit BlameRules(std::vector<BlameRule> rules);

  struct Found {
    const BlameRule* rule = nullptr;
    std::string line{};  // where the rule was found by its words: of stderr, or with "kernel: " before it
  };
  // nullopt: none applies. Cost: about 10 us for a full tail.
  std::optional<Found> Find(const RankExit& exit) const;

  const std::vector<BlameRule>& table() const { return rules_; }
  friend bool operator==(const BlameRules& a, const BlameRules& b) { return a.rules_ == b.rules_; }

 private:
  struct Words {  // of one rule, in lower case
    std::vector<std::string> any{}, all{}, none{};
  };
  class Text;
  // `kernel`: only rules for such lines, else only others.
  const BlameRule* OnLine(const Text& text, const RankExit& exit, std::string_view lower, bool kernel) const;
  std::optional<Found> InKernelLog(const RankExit& exit) const;
  std::optional<Found> Before(const Text& text, const RankExit& exit, std::string_view telling) const;

  std::vector<BlameRule> rules_{};
  std::vector<Words> words_{};
};

// The line of stderr that says most: the last exception of a Python traceback (libraries print more while the process ends),
// with the line below it where it ends in a colon; else the last line that is not blank. May be empty.
std::string_view TellingLine(std::string_view tail);

}  // namespace everstep
