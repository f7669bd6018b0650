// What a check of several hosts makes of their scans and of the network's verdicts.
#include "launcher/cli/check_report.h"

#include <gtest/gtest.h>

#include "base/json/codec.h"
#include "base/text.h"

namespace everstep {
namespace {

using Mark = health::State;
using health::VerdictLine;

std::string Line(const std::string& check, Mark status, const std::string& value, const std::string& why) {
  return ToJson(VerdictLine{.host = "vm", .check = check, .status = status, .value = value, .why = why, .remedy = "mend it"}) +
         '\n';
}

TEST(CheckReport, AHostIsAsBadAsTheWorstThatIsSaidOfIt) {
  const auto hosts =
      Checked({.nodes = {"n1", "n2"},
               .scans = {{0, Line("cpu.online", Mark::ok, "2", "2")},
                         {1, Line("gpu.count", Mark::fail, "7", "7 of 8 GPUs") + Line("memory.swap", Mark::warn, "", "swaps")}},
               .fabric = std::vector<ProbeVerdict>()});
  EXPECT_EQ(hosts[0].status, Mark::ok);
  EXPECT_EQ(hosts[0].fabric, "passed");
  EXPECT_EQ(hosts[1].status, Mark::fail);
  EXPECT_EQ(hosts[1].fail, 1u);
  EXPECT_EQ(hosts[1].warn, 1u);
  EXPECT_FALSE(Fit(hosts, false));
  EXPECT_EQ(FindingsText(hosts),
            "n2: FAIL gpu.count: 7 of 8 GPUs\n    to do: mend it\nn2: WARN memory.swap: swaps\n    to do: mend it\n");
}

TEST(CheckReport, WhatTheNetworkSaysOfARankIsSaidOfItsHostAndOfALinkOfBothEnds) {
  const auto hosts =
      Checked({.nodes = {"n1", "n2", "n3"},
               .scans = {{0, Line("a", Mark::ok, "", "")}, {1, Line("a", Mark::ok, "", "")}, {2, Line("a", Mark::ok, "", "")}},
               .fabric = std::vector<ProbeVerdict>{{.kind = "link", .ranks = {0, 2}, .why = "LINK: slow"}}});
  EXPECT_EQ(hosts[0].fabric, "failed");
  EXPECT_EQ(hosts[1].fabric, "passed");
  EXPECT_EQ(hosts[2].status, Mark::fail);
  EXPECT_EQ(Split(FindingsText(hosts), '\n').front(), "n[1,3]: FAIL fabric.link: LINK: slow");
}

TEST(CheckReport, AHostThatSaysNothingIsUnknownAndNotFitWhereThatCounts) {
  const auto hosts = Checked({.nodes = {"n1"}, .scans = {{0, "no JSON\n"}}, .fabric = {}});
  EXPECT_EQ(hosts[0].status, Mark::unknown);
  EXPECT_EQ(hosts[0].fabric, "not checked");
  EXPECT_TRUE(Fit(hosts, false));
  EXPECT_FALSE(Fit(hosts, true));
}

TEST(CheckReport, TheOddOneOutIsNamedAndOfTwoNobody) {
  const auto scan = [](const std::string& driver) { return Line("version.nvidia", Mark::ok, driver, driver); };
  const auto three =
      Checked({.nodes = {"n1", "n2", "n3"}, .scans = {{0, scan("550")}, {1, scan("535")}, {2, scan("550")}}, .fabric = {}});
  EXPECT_EQ(three[0].status, Mark::ok);
  EXPECT_EQ(three[1].status, Mark::warn);
  EXPECT_NE(three[1].findings.front().why.find("535"), std::string::npos) << three[1].findings.front().why;
  const auto two = Checked({.nodes = {"n1", "n2"}, .scans = {{0, scan("550")}, {1, scan("535")}}, .fabric = {}});
  EXPECT_EQ(two[0].status, Mark::ok);
  EXPECT_EQ(two[1].status, Mark::ok);
}

}  // namespace
}  // namespace everstep
