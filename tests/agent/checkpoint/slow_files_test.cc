#include "agent/checkpoint/slow_files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <condition_variable>
#include <deque>
#include <filesystem>
#include <memory>
#include <mutex>

#include "tests/agent/checkpoint/fixtures.h"

namespace everstep {
namespace {

// The loop's queue, as far as these tests need one.
class Inbox {
 public:
  RealSlowFiles::Post post() {
    return [this](RealSlowFiles::Found found) {
      const std::lock_guard lock(mutex_);
      found_.push_back(std::move(found));
      changed_.notify_all();
    };
  }
  // The next one of this kind; the others are dropped. A test that waits in vain fails here.
  template <class T>
  T Next() {
    std::unique_lock lock(mutex_);
    for (;;) {
      while (!found_.empty()) {
        RealSlowFiles::Found found = std::move(found_.front());
        found_.pop_front();
        if (T* wanted = std::get_if<T>(&found)) return std::move(*wanted);
      }
      if (changed_.wait_for(lock, 30s) == std::cv_status::timeout && found_.empty()) {
        ADD_FAILURE() << "nothing came within 30 s";
        return {};
      }
    }
  }
  std::size_t size() {
    const std::lock_guard lock(mutex_);
    return found_.size();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<RealSlowFiles::Found> found_;
};

class SlowFilesTest : public testing::Test {
 protected:
  SlowFilesTest() {
    std::filesystem::create_directories(dir_ / "ckpt");
    spec_ = {.job = gang_.job,
             .generation = gang_.generation,
             .command = {"/bin/sh"},
             .workdir = dir_.path(),
             .master_port = 1,
             .checkpoint = checkpoint_,
             .watches_checkpoints = true};
    spec_.node_rank = 1;
  }
  const TempDir dir_;
  const GangKey gang_{.job = JobId("j-1"), .generation = Generation(1)};
  const CheckpointSpec checkpoint_{.dir = dir_ / "ckpt"};
  GangSpec spec_;
  Inbox inbox_;
};

TEST_F(SlowFilesTest, ReadyIsAnsweredOnceForEachCall) {
  RealSlowFiles files(inbox_.post(), {.scan_every = 5ms});
  files.Ready(spec_);
  const GangChecked checked = inbox_.Next<GangChecked>();
  EXPECT_EQ(checked.gang, gang_);
  ASSERT_TRUE(checked.readied) << checked.not_readied->why;
  EXPECT_EQ(checked.readied->program, "/bin/sh");
  spec_.workdir = dir_ / "none";
  spec_.generation = Generation(2);
  files.Ready(spec_);
  EXPECT_EQ(inbox_.Next<GangChecked>().not_readied->why, "workdir " + dir_ / "none" + ": no such directory");
}

TEST_F(SlowFilesTest, ASaveDuringTheWatchIsPinnedAndTold) {
  RealSlowFiles files(inbox_.post(), {.scan_every = 5ms});
  files.Ready(spec_);
  inbox_.Next<GangChecked>();
  files.Watch(gang_, checkpoint_);
  Overwrite(dir_ / "ckpt/step-10.pt", TorchFile());
  const CheckpointSeen seen = inbox_.Next<CheckpointFound>().seen;
  EXPECT_TRUE(seen.complete) << seen.why;
  EXPECT_EQ(seen.source, "step-10.pt");
  EXPECT_EQ(ReadBack(seen.path), TorchFile());
}

TEST_F(SlowFilesTest, ASaveThatEndedJustBeforeTheRanksDidIsFoundByTheLastLook) {
  RealSlowFiles files(inbox_.post(), {.scan_every = 100ms});
  files.Ready(spec_);
  inbox_.Next<GangChecked>();
  files.Watch(gang_, checkpoint_);
  Overwrite(dir_ / "ckpt/step-10.pt", TorchFile());
  Overwrite(dir_ / "ckpt/step-20.pt", TorchFile().substr(0, 700));
  files.Unwatch(gang_);
  const CheckpointSeen whole = inbox_.Next<CheckpointFound>().seen;
  EXPECT_TRUE(whole.complete) << whole.why;
  const CheckpointSeen torn = inbox_.Next<CheckpointFound>().seen;
  EXPECT_EQ(torn.source, "step-20.pt");
  EXPECT_FALSE(torn.complete);
  EXPECT_EQ(torn.why, "zip without its end: 700 bytes, truncated or still being written");
}

TEST_F(SlowFilesTest, NothingIsPostedAfterTheEnd) {
  {
    RealSlowFiles files(inbox_.post(), {.scan_every = 1ms});
    for (std::uint64_t generation = 1; generation <= 8; ++generation) {
      spec_.generation = Generation(generation);
      files.Ready(spec_);
      files.Watch({.job = gang_.job, .generation = spec_.generation}, checkpoint_);
    }
    Overwrite(dir_ / "ckpt/step-10.pt", TorchFile());
  }
  const std::size_t at_the_end = inbox_.size();
  Overwrite(dir_ / "ckpt/step-20.pt", TorchFile());
  EXPECT_EQ(inbox_.size(), at_the_end);
}

// An open of a FIFO for reading waits until somebody writes: a mount that hangs, as far as a thread can tell.
TEST_F(SlowFilesTest, AWorkerThatHangsIsLeftBehindAtTheEnd) {
  const std::string pipe = dir_ / "pipe";
  mkfifo(pipe.c_str(), 0600);
  const auto done = std::make_shared<Inbox>();
  {
    Worker hung([pipe, done](Worker::State&) {
      ReadBack(pipe);
      done->post()(GangChecked{});
    });
    hung.Stop();
    EXPECT_FALSE(hung.DoneWithin(1ms));
  }
  Overwrite(pipe, "the mount is back");
  done->Next<GangChecked>();
}

TEST_F(SlowFilesTest, TooManyChecksAtOnceAreRefusedInsteadOfStarted) {
  RealSlowFiles files(inbox_.post(), {.checks_max = 0});
  files.Ready(spec_);
  EXPECT_EQ(inbox_.Next<GangChecked>().not_readied->why, "0 checks are waiting for this host's file systems already");
}

}  // namespace
}  // namespace everstep
