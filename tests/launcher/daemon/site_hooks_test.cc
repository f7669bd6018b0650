// Real hooks: what they say, and that nobody waits for one that hangs.
#include "launcher/daemon/site_hooks.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <condition_variable>
#include <filesystem>
#include <mutex>

#include "base/real/clock.h"
#include "base/real/fd.h"
#include "base/text.h"

namespace everstep {
namespace {

class FenceHook : public testing::Test {
 protected:
  FenceHook() { std::filesystem::create_directories(root_); }
  ~FenceHook() override { std::filesystem::remove_all(root_); }

  void Run(const std::string& script, Duration deadline) {
    hooks_->Run({NodeId("n1"), BootId("boot"), std::nullopt, {"sh", "-c", script, root_}, deadline});
  }
  HookDone Await() {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, 30s, [this] { return !done_.empty(); }));
    HookDone first = done_.empty() ? HookDone{} : done_.front();
    if (!done_.empty()) done_.erase(done_.begin());
    return first;
  }
  // A hook's child holds the other end of this for as long as it lives.
  std::string Fifo() const {
    const std::string path = root_ + "/alive";
    ::mkfifo(path.c_str(), 0600);
    return path;
  }
  static bool ClosesSoon(const Fd& fifo) {
    pollfd closed{fifo.get(), POLLIN, 0};
    char byte = 0;
    return ::poll(&closed, 1, 30'000) == 1 && ::read(fifo.get(), &byte, 1) == 0;
  }

  std::string root_ = Cat(testing::TempDir(), "fence-hooks-", ::getpid());
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<HookDone> done_;
  std::unique_ptr<RealSiteHooks> hooks_ = std::make_unique<RealSiteHooks>([this](LauncherInput input) {
    const std::lock_guard lock(mutex_);
    done_.push_back(std::get<HookDone>(std::move(input)));
    changed_.notify_all();
  });
};

TEST_F(FenceHook, ItsExitCodeIsTheOutcome) {
  Run("exit 0", 20s);
  EXPECT_TRUE(Await().off);
  Run("exit 3", 20s);
  const HookDone failed = Await();
  EXPECT_FALSE(failed.off);
  EXPECT_EQ(failed.why, "fence hook for n1 failed: exit code 3");
}

TEST_F(FenceHook, TheNodesNameIsItsLastArgument) {
  Run("[ \"$1\" = n1 ]", 20s);
  EXPECT_TRUE(Await().off);
}

TEST_F(FenceHook, AtTheDeadlineItIsKilledWithWhatItStarted) {
  const std::string path = Fifo();
  Run("sleep 1000 > $0/alive & wait", 1s);
  const Fd alive(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  const HookDone late = Await();
  EXPECT_FALSE(late.off);
  EXPECT_EQ(late.why, "fence hook for n1 failed: no outcome within 1 s");
  EXPECT_TRUE(ClosesSoon(alive));
}

TEST_F(FenceHook, TheEndOfTheLauncherWaitsForNoHook) {
  const std::string path = Fifo();
  Run("sleep 1000 > $0/alive & wait", 10min);
  const Fd alive(::open(path.c_str(), O_RDONLY | O_CLOEXEC));  // once it runs
  const Time before = RealClock().Now();
  hooks_.reset();
  EXPECT_LT(RealClock().Now() - before, 10s);
  EXPECT_TRUE(ClosesSoon(alive));
}

TEST_F(FenceHook, ItsSignalsAreNotTheOnesThatTheLauncherBlocks) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  Run("kill -TERM $$; exit 0", 20s);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  EXPECT_EQ(Await().why, "fence hook for n1 failed: killed by signal 15");
}

}  // namespace
}  // namespace everstep
