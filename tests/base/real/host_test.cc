#include "base/real/host.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace everstep {
namespace {

TEST(Host, TheKernelsBootIdIsOneWordAndTheSameEachTime) {
  const Result<BootId> id = KernelBootId();
  ASSERT_TRUE(id) << id.error().message;
  EXPECT_EQ(id->value.size(), 36u) << id->value;
  EXPECT_EQ(id->value.find_first_not_of("0123456789abcdef-"), std::string::npos);
  EXPECT_EQ(KernelBootId(), id);
}

TEST(Host, AnAddressNamesItsInterfaceAndAnUnknownOneNone) {
  EXPECT_EQ(InterfaceOf("127.0.0.1"), "lo");
  EXPECT_EQ(InterfaceOf("192.0.2.1"), "") << "reserved for documentation: nobody has it";
  EXPECT_EQ(InterfaceOf(""), "");
  EXPECT_EQ(InterfaceOf("localhost"), "") << "a name is no address";
}

TEST(Host, OnlyNumberedDevicesAreAccelerators) {
  const std::string dev = testing::TempDir() + "everstep-dev";
  std::filesystem::create_directories(dev + "/nvidia-caps");
  EXPECT_EQ(CountAccelerators(dev), 0u);
  for (const char* name : {"nvidia0", "nvidia1", "nvidia10", "nvidiactl", "nvidia-uvm", "nvidia", "null"})
    std::ofstream(dev + '/' + name) << "";
  EXPECT_EQ(CountAccelerators(dev), 3u);
  std::filesystem::remove_all(dev);
  EXPECT_EQ(CountAccelerators(dev), 0u) << "no such directory";
}

}  // namespace
}  // namespace everstep
