// Who is at fault when ranks that all run wait for each other on the fabric: what each of them waits for, read as a whole. Most
// wait for somebody who is stuck in an earlier round himself, and are explained by that. Of what is left a NIC that has died is
// an end of each, its partners of their own only. A NIC that its own host says is down needs no such reasoning.
//
// Pure. Cost: O(waits log waits).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace everstep {

// One rank's wait that was too long.
struct StuckWait {
  std::uint32_t rank = 0;               // who waits
  std::uint64_t round = 0;              // of what all do, counted since the start
  std::optional<std::uint32_t> peer{};  // for whom; nullopt: not known
  bool sends = false;                   // to the peer; else it receives
  std::string nic_here{};               // "rail 1 (eth1)", of who waits; empty: there is one only
  std::string nic_there{};              // the peer's
  std::string down{};                   // own NICs that have no link: "rail 1 (eth1)"; empty: none
  std::string how{};                    // a sentence
};

// As text for a wire, and back; nullopt: it is no such text.
std::string PackStuck(const StuckWait& wait);
std::optional<StuckWait> UnpackStuck(const std::string& packed);

// The sentence of who was stuck first; before it who is at fault, and which NIC of his, if that shows. REQUIRES: not empty.
std::string StuckText(std::vector<StuckWait> waits, const std::function<std::string(std::uint32_t)>& who);

}  // namespace everstep
