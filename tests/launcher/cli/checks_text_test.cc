// Every check of a host as a person sees it, in a narrow terminal, a wide one and a pipe.
#include "launcher/cli/checks_text.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "launcher/cli/terminal.h"

namespace everstep {
namespace {

const HostCheck kHot{.check = "gpu.temperature",
                     .scope = "GPU at 0000:18:00",
                     .state = CheckState::fail,
                     .value = "97 °C",
                     .limit = "> 90 °C",
                     .why = "temperature: 97 °C, and > 90 °C is bad",
                     .evidence = "nvmlDeviceGetTemperature: 97",
                     .age = 4s,
                     .in_state = 3min,
                     .changes = 1,
                     .states = {{CheckState::ok, 2h}, {CheckState::fail, 3min}},
                     .values = {{"70 °C", 2h}, {"95 °C", 3min}, {"97 °C", 4s}}};
const HostCheck kUnread{
    .check = "kernel.oops", .state = CheckState::unknown, .limit = "> 0", .why = "/dev/kmsg: no right", .in_state = 2h};
const HostCheck kBlind{
    .check = "kernel.panic", .state = CheckState::unknown, .limit = "> 0", .why = "/dev/kmsg: no right", .in_state = 2h};
const HostCheck kFine{
    .check = "cpu.allowed", .value = "100 %", .limit = "< 100 %", .age = 4s, .in_state = 2h, .values = {{"100 %", 2h}}};

HostChecks Told(std::vector<HostCheck> checks) {
  return {.node = NodeId("n3"), .age = 2s, .watched_for = 2h, .checks = std::move(checks)};
}

TEST(ChecksText, WhatIsBadStandsFirstWithWhatCameBeforeAndWhatIsGoodInALine) {
  EXPECT_EQ(ChecksText(Told({kHot, kUnread, kBlind, kFine}), {.columns = 80}),
            "1 FAIL, 0 WARN, 2 UNKNOWN, 1 OK; watched for 2h\n"
            "STATE    CHECK                                 VALUE  AGE  FOR  BAD\n"
            "FAIL     gpu.temperature of GPU at 0000:18:00  97 °C  4s   3m   > 90 °C\n"
            "         read: nvmlDeviceGetTemperature: 97\n"
            "         was: OK 2h ago, FAIL 3m ago\n"
            "         values before: 95 °C, 70 °C\n"
            "UNKNOWN  kernel.oops                           -      -    2h   > 0\n"
            "         /dev/kmsg: no right\n"
            "UNKNOWN  kernel.panic                          -      -    2h   > 0\n"
            "OK       cpu.allowed                           100 %  4s   2h   < 100 %\n");
}

TEST(ChecksText, WhatIsTooWideIsCutOnATerminalAndNowhereElse) {
  HostCheck wide = kFine;
  wide.check = "mount.writable";
  wide.scope = "/a/path/that/somebody/has/made/up/to/be/longer/than/any/terminal/is/wide";
  wide.value = "a value that goes on and on";
  wide.limit = "!= a word | another word | a third one that is long";
  const HostChecks checks = Told({wide, kHot});
  for (const std::size_t columns : {80u, 160u})
    for (const std::string& line : Split(ChecksText(checks, {.columns = columns}), '\n'))
      EXPECT_LE(Columns(line), columns) << line;
  EXPECT_NE(ChecksText(checks, {}).find(wide.scope + "  a value that goes on and on  4s   2h   -        != a word | another"),
            std::string::npos)
      << ChecksText(checks, {});
}

TEST(ChecksText, AMonitorThatHasFallenSilentIsNamedAndSoIsWhatWasLeftOut) {
  HostChecks checks = Told({kFine});
  checks.age = 45s;
  checks.left_out = 3;
  EXPECT_TRUE(ChecksText(checks, {})
                  .starts_with("0 FAIL, 0 WARN, 0 UNKNOWN, 1 OK; watched for 2h; its monitor has said nothing for 45s; 3 "
                               "checks left out, for there "
                               "are too many\n"))
      << ChecksText(checks, {});
}

TEST(ChecksText, WhereThereAreNoneOneLineSaysWhy) {
  EXPECT_EQ(ChecksText({.untold = "n3 did not answer within 2 s"}, {}), "No checks are shown: n3 did not answer within 2 s\n");
}

TEST(ChecksText, OfManyChangesTheNewestAreShownAndAllAreCounted) {
  HostCheck swings = kHot;
  swings.changes = 20;
  EXPECT_NE(ChecksText(Told({swings}), {}).find("was: OK 2h ago, FAIL 3m ago (20 changes in all)\n"), std::string::npos);
}

}  // namespace
}  // namespace everstep
