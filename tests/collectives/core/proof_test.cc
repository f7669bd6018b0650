#include "collectives/core/proof.h"

#include <gtest/gtest.h>

namespace everstep {
namespace {

std::vector<DeviceBytes> Two(std::uint64_t first, std::uint64_t second) {
  return {{.device = "rdmap16s27", .sent = first, .received = first},
          {.device = "rdmap32s27", .sent = second, .received = second}};
}

TEST(Proof, BytesThatTheDeviceCountedAreProvenHeadersIncluded) {
  const DeviceProof proof = ProveDevice("rdmap16s27", Two(10, 10), Two(1110, 10), {.sent = 1000, .received = 1000});
  EXPECT_TRUE(proof.proven);
  EXPECT_EQ(proof.why, "1000 bytes were sent and 1000 received by rdmap16s27, whose counters grew by 1100 and 1100");
}

TEST(Proof, BytesThatAnotherDeviceCountedAreNotAndItIsNamed) {
  const DeviceProof proof = ProveDevice("rdmap16s27", Two(10, 10), Two(10, 1110), {.sent = 1000, .received = 1000});
  EXPECT_FALSE(proof.proven);
  EXPECT_EQ(
      proof.why,
      "1000 bytes were sent and 1000 received by rdmap16s27, whose counters grew by 0 and 0 only; rdmap32s27 grew by 1100 and "
      "1100");
}

TEST(Proof, BytesThatNoDeviceCountedWentAnotherWay) {
  EXPECT_EQ(
      ProveDevice("rdmap16s27", Two(10, 10), Two(1009, 10), {.sent = 1000, .received = 100}).why,
      "1000 bytes were sent and 100 received by rdmap16s27, whose counters grew by 999 and 999 only; no other device's did");
}

TEST(Proof, WhatCannotBeReadOrWasResetProvesNothing) {
  EXPECT_EQ(ProveDevice("rdmap16s27", Two(10, 10), Two(5, 10), {.sent = 1, .received = 1}).why,
            "1 bytes were sent and 1 received by rdmap16s27, whose counters cannot be read or were reset meanwhile");
  EXPECT_EQ(ProveDevice("mlx5_0", Two(10, 10), Two(20, 20), {.sent = 1, .received = 1}).why,
            "1 bytes were sent and 1 received by mlx5_0, which has no counters here; rdmap16s27, rdmap32s27");
  EXPECT_FALSE(ProveDevice("rdmap16s27", Two(10, 10), Two(20, 20), {}).proven) << "nothing moved, nothing proven";
}

}  // namespace
}  // namespace everstep
