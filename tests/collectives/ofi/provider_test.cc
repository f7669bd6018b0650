#include <gtest/gtest.h>

#include "base/text.h"
#include "collectives/ofi/provider.h"

namespace everstep {
namespace {

std::vector<ProviderRow> Debian12() {
  return {{"tcp;ofi_rxm", "br-lan", "fe80::1"},
          {"tcp;ofi_rxm", "eth0", "10.0.0.7"},
          {"tcp;ofi_rxm", "lo", "127.0.0.1"},
          {"net", "eth0", "10.0.0.7"},
          {"shm", "shm", ""},
          {"sockets", "eth0", "10.0.0.7"}};
}

std::string Picked(const std::vector<ProviderRow>& rows, const ProviderWish& wish) {
  const Result<std::vector<std::size_t>> picked = PickRails(rows, wish);
  if (!picked) return picked.error().Str();
  std::vector<std::string> domains;
  for (const std::size_t row : *picked) domains.push_back(rows[row].domain);
  return Cat(rows[picked->front()].provider, " ", Join(domains, ","));
}

TEST(Provider, TheInterfaceByWhichTheRanksHaveMetIsTakenNotTheFirstOfTheList) {
  EXPECT_EQ(Picked(Debian12(), {.provider = "tcp", .interfaces = {}, .address = "10.0.0.7"}), "tcp;ofi_rxm eth0");
  EXPECT_EQ(Picked(Debian12(), {.provider = "", .interfaces = {}, .address = "127.0.0.1"}), "tcp;ofi_rxm lo");
}

TEST(Provider, TheOneAskedForOrAnErrorNeverAnother) {
  EXPECT_EQ(Picked(Debian12(), {.provider = "efa", .interfaces = {}, .address = "10.0.0.7"}),
            "provider efa was asked for and libfabric has none here; it lists: tcp;ofi_rxm on br-lan, tcp;ofi_rxm on eth0, "
            "tcp;ofi_rxm on lo, "
            "net on eth0, shm on shm, sockets on eth0");
  EXPECT_EQ(Picked(Debian12(), {.provider = "net", .interfaces = {}, .address = "10.0.0.7"}), "net eth0");
  EXPECT_EQ(Picked(Debian12(), {.provider = "tcp;ofi_rxm", .interfaces = {"lo"}, .address = "10.0.0.7"}), "tcp;ofi_rxm lo");
  EXPECT_EQ(Picked({}, {}), "libfabric lists no provider that is fit for a check; it lists: none at all");
}

TEST(Provider, ThatIsThereNativelyAndThroughRxmIsTakenNativelyWhereverItStands) {
  EXPECT_EQ(Picked({{"tcp;ofi_rxm", "eth0", "10.0.0.7"}, {"tcp", "eth0", "10.0.0.7"}},
                   {.provider = "tcp", .interfaces = {}, .address = "10.0.0.7"}),
            "tcp eth0");
  EXPECT_EQ(Picked({{"tcp;ofi_rxm", "eth0", "10.0.0.7"}, {"tcp", "eth0", "10.0.0.7"}},
                   {.provider = "tcp;ofi_rxm", .interfaces = {}, .address = "10.0.0.7"}),
            "tcp;ofi_rxm eth0");
}

TEST(Provider, UnaskedTheBestIsTakenAndTheSlowOnesNever) {
  std::vector<ProviderRow> rows = Debian12();
  rows.push_back({"verbs;ofi_rxm", "mlx5_0", "10.0.0.7"});
  EXPECT_EQ(Picked(rows, {.provider = "", .interfaces = {}, .address = "10.0.0.7"}), "verbs;ofi_rxm mlx5_0");
  rows.push_back({"efa", "rdmap16s27-rdm", ""});
  EXPECT_EQ(Picked(rows, {.provider = "", .interfaces = {}, .address = "10.0.0.7"}), "efa rdmap16s27-rdm");
  EXPECT_EQ(Picked({{"sockets", "eth0", "10.0.0.7"}, {"net", "eth0", "10.0.0.7"}}, {}),
            "libfabric lists no provider that is fit for a check; it lists: sockets on eth0, net on eth0");
}

TEST(Provider, AnInterfaceThatIsNotThereIsNamedWithThoseThatAre) {
  EXPECT_EQ(Picked({{"tcp", "eth0", "10.0.0.7"}}, {.provider = "tcp", .interfaces = {"eth1"}, .address = ""}),
            "provider tcp has no interface eth1; libfabric lists: tcp on eth0");
  EXPECT_EQ(Picked({{"tcp", "eth0", "10.0.0.7"}}, {.provider = "tcp", .interfaces = {}, .address = "192.0.2.1"}),
            "provider tcp has no interface with the address 192.0.2.1 by which the ranks have met; name one with --interface; "
            "libfabric lists: tcp on eth0");
}

std::vector<ProviderRow> FourDevices() {
  return {{"efa", "rdmap128s27-rdm", ""}, {"efa", "rdmap16s27-rdm", ""}, {"tcp", "eth0", "10.0.0.7"},
          {"efa", "rdmap32s27-rdm", ""},  {"efa", "rdmap16s27-rdm", ""}, {"efa", "rdmap113s27-rdm", ""}};
}

TEST(Provider, EveryRdmaDeviceIsARailInTheOrderOfTheNumbersInItsName) {
  EXPECT_EQ(Picked(FourDevices(), {.address = "10.0.0.7"}),
            "efa rdmap16s27-rdm,rdmap32s27-rdm,rdmap113s27-rdm,rdmap128s27-rdm");
  EXPECT_EQ(Picked(FourDevices(), {.address = "10.0.0.7", .rails_max = 3}),
            "efa rdmap16s27-rdm,rdmap32s27-rdm,rdmap113s27-rdm");
}

// They have met by an interface that is none of them, as over IP beside an InfiniBand fabric.
TEST(Provider, VerbsDevicesNeedNotHaveTheAddressByWhichTheRanksHaveMet) {
  EXPECT_EQ(
      Picked({{"verbs;ofi_rxm", "mlx5_10", "10.9.0.7"}, {"verbs;ofi_rxm", "mlx5_2", "10.8.0.7"}, {"tcp", "eth0", "10.0.0.7"}},
             {.address = "10.0.0.7"}),
      "verbs;ofi_rxm mlx5_2,mlx5_10");
}

TEST(Provider, RanksOfAHostShareTheDevicesOutAndEachUsesAllWhereThereAreTooFew) {
  EXPECT_EQ(Picked(FourDevices(), {.place = 1, .ranks_here = 2}), "efa rdmap113s27-rdm,rdmap128s27-rdm");
  EXPECT_EQ(Picked(FourDevices(), {.place = 2, .ranks_here = 3}), "efa rdmap113s27-rdm");
  EXPECT_EQ(Picked(FourDevices(), {.place = 7, .ranks_here = 8}),
            "efa rdmap16s27-rdm,rdmap32s27-rdm,rdmap113s27-rdm,rdmap128s27-rdm");
}

TEST(Provider, InterfacesThatAreNamedAreTheRailsInThatOrder) {
  std::vector<ProviderRow> rows = Debian12();
  rows.push_back({"tcp;ofi_rxm", "eth1", "10.1.0.7"});
  EXPECT_EQ(Picked(rows, {.provider = "tcp", .interfaces = {"eth1", "eth0"}, .address = "10.0.0.7"}), "tcp;ofi_rxm eth1,eth0");
  EXPECT_EQ(Picked(rows, {.provider = "tcp", .interfaces = {"eth1", "eth0"}, .address = "10.0.0.7", .rails_max = 1}),
            "tcp;ofi_rxm eth1");
  EXPECT_TRUE(Picked(rows, {.provider = "tcp", .interfaces = {"eth0", "eth2"}, .address = "10.0.0.7"})
                  .starts_with("provider tcp;ofi_rxm has no interface eth2; libfabric lists: "));
}

TEST(Provider, LibfabricOfThisMachineHasTcpByLoopback) {
  const Result<std::vector<FabricInfo>> rails = FindRails({.provider = "tcp", .interfaces = {}, .address = "127.0.0.1"});
  ASSERT_TRUE(rails.has_value()) << rails.error().Str();
  EXPECT_EQ(std::string((*rails)[0]->domain_attr->name), "lo");
}

}  // namespace
}  // namespace everstep
