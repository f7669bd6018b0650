#include "collectives/probe/link_state.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace everstep {
namespace {

namespace fs = std::filesystem;

class LinkState : public testing::Test {
 protected:
  ~LinkState() override { fs::remove_all(root_); }
  void Write(const std::string& path, const std::string& text) {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  bool Has(const std::string& nic) { return HasLink(root_, nic); }
  fs::path root_ = testing::TempDir() + "everstep-link-" + std::to_string(::getpid());
};

TEST_F(LinkState, IsTheStateOfAnRdmaDevicesPorts) {
  Write("sys/class/infiniband/mlx5_0/ports/1/state", "4: ACTIVE\n");
  Write("sys/class/infiniband/mlx5_1/ports/1/state", "1: DOWN\n");
  EXPECT_TRUE(Has("mlx5_0"));
  EXPECT_FALSE(Has("mlx5_1"));
}

TEST_F(LinkState, LoopbackHasOneAndSoHasWhatIsNotKnown) {
  EXPECT_TRUE(Has("lo"));
  EXPECT_TRUE(Has("rdmap16s27"));
}

}  // namespace
}  // namespace everstep
