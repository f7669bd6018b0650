#include "proto/rpc/address.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace everstep {
namespace {

struct Row {
  std::string_view text;
  std::string_view host;  // empty: not legal
  std::uint16_t port;
};

TEST(Address, IsReadAndWrittenAsPeopleWriteIt) {
  for (const Row& row : {Row{"127.0.0.1:7450", "127.0.0.1", 7450},
                         {"n7.example:1", "n7.example", 1},
                         {"[::1]:80", "::1", 80},
                         {"[fe80::1%eth0]:80", "fe80::1%eth0", 80},
                         {"localhost:0", "localhost", 0},
                         {"", "", 0},
                         {"n7", "", 0},
                         {":80", "", 0},
                         {"n7:", "", 0},
                         {"n7:65536", "", 0},
                         {"n7:-1", "", 0},
                         {"::1:80", "", 0},
                         {"[n7]:80", "", 0},
                         {"n7 :80", "", 0},
                         {"http://n7:80", "", 0},
                         {"n7/x:80", "", 0}}) {
    const Result<HostPort> address = ParseHostPort("listen", row.text);
    EXPECT_EQ(address.has_value(), !row.host.empty()) << row.text;
    if (!address || row.host.empty()) continue;
    EXPECT_EQ(address->host, row.host);
    EXPECT_EQ(address->port, row.port);
    EXPECT_EQ(address->Str(), row.text);
  }
  EXPECT_EQ(ParseHostPort("listen", "n7").error().Str(), "listen: found \"n7\", legal: HOST:PORT, [IPV6]:PORT");
}

TEST(Address, LoopbackIsWhatNeverLeavesTheHost) {
  for (const char* host : {"127.0.0.1", "127.8.9.1", "::1", "localhost"}) EXPECT_TRUE(IsLoopback({host, 1})) << host;
  for (const char* host : {"0.0.0.0", "::", "10.0.0.1", "128.0.0.1", "n7", "localhost.evil.example"})
    EXPECT_FALSE(IsLoopback({host, 1})) << host;
}

TEST(Address, TheRouteToALoopbackAddressIsLoopback) {
  EXPECT_EQ(LocalAddressTowards({"127.0.0.1", 7450}).value_or(""), "127.0.0.1");
}

}  // namespace
}  // namespace everstep
