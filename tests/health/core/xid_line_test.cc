// Lines of NVIDIA's driver, and the ladder from one remedy to the next.
#include <gtest/gtest.h>

#include "health/core/xid.h"

namespace everstep::health {
namespace {

XidTable Table() {
  return {.rows = {{.codes = {{13, 13}}, .about = "exception", .action = Action::app},
                   {.codes = {{79, 79}}, .about = "off the bus", .action = Action::reboot, .repeat = Action::replace},
                   {.codes = {{95, 95}}, .about = "uncontained", .action = Action::reset, .a100 = Action::reboot},
                   {.codes = {{144, 150}}, .about = "NVLink 5 error", .action = Action::reset, .nonfatal = Action::note},
                   {.codes = {{154, 154}}, .about = "recovery action", .action = Action::drain, .follow_text = true}}};
}

struct Line {
  const char* text;
  std::uint32_t code;
  const char* device;
  Action action;
};

TEST(XidLine, EveryFormOfTheDriversLinesIsReadAndDecided) {
  const Line lines[] = {
      {"NVRM: Xid (PCI:0000:18:00): 79, pid=1234, name=python3, GPU has fallen off the bus.", 79, "0000:18:00", Action::reboot},
      {"NVRM: Xid (0000:03:00): 13, Graphics Exception", 13, "0000:03:00", Action::app},
      {"NVRM: Xid (PCI:0000:3b:00): 95", 95, "0000:3b:00", Action::reset},
      {"NVRM: GPU 0000:5e:00.0: GPU has fallen off the bus.", 79, "0000:5e:00", Action::reboot},
      {"NVRM: GPU at PCI:0000:5e:00: GPU has fallen off the bus.", 79, "0000:5e:00", Action::reboot},
      {"NVRM: Xid (PCI:0009:01:00): 149, NETIR_LINK_EVT  Fatal   XC0 i0 Link 01 (0x021425c6 0x00000000)", 149, "0009:01:00",
       Action::reset},
      {"NVRM: Xid (PCI:0009:01:00): 145, RLW_CTRL Nonfatal XC1 i0 Link 07 (0x00000001)", 145, "0009:01:00", Action::note},
      {"NVRM: Xid (PCI:0000:01:00): 154, GPU recovery action changed from 0x0 (None) to 0x1 (GPU Reset Required)", 154,
       "0000:01:00", Action::reset},
      {"NVRM: Xid (PCI:0000:01:00): 154, GPU recovery action changed from 0x0 (None) to 0x2 (Node Reboot Required)", 154,
       "0000:01:00", Action::reboot},
      {"NVRM: Xid (PCI:0000:01:00): 154, GPU recovery action changed from 0x1 (GPU Reset Required) to 0x0 (None)", 154,
       "0000:01:00", Action::note},
      {"NVRM: Xid (PCI:0000:01:00): 154, GPU recovery action changed from 0x0 (None) to 0x3 (Drain P2P)", 154, "0000:01:00",
       Action::drain},
      {"NVRM: Xid (PCI:0000:01:00): 154, GPU recovery action changed from 0x0 (None) to 0x1 (PF FLR)", 154, "0000:01:00",
       Action::reset},
      {"NVRM: Xid (PCI:0000:01:00): 154, GPU recovery action changed from 0x0 (None) to 0x9 (Something New)", 154, "0000:01:00",
       Action::drain},
      {"nvidia-nvswitch3: SXid (PCI:0000:c1:00.0): 20034, Fatal, Link 30 LTSSM Fault Up", 20034, "0000:c1:00", Action::reboot},
      {"nvidia-nvswitch0: SXid (PCI:0000:c3:00.0): 20009, Non-fatal, Link 28 RX Short Error Rate", 20009, "0000:c3:00",
       Action::note},
  };
  for (const Line& line : lines) {
    const auto xid = ParseXid(line.text);
    ASSERT_TRUE(xid) << line.text;
    EXPECT_EQ(xid->code, line.code) << line.text;
    EXPECT_EQ(xid->device, line.device) << line.text;
    EXPECT_EQ(Name(DecideXid(Table(), *xid).action), Name(line.action)) << line.text;
  }
}

TEST(XidLine, LookAlikesAreNone) {
  for (const char* text :
       {"NVRM: Xid error: xyz", "python3: NVRM: Xid (PCI:0000:18:00): 79, quoted in a log",
        "NVRM: Xid (PCI:0000:18:00): seventy", "NVRM: loading NVIDIA UNIX x86_64 Kernel Module  550.54.15",
        "nvidia-nvswitch3: SXid (PCI:0000:c1:00.0): garbled, Fatal", "NVRM: Xid (PCI:0000:18:00): 79000000000000, x",
        "NVRM: Xid (rm -rf): 79, x", "NVRM: Xid (PCI:0000:18:00", ""})
    EXPECT_FALSE(ParseXid(text)) << text;
}

TEST(XidLine, TheLinkIsNamed) {
  const auto xid = ParseXid("nvidia-nvswitch3: SXid (PCI:0000:c1:00.0): 20034, Fatal, Link 30 LTSSM Fault Up");
  ASSERT_TRUE(xid);
  EXPECT_EQ(xid->link, 30u);
  EXPECT_EQ(DecideXid(Table(), *xid).why, "SXid 20034 of 0000:c1:00 link 30 is fatal to the switch");
}

TEST(XidLadder, WhatComesBackAfterARemedyAsksForMore) {
  const Xid off{.code = 79, .device = "0000:18:00"};
  EXPECT_EQ(DecideXid(Table(), off, "", {.remedies = 0}).action, Action::reboot);
  const XidDecision again = DecideXid(Table(), off, "", {.remedies = 1});
  EXPECT_EQ(again.action, Action::replace);
  EXPECT_EQ(again.why, "Xid 79 of 0000:18:00 came back after 1 remedy");
  const Xid link{.code = 149, .device = "0000:18:00", .fatal = true};
  EXPECT_EQ(DecideXid(Table(), link, "", {.remedies = 1}).action, Action::reset);   // no row says what repeats ask for:
  EXPECT_EQ(DecideXid(Table(), link, "", {.remedies = 2}).action, Action::reboot);  // one step up after two
}

TEST(XidLadder, TheThirdDifferentJobOnOneGpuIsNotToBlame) {
  const Xid exception{.code = 13, .device = "0000:18:00"};
  EXPECT_EQ(DecideXid(Table(), exception, "", {.jobs = 2}).action, Action::app);
  EXPECT_EQ(DecideXid(Table(), exception, "", {.jobs = 3}).action, Action::reset);
  const Xid off{.code = 79, .device = "0000:18:00"};
  EXPECT_EQ(DecideXid(Table(), off, "", {.jobs = 3}).action, Action::reboot) << "what no job is blamed for asks for no less";
}

TEST(XidLadder, AnA100CannotBeResetForAnUncontainedError) {
  EXPECT_EQ(DecideXid(Table(), {.code = 95}, "NVIDIA A100-SXM4-40GB").action, Action::reboot);
  EXPECT_EQ(DecideXid(Table(), {.code = 95}, "NVIDIA H100 80GB HBM3").action, Action::reset);
}

TEST(XidDecision, ItsSentenceTellsTheCodeToWhoHasNothingElse) {
  const XidTable table{.rows = {{.codes = {{79, 79}}, .about = "gone", .action = Action::reboot}}};
  EXPECT_EQ(XidCodeIn(DecideXid(table, {.code = 79, .device = "0000:18:00"}).why), 79u);
  EXPECT_EQ(XidCodeIn(DecideXid(table, {.code = 12, .device = "0000:18:00"}).why), 12u);
  EXPECT_FALSE(XidCodeIn(DecideXid(table, {.of_switch = true, .code = 9, .device = "0000:c1:00"}).why));
  EXPECT_FALSE(XidCodeIn("7, and more than 3 is bad"));
}

}  // namespace
}  // namespace everstep::health
