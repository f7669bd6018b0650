// Why a pair that did not answer did not: what plain sockets between the two could do, each way by itself, as one sentence.
// Which way is blocked, and whether only large messages are lost, are the two things that the fabric itself cannot say.
//
// Pure.
#pragma once

#include <cstdint>
#include <string>

#include "base/fields.h"

namespace everstep {

// Of one way: from who connects to who is connected to. Each is told by the one who saw it.
EVERSTEP_ENUM(Reach, not_tried, no_answer, refused, small_lost, large_lost, works)

struct OneWay {
  Reach stream = Reach::not_tried;
  std::uint32_t datagrams = 0;  // of kReachDatagrams, that came
};

inline constexpr std::uint32_t kReachDatagrams = 8;

std::string ReachText(const std::string& a, const std::string& b, const OneWay& a_to_b, const OneWay& b_to_a);

}  // namespace everstep
