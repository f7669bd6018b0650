// What became of each check of a host: its newest verdict, since when it is so, and the last few states and values before. For
// people who ask; what is acted on are alarms (alarms.h).
//
// Bounded: so many checks, so many changes and values of each. Who is full forgets the check that was read longest ago.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/host_checks.h"
#include "base/time.h"
#include "health/core/verdict.h"

namespace everstep::health {

// Whether a check is looked at again and again, or heard of when it happens: a line of the kernel's log.
enum class Comes { read, heard };

struct HistoryLimits {
  std::size_t checks = 4096;
  std::size_t states = 8;  // of each
  std::size_t values = 16;
};

class History {
 public:
  explicit History(HistoryLimits limits = {}) : limits_(limits) {}

  void Take(const Verdict& verdict, Comes comes, Time now);
  bool Knows(const std::string& check, const std::string& scope) const { return pasts_.contains({check, scope}); }
  // It does not apply any more.
  void Forget(const std::string& check, const std::string& scope);
  // What was heard of is over when it was not heard of again for so long.
  void Quieten(Duration after, Time now);

  // The newest value of each scope of this check that could be read, however long ago.
  std::vector<std::pair<std::string, std::string>> ValuesOf(const std::string& check) const;

  // In the order of HostChecks, texts cut to their limits.
  std::vector<HostCheck> Checks(Time now) const;

 private:
  struct Past {
    Verdict verdict{};
    Comes comes = Comes::read;
    Time read{};
    std::uint32_t changes = 0;
    std::deque<std::pair<State, Time>> states{};
    std::deque<std::pair<std::string, Time>> values{};
  };
  using Key = std::pair<std::string, std::string>;
  void MakeRoom();
  void Change(Past& past, State state, Time now) const;

  HistoryLimits limits_;
  std::map<Key, Past> pasts_{};
};

}  // namespace everstep::health
