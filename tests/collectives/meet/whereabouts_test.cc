#include "collectives/meet/whereabouts.h"

#include <gtest/gtest.h>

namespace everstep {
namespace {

TEST(Whereabouts, ACommonNetworkIsTheWayAndElseTheName) {
  struct Row {
    std::string name;
    std::vector<std::string> theirs, own;
    std::string way;
  };
  const std::string bridge = "172.17.0.1/16";
  for (const Row& row :
       std::vector<Row>{{"one network", {"n1", "10.0.0.1/24"}, {"10.0.0.2/24"}, "10.0.0.1"},
                        {"the second of two", {"n1", "192.168.1.1/24", "10.0.0.1/20"}, {"10.0.15.2/20"}, "10.0.0.1"},
                        {"the last bit of the prefix tells", {"n1", "10.0.0.1/20"}, {"10.0.16.2/20"}, "n1"},
                        {"a bridge that all hosts have", {"n1", bridge, "10.0.0.1/24"}, {bridge, "10.0.0.2/24"}, "10.0.0.1"},
                        {"a bridge alone in common", {"n1", bridge, "10.0.0.1/24"}, {bridge, "10.0.1.2/24"}, "n1"},
                        {"addresses of one host each", {"n1", "10.0.0.1/32"}, {"10.0.0.2/32"}, "n1"},
                        {"IPv6", {"n1", "fd00::1/64"}, {"10.0.0.2/24", "fd00::2/64"}, "fd00::1"},
                        {"this host", {"n1", bridge, "10.0.0.1/24"}, {bridge, "10.0.0.1/24"}, "127.0.0.1"},
                        {"a name that somebody has given", {"ib3"}, {"10.0.0.2/24"}, "ib3"},
                        {"what is no address", {"n1", "x/24", "10.0.0.1"}, {"10.0.0.2/24"}, "n1"}})
    EXPECT_EQ(WayTo(row.theirs, row.own), row.way) << row.name;
}

TEST(Whereabouts, OwnAddressesAreThoseThatOthersCanReach) {
  for (const std::string& address : OwnAddresses()) {
    EXPECT_FALSE(address.starts_with("127.") || address.starts_with("::1") || address.starts_with("fe80")) << address;
    EXPECT_NE(address.find('/'), std::string::npos);
  }
}

}  // namespace
}  // namespace everstep
