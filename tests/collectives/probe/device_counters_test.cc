// Trees with an EFA and an InfiniBand device, recorded before a test and after it.
#include "collectives/probe/device_counters.h"

#include <gtest/gtest.h>

namespace everstep {
namespace {

const std::string kRecorded = TESTDATA "/infiniband/";

TEST(DeviceCounters, EfaCountsBytesInfinibandWordsOfFour) {
  const std::vector<DeviceBytes> before = ReadDeviceBytes(kRecorded + "before");
  ASSERT_EQ(before.size(), 3u);
  EXPECT_EQ(before[0].device, "mlx5_0");
  EXPECT_EQ(before[0].sent, 4000u);
  EXPECT_EQ(before[0].received, 8000u);
  EXPECT_EQ(before[1].device, "rdmap16s27");
  EXPECT_EQ(before[1].sent, 7340032u);
  EXPECT_EQ(before[1].received, 7340640u);
}

TEST(DeviceCounters, ProveTheDeviceThatMoved64MiBAndNotTheOtherOne) {
  const std::vector<DeviceBytes> before = ReadDeviceBytes(kRecorded + "before"), after = ReadDeviceBytes(kRecorded + "after");
  const MovedBytes moved{.sent = 64u << 20, .received = 64u << 20};
  EXPECT_TRUE(ProveDevice("rdmap16s27", before, after, moved).proven);
  EXPECT_TRUE(ProveDevice("mlx5_0", before, after, moved).proven);
  const DeviceProof other = ProveDevice("rdmap32s27", before, after, moved);
  EXPECT_FALSE(other.proven);
  EXPECT_NE(other.why.find("mlx5_0 grew by 67108864 and 67108864; rdmap16s27 grew by "), std::string::npos) << other.why;
}

TEST(DeviceCounters, AHostWithoutSuchDevicesHasNone) { EXPECT_TRUE(ReadDeviceBytes(TESTDATA "/nowhere").empty()); }

}  // namespace
}  // namespace everstep
