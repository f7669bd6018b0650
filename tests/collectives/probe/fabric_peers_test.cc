#include "collectives/probe/fabric_peers.h"

#include <gtest/gtest.h>

namespace everstep {
namespace {

FabricPeer Peer() {
  return {.version = "libfabric 1.17",
          .provider = "efa",
          .nics = {"rdmap16s27-rdm", "rdmap32s27-rdm"},
          .addresses = {std::string("\x00\x1f,\xff", 4), "b"}};
}

std::string Said(const FabricPeer& other) {
  Company company;
  company.ranks = 2;
  company.hosts = {"n1", "n2"};
  const auto peers = ReadIntroductions({Introduction(Peer()), Introduction(other)}, company);
  return peers ? "" : peers.error().Str();
}

TEST(FabricPeers, NicsAndAddressesArriveWhateverBytesAreInThem) {
  Company company;
  const auto peers = ReadIntroductions({Introduction(Peer())}, company);
  ASSERT_TRUE(peers.has_value()) << peers.error().Str();
  EXPECT_EQ((*peers)[0].nics, Peer().nics);
  EXPECT_EQ((*peers)[0].addresses, Peer().addresses);
}

TEST(FabricPeers, WhoHasFewerNicsIsNamedWithBothCounts) {
  FabricPeer other = Peer();
  other.nics.pop_back();
  other.addresses.pop_back();
  EXPECT_EQ(
      Said(other),
      "not all have as many NICs: rank 1 (n2) 1 (rdmap16s27-rdm), rank 0 (n1) 2 (rdmap16s27-rdm, rdmap32s27-rdm); name as "
      "many for each with --interface, or limit them with --rails");
}

TEST(FabricPeers, AnotherVersionAndAnotherProviderAreRefused) {
  FabricPeer other = Peer();
  other.version = "libfabric 2.1";
  EXPECT_EQ(Said(other), "rank 1 (n2) has version libfabric 2.1, rank 0 (n1) libfabric 1.17; install one version everywhere");
  other = Peer();
  other.provider = "tcp";
  EXPECT_EQ(Said(other), "rank 1 (n2) has provider tcp, rank 0 (n1) efa; name one with --provider that all have");
}

}  // namespace
}  // namespace everstep
