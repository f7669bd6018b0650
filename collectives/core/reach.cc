#include "collectives/core/reach.h"

#include "base/text.h"

namespace everstep {
namespace {

bool Connects(const OneWay& way) { return way.stream >= Reach::small_lost; }

std::string How(const OneWay& way) { return way.stream == Reach::refused ? "it is refused" : "nothing answers"; }

}  // namespace

std::string ReachText(const std::string& a, const std::string& b, const OneWay& a_to_b, const OneWay& b_to_a) {
  if (Connects(a_to_b) != Connects(b_to_a)) {
    const bool forth = Connects(b_to_a);  // the way that is blocked is a to b
    return Cat(forth ? a : b, " cannot connect to ", forth ? b : a, " (", How(forth ? a_to_b : b_to_a), "), ", forth ? b : a,
               " can to ", forth ? a : b, ": ports are blocked one way, by a firewall on ", forth ? b : a, " or between them");
  }
  if (!Connects(a_to_b)) {
    const bool heard_b = a_to_b.datagrams > 0, heard_a = b_to_a.datagrams > 0;
    if (heard_a != heard_b)
      return Cat("neither of ", a, " and ", b, " can connect to the other, datagrams come from ", heard_b ? a : b, " to ",
                 heard_b ? b : a, " and not back: the way from ", heard_b ? b : a, " to ", heard_b ? a : b, " is dead");
    return Cat("neither of ", a, " and ", b, " can connect to the other (", How(a_to_b),
               "): no way between them, or blocked both ways");
  }
  const bool lost_forth = a_to_b.stream != Reach::works, lost_back = b_to_a.stream != Reach::works;
  if (!lost_forth && !lost_back)
    return Cat("plain connections between ", a, " and ", b,
               " work both ways, with large messages, too: it is the provider, or it has passed");
  if (a_to_b.stream == Reach::small_lost || b_to_a.stream == Reach::small_lost)
    return Cat(a, " and ", b, " connect, and then nothing comes: a proxy or a full host may stand between");
  const std::string ways = lost_forth && lost_back ? Cat("between ", a, " and ", b)
                           : lost_forth            ? Cat("from ", a, " to ", b)
                                                   : Cat("from ", b, " to ", a);
  return Cat(ways,
             " small messages pass and large ones are lost: is the MTU the same at both ends and at all switches on the way?");
}

}  // namespace everstep
