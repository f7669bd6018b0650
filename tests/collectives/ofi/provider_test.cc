#include <gtest/gtest.h>

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
  const Result<std::size_t> picked = PickProvider(rows, wish);
  return picked ? rows[*picked].provider + " " + rows[*picked].domain : picked.error().Str();
}

TEST(Provider, TheInterfaceByWhichTheRanksHaveMetIsTakenNotTheFirstOfTheList) {
  EXPECT_EQ(Picked(Debian12(), {.provider = "tcp", .interface = "", .address = "10.0.0.7"}), "tcp;ofi_rxm eth0");
  EXPECT_EQ(Picked(Debian12(), {.provider = "", .interface = "", .address = "127.0.0.1"}), "tcp;ofi_rxm lo");
}

TEST(Provider, TheOneAskedForOrAnErrorNeverAnother) {
  EXPECT_EQ(Picked(Debian12(), {.provider = "efa", .interface = "", .address = "10.0.0.7"}),
            "provider efa was asked for and libfabric has none here; it lists: tcp;ofi_rxm on br-lan, tcp;ofi_rxm on eth0, "
            "tcp;ofi_rxm on lo, "
            "net on eth0, shm on shm, sockets on eth0");
  EXPECT_EQ(Picked(Debian12(), {.provider = "net", .interface = "", .address = "10.0.0.7"}), "net eth0");
  EXPECT_EQ(Picked(Debian12(), {.provider = "tcp;ofi_rxm", .interface = "lo", .address = "10.0.0.7"}), "tcp;ofi_rxm lo");
  EXPECT_EQ(Picked({}, {}), "libfabric lists no provider that is fit for a check; it lists: none at all");
}

TEST(Provider, ThatIsThereNativelyAndThroughRxmIsTakenNativelyWhereverItStands) {
  EXPECT_EQ(Picked({{"tcp;ofi_rxm", "eth0", "10.0.0.7"}, {"tcp", "eth0", "10.0.0.7"}},
                   {.provider = "tcp", .interface = "", .address = "10.0.0.7"}),
            "tcp eth0");
  EXPECT_EQ(Picked({{"tcp;ofi_rxm", "eth0", "10.0.0.7"}, {"tcp", "eth0", "10.0.0.7"}},
                   {.provider = "tcp;ofi_rxm", .interface = "", .address = "10.0.0.7"}),
            "tcp;ofi_rxm eth0");
}

TEST(Provider, UnaskedTheBestIsTakenAndTheSlowOnesNever) {
  std::vector<ProviderRow> rows = Debian12();
  rows.push_back({"verbs;ofi_rxm", "mlx5_0", "10.0.0.7"});
  EXPECT_EQ(Picked(rows, {.provider = "", .interface = "", .address = "10.0.0.7"}), "verbs;ofi_rxm mlx5_0");
  rows.push_back({"efa", "rdmap16s27-rdm", ""});
  EXPECT_EQ(Picked(rows, {.provider = "", .interface = "", .address = "10.0.0.7"}), "efa rdmap16s27-rdm");
  EXPECT_EQ(Picked({{"sockets", "eth0", "10.0.0.7"}, {"net", "eth0", "10.0.0.7"}}, {}),
            "libfabric lists no provider that is fit for a check; it lists: sockets on eth0, net on eth0");
}

TEST(Provider, AnInterfaceThatIsNotThereIsNamedWithThoseThatAre) {
  EXPECT_EQ(Picked({{"tcp", "eth0", "10.0.0.7"}}, {.provider = "tcp", .interface = "eth1", .address = ""}),
            "provider tcp has no interface eth1; libfabric lists: tcp on eth0");
  EXPECT_EQ(Picked({{"tcp", "eth0", "10.0.0.7"}}, {.provider = "tcp", .interface = "", .address = "192.0.2.1"}),
            "provider tcp has no interface with the address 192.0.2.1 by which the ranks have met; name one with --interface; "
            "libfabric lists: tcp on eth0");
}

TEST(Provider, LibfabricOfThisMachineHasTcpByLoopback) {
  const Result<FabricInfo> info = FindProvider({.provider = "tcp", .interface = "", .address = "127.0.0.1"});
  ASSERT_TRUE(info.has_value()) << info.error().Str();
  EXPECT_EQ(std::string((*info)->domain_attr->name), "lo");
}

}  // namespace
}  // namespace everstep
