#include "collectives/core/reach.h"

#include <gtest/gtest.h>

namespace everstep {
namespace {

struct Row {
  OneWay forth;
  OneWay back;
  std::string says;
};

TEST(Reach, WhatPlainSocketsCouldDoIsOneSentence) {
  const std::string dead = "neither of n1 and n2 can connect to the other";
  for (const Row& row : {
           Row{{Reach::no_answer, 0},
               {Reach::works, 8},
               "n1 cannot connect to n2 (nothing answers), n2 can to n1: ports are blocked one way, by a firewall on n2 or "
               "between "
               "them"},
           Row{{Reach::works, 8},
               {Reach::refused, 8},
               "n2 cannot connect to n1 (it is refused), n1 can to n2: ports are blocked one way, by a firewall on n1 or "
               "between them"},
           Row{{Reach::large_lost, 8},
               {Reach::works, 8},
               "from n1 to n2 small messages pass and large ones are lost: is the MTU the same at both ends and at all "
               "switches on the "
               "way?"},
           Row{{Reach::works, 8},
               {Reach::large_lost, 8},
               "from n2 to n1 small messages pass and large ones are lost: is the MTU the same at both ends and at all "
               "switches on the "
               "way?"},
           Row{{Reach::large_lost, 8},
               {Reach::large_lost, 8},
               "between n1 and n2 small messages pass and large ones are lost: is the MTU the same at both ends and at all "
               "switches on "
               "the way?"},
           Row{{Reach::no_answer, 5},
               {Reach::no_answer, 0},
               dead + ", datagrams come from n1 to n2 and not back: the way from n2 to n1 is dead"},
           Row{{Reach::no_answer, 0},
               {Reach::no_answer, 1},
               dead + ", datagrams come from n2 to n1 and not back: the way from n1 to n2 is dead"},
           Row{{Reach::no_answer, 0},
               {Reach::no_answer, 0},
               dead + " (nothing answers): no way between them, or blocked both ways"},
           Row{{Reach::works, 8},
               {Reach::works, 8},
               "plain connections between n1 and n2 work both ways, with large messages, too: it is the provider, or it has "
               "passed"},
           Row{{Reach::small_lost, 8},
               {Reach::works, 8},
               "n1 and n2 connect, and then nothing comes: a proxy or a full host may stand between"},
       })
    EXPECT_EQ(ReachText("n1", "n2", row.forth, row.back), row.says);
}

}  // namespace
}  // namespace everstep
