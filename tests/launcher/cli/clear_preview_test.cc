// `everstep clear --dry-run`: what would be taken back, of all checks or of one.
#include "launcher/cli/clear_preview.h"

#include <gtest/gtest.h>

namespace everstep {
namespace {

NodeView Sick() {
  return {
      .node = NodeId("n2"),
      .phase = NodePhase::quarantined,
      .why = "quarantined, reboot: gpu.xid of GPU at 0000:18:00: 79 (3 min); waits: it is to be rebooted",
      .health = HealthView{.watched = true,
                           .alarms = {{.check = "gpu.xid", .scope = "GPU at 0000:18:00"},
                                      {.check = "gpu.xid", .scope = "GPU at 0000:3b:00"},
                                      {.check = "mem.ecc"},
                                      {.check = "net.errors", .cleared = true}},
                           .offences = "score 1.5 (3.0 keeps a host from work): gpu.xid, mem.ecc (2 times); newest 1 h ago"}};
}

TEST(ClearPreview, WithoutACheckItIsAllThatStands) {
  EXPECT_EQ(WouldClear(Sick(), ""), "3 alarms, its quarantine, its offences");
}

TEST(ClearPreview, OfOneCheckItIsWhatThatCheckDid) {
  EXPECT_EQ(WouldClear(Sick(), "gpu.xid"), "2 alarms of gpu.xid, its quarantine, its offences of gpu.xid");
  EXPECT_EQ(WouldClear(Sick(), "mem.ecc"), "1 alarm of mem.ecc, its offences of mem.ecc")
      << "the quarantine is another check's";
}

TEST(ClearPreview, ACheckWithoutAnAlarmIsRefusedAsTheLauncherWould) {
  for (const char* check : {"gpu.typo", "net.errors", "gpu", "mem.ec"}) {
    const auto would = WouldClear(Sick(), check);
    ASSERT_FALSE(would) << check << ": " << *would;
    EXPECT_EQ(would.error().code, ErrorCode::kNotFound);
    EXPECT_NE(would.error().message.find("there are: gpu.xid, mem.ecc"), std::string::npos) << would.error().message;
  }
}

TEST(ClearPreview, AFailedCheckIsAmongIt) {
  const NodeView node{.node = NodeId("n2"), .phase = NodePhase::ready, .fabric = FabricView{.passed = false, .why = "7 of 8"}};
  EXPECT_EQ(WouldClear(node, ""), "the check that it failed");
  EXPECT_EQ(WouldClear(node, "fabric"), "the check that it failed");
  EXPECT_EQ(WouldClear(node, "mem.ecc"), "");
}

TEST(ClearPreview, AQuarantineWhoseAlarmIsOverAndADrainThatIsNoneOfItsBusiness) {
  NodeView node{
      .node = NodeId("n2"), .phase = NodePhase::drained, .why = "drained by ann: fans; quarantined, drain: mem.ecc: 7 (1 h)"};
  EXPECT_EQ(WouldClear(node, "mem.ecc"), "its quarantine");
  node.why = "drained by ann: mem.ecc";
  EXPECT_EQ(WouldClear(node, "mem.ecc"), "");
}

}  // namespace
}  // namespace everstep
