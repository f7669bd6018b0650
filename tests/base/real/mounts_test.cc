#include "base/real/mounts.h"

#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/text.h"

namespace everstep {
namespace {

namespace fs = std::filesystem;

class Mounts : public testing::Test {
 protected:
  Mounts() {
    std::string pattern = testing::TempDir() + "/mounts-XXXXXX";
    root_ = fs::canonical(::mkdtemp(pattern.data()));
    fs::create_directories(root_ + "/dir/kept");
    fs::create_directories(root_ + "/own/kept");
    std::ofstream(root_ + "/dir/kept/a") << "a";
    std::ofstream(root_ + "/dir/real") << "real";
  }
  ~Mounts() override { fs::remove_all(root_); }
  MountPlan Plan() const { return MountPlan({.own = root_ + "/own", .over = root_ + "/dir", .shown = root_ + "/dir/kept"}); }

  std::string root_;
};

bool Writes(const std::string& path) {
  std::ofstream file(path);
  return static_cast<bool>(file << "x" << std::flush);
}

TEST_F(Mounts, WhoEntersSeesItsOwnDirectoryAndTheKeptOneOnlyForReading) {
  if (const Status can = TryMounts(Plan()); !can) GTEST_SKIP() << can.error().message;
  std::thread([this] {
    ASSERT_EQ(EnterMounts(Plan()), MountStage::good);
    EXPECT_FALSE(fs::exists(root_ + "/dir/real"));
    EXPECT_TRUE(fs::exists(root_ + "/dir/kept/a"));
    EXPECT_FALSE(Writes(root_ + "/dir/kept/a"));
    EXPECT_FALSE(Writes(root_ + "/dir/kept/b"));
    EXPECT_TRUE(Writes(root_ + "/dir/mine"));
  }).join();
  EXPECT_TRUE(fs::exists(root_ + "/own/mine"));
  EXPECT_FALSE(fs::exists(root_ + "/dir/mine"));
  EXPECT_TRUE(fs::exists(root_ + "/dir/real")) << "nobody else sees a difference";
}

TEST_F(Mounts, WhoMayNotMountIsToldWhatIsMissing) {
  std::string said;
  std::thread([&] {
    if (::geteuid() == 0) {
      ASSERT_EQ(::syscall(SYS_setresuid, 65534, 65534, 65534), 0);  // of this thread alone
    }
    const Status tried = TryMounts(Plan());
    said = tried ? "good" : tried.error().message;
  }).join();
  EXPECT_TRUE(
      said.starts_with("cannot give ranks a mount namespace of their own: Operation not permitted: this needs "
                       "CAP_SYS_ADMIN, which uid "))
      << said;
}

TEST_F(Mounts, ADirectoryThatIsNotThereIsNamed) {
  if (const Status can = TryMounts(Plan()); !can) GTEST_SKIP() << can.error().message;
  fs::remove_all(root_ + "/own");
  EXPECT_EQ(TryMounts(Plan()).error().message,
            Cat("cannot mount ", root_, "/dir/kept on ", root_, "/own/kept: No such file or directory"));
}

}  // namespace
}  // namespace everstep
