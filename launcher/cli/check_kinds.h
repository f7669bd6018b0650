// Which hosts of a check are compared with each other: those of one profile, for hosts of two kinds differ and neither is odd.
// Each line of a scan says which profile it was judged by. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "health/core/verdict_line.h"

namespace everstep {

class HostKinds {
 public:
  // By host, what its scan has written.
  explicit HostKinds(const std::vector<std::vector<health::VerdictLine>>& scans);

  // Hosts with the same text are compared in this check: what they are called, or what made them.
  std::string For(std::size_t host, std::string_view check) const;
  // For people: "p5.48xlarge", "ProLiant DL380 (cpu)". Empty: its agent does not say.
  const std::string& NameOf(std::size_t host) const { return kinds_[host].name; }
  // How many hosts that have said something are of its kind, itself among them. 0: it has said nothing.
  std::size_t Alike(std::size_t host) const;
  // Whether there are hosts of two kinds.
  bool Several() const { return several_; }

 private:
  struct Kind {
    std::string profile{}, product{}, name{};
    bool silent = false;
  };
  std::vector<Kind> kinds_{};
  bool several_ = false;
};

}  // namespace everstep
