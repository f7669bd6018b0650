// The store thread over a real store in memory: what it tells the loop, and what it does unasked.
#include "launcher/daemon/store_thread.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <deque>
#include <mutex>

#include "launcher/store/memory_store.h"

namespace everstep {
namespace {

struct StillClock : Clock {
  Time Now() override { return {}; }
  WallTime Wall() override { return {}; }
};

class SmallDisk final : public MemoryStore {
 public:
  using MemoryStore::MemoryStore;
  bool NearlyFull() override { return true; }
};

class Inbox {
 public:
  void Put(LauncherInput input) {
    const std::lock_guard lock(mutex_);
    inputs_.push_back(std::move(input));
    changed_.notify_one();
  }
  template <class T>
  T Take() {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, 60s, [this] { return !inputs_.empty(); }));
    T taken = std::get<T>(std::move(inputs_.front()));
    inputs_.pop_front();
    return taken;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<LauncherInput> inputs_;
};

template <class AStore>
class Writing {
 public:
  Writing() {
    EXPECT_TRUE(store.Open());
    EXPECT_TRUE(store.BeginEpoch(Epoch(1)));
  }
  // One entry with one row of history at this time; the end of the log once that is durable.
  Durable Write(Duration at) {
    const LogIndex before = end;
    end = end.Next();
    thread.Append(before, Epoch(1), {.entries = {"entry"}, .history = {{.index = end, .at = {at.count()}, .why = "because"}}});
    return inbox.template Take<Durable>();
  }
  std::size_t Rows() {
    thread.ReadHistory(1, {});
    return inbox.template Take<HistoryRead>().rows->size();
  }

  StillClock clock;
  AStore store{std::make_shared<MemoryLog>(), clock};
  Inbox inbox;
  LogIndex end{};
  StoreThread thread{store, 24h * 90, [this](LauncherInput input) { inbox.Put(std::move(input)); }};
};

TEST(StoreThread, HistoryIsForgottenOnceItIsOlderThanItIsKept) {
  Writing<MemoryStore> log;
  log.Write(24h);
  log.Write(24h * 90);
  EXPECT_EQ(log.Rows(), 2u);
  EXPECT_EQ(log.Write(24h * 92).index, LogIndex(3)) << "the first row is 91 days old now";
  EXPECT_EQ(log.Rows(), 2u);
}

TEST(StoreThread, TheLoopLearnsThatTheDiskIsNearlyFull) {
  EXPECT_FALSE(Writing<MemoryStore>().Write(0s).nearly_full);
  EXPECT_TRUE(Writing<SmallDisk>().Write(0s).nearly_full);
}

class DiskWithRoomSoon final : public MemoryStore {
 public:
  using MemoryStore::MemoryStore;
  bool NearlyFull() override { return looks_++ < 3; }

 private:
  int looks_ = 0;
};

TEST(StoreThread, TheLoopLearnsThatThereIsRoomAgainAlsoWhenNothingIsWritten) {
  StillClock clock;
  DiskWithRoomSoon store(std::make_shared<MemoryLog>(), clock);
  ASSERT_TRUE(store.Open());
  ASSERT_TRUE(store.BeginEpoch(Epoch(1)));
  Inbox inbox;
  StoreThread thread(
      store, 24h, [&](LauncherInput input) { inbox.Put(std::move(input)); }, 1ms);
  thread.Append(LogIndex(0), Epoch(1), {.entries = {"entry"}});
  EXPECT_TRUE(inbox.Take<Durable>().nearly_full);
  const auto later = inbox.Take<Durable>();
  EXPECT_FALSE(later.nearly_full);
  EXPECT_EQ(later.index, LogIndex(1));
}

}  // namespace
}  // namespace everstep
