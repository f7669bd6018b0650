#include "collectives/ofi/registration.h"

#include <gtest/gtest.h>

#include "base/real/clock.h"

namespace everstep {
namespace {

TEST(Registration, TooLowALimitIsNamedWithHowToRaiseIt) {
  EXPECT_EQ(
      CannotRegister(256 << 20, "rdmap16s27-rdm", "Cannot allocate memory", 64 << 10).Str(),
      "cannot register 256 MiB with rdmap16s27-rdm: Cannot allocate memory; memory that may be locked is 64 KiB here: raise it "
      "with ulimit -l unlimited, LimitMEMLOCK=infinity in the unit of systemd, or memlock in limits.conf");
}

TEST(Registration, AFailureBelowTheLimitIsNotBlamedOnIt) {
  for (const std::optional<std::size_t> limit :
       {std::optional<std::size_t>(), std::optional<std::size_t>(std::size_t{2} << 30)}) {
    const std::string said = CannotRegister(1 << 30, "efa", "Cannot allocate memory", limit).Str();
    EXPECT_NE(said.find("which is enough: is that much memory free, and does the device take as much?"), std::string::npos)
        << said;
  }
}

TEST(Registration, EachSizeIsRegisteredAndGivenBack) {
  RealClock clock;
  Result<std::vector<FabricInfo>> info = FindRails({.provider = "tcp", .interfaces = {}, .address = "127.0.0.1"});
  ASSERT_TRUE(info.has_value()) << info.error().Str();
  Result<std::unique_ptr<Endpoint>> endpoint = Endpoint::Open(std::move((*info)[0]));
  ASSERT_TRUE(endpoint.has_value()) << endpoint.error().Str();
  const std::vector<Registered> all = TestRegistration(**endpoint, "", {1 << 20, 4 << 20}, clock);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[1].bytes, 4u << 20);
  EXPECT_EQ(all[0].error + all[1].error, "");
  EXPECT_GT(all[0].register_seconds, 0);
}

TEST(Registration, MoreThanThereIsFailsByItselfAndEndsTheTest) {
  RealClock clock;
  Result<std::vector<FabricInfo>> info = FindRails({.provider = "tcp", .interfaces = {}, .address = "127.0.0.1"});
  Result<std::unique_ptr<Endpoint>> endpoint = Endpoint::Open(std::move((*info)[0]));
  const std::vector<Registered> all = TestRegistration(**endpoint, "", {std::size_t{1} << 60, 1 << 20}, clock);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_NE(all[0].error.find("there is not that much memory"), std::string::npos) << all[0].error;
}

}  // namespace
}  // namespace everstep
