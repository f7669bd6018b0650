// The contract of base/seam/store.h, held by every store.
#include <gtest/gtest.h>

#include <memory>

#include "launcher/store/memory_store.h"
#include "launcher/store/open.h"
#include "launcher/store/sqlite_store.h"
#include "tests/launcher/store/scenario.h"

namespace everstep {
namespace {

// Where a store keeps what it keeps; any number of stores one after another.
class Place {
 public:
  virtual ~Place() = default;
  virtual std::unique_ptr<Store> Make(Clock& clock) = 0;
};

class MemoryPlace final : public Place {
 public:
  std::unique_ptr<Store> Make(Clock& clock) override { return std::make_unique<MemoryStore>(log_, clock); }

 private:
  std::shared_ptr<MemoryLog> log_ = std::make_shared<MemoryLog>();
};

class SqlitePlace final : public Place {
 public:
  std::unique_ptr<Store> Make(Clock& clock) override {
    return std::make_unique<SqliteStore>(
        SqliteOptions{.directory = directory_.path() + "/state", .reserve_bytes = 64u << 10, .checkpoint_pages = 20}, clock);
  }

 private:
  TemporaryDirectory directory_;
};

class StoreContract : public testing::TestWithParam<std::string> {
 protected:
  // Ends the store that was open and opens the next.
  Recovered Reopen() {
    store_.reset();
    store_ = place_->Make(clock_);
    Result<Recovered> recovered = store_->Open();
    EXPECT_EQ(Outcome(recovered), "good");
    return recovered ? *std::move(recovered) : Recovered();
  }
  void Begin(std::uint64_t epoch) { EXPECT_EQ(Outcome(store_->BeginEpoch(Epoch(epoch))), "good"); }
  void Append(std::uint64_t expected, std::uint64_t epoch, const std::vector<Batch>& batches) {
    EXPECT_EQ(Outcome(store_->Append(LogIndex(expected), Epoch(epoch), batches)), "good");
  }
  std::vector<std::string> Why(const HistoryQuery& query) {
    std::vector<std::string> out;
    const Result<std::vector<HistoryRow>> rows = store_->History(query);
    for (const HistoryRow& row : *rows) out.push_back(row.why);
    return out;
  }

  StillClock clock_;
  std::unique_ptr<Place> place_ =
      GetParam() == "memory" ? std::unique_ptr<Place>(new MemoryPlace()) : std::unique_ptr<Place>(new SqlitePlace());
  std::unique_ptr<Store> store_;
};

using Strings = std::vector<std::string>;

TEST_P(StoreContract, ANewStoreIsEmptyAndStaysSo) {
  for (int i = 0; i < 2; ++i) {
    const Recovered recovered = Reopen();
    EXPECT_EQ(recovered.epoch, Epoch(0));
    EXPECT_EQ(recovered.snapshot, std::nullopt);
    EXPECT_EQ(recovered.first, LogIndex(1));
    EXPECT_EQ(recovered.entries, Strings());
    EXPECT_EQ(recovered.last_write, WallTime());
  }
}

TEST_P(StoreContract, WhatWasAppendedComesBackByteForByte) {
  Strings odd = {"", std::string("\0\xff\n'", 4), std::string(100000, 'x')};
  Reopen();
  Begin(1);
  clock_.wall = WallTime{77};
  Append(0, 1, {Of({"a"}), Of(odd)});
  clock_.wall = WallTime{99};
  const Recovered recovered = Reopen();
  EXPECT_EQ(recovered.epoch, Epoch(1));
  EXPECT_EQ(recovered.entries, (Strings{"a", odd[0], odd[1], odd[2]}));
  EXPECT_EQ(recovered.last_write, WallTime{77});
  Begin(2);
  Append(4, 2, {Of({"e"})});
  EXPECT_EQ(Reopen().entries.size(), 5u);
}

TEST_P(StoreContract, AppendSaysWhereTheLogEndsNow) {
  Reopen();
  Begin(1);
  EXPECT_EQ(store_->Append(LogIndex(0), Epoch(1), {Of({"a", "b"}), Of({"c"})}), LogIndex(3));
  EXPECT_EQ(store_->Append(LogIndex(3), Epoch(1), {}), LogIndex(3));
}

TEST_P(StoreContract, AnAppendAtTheWrongEndIsRefusedAndWritesNothing) {
  Reopen();
  Begin(1);
  Append(0, 1, {Of({"a"})});
  EXPECT_EQ(Outcome(store_->Append(LogIndex(0), Epoch(1), {Of({"b"})})), "conflict: the log ends at entry 1, not at 0");
  EXPECT_EQ(Outcome(store_->Append(LogIndex(2), Epoch(1), {Of({"b"})})), "conflict: the log ends at entry 1, not at 2");
  EXPECT_EQ(Reopen().entries, Strings{"a"});
}

TEST_P(StoreContract, OnlyTheEpochThatBeganInThisOpeningMayWrite) {
  Reopen();
  EXPECT_EQ(Outcome(store_->Append(LogIndex(0), Epoch(1), {Of({"a"})})),
            "conflict: epoch 1 does not own the log; the last to begin was 0");
  Begin(3);
  EXPECT_EQ(Outcome(store_->BeginEpoch(Epoch(3))), "conflict: epoch 3 cannot begin: epoch 3 has begun before");
  for (const std::uint64_t epoch : {2u, 4u})
    EXPECT_EQ(Outcome(store_->Append(LogIndex(0), Epoch(epoch), {Of({"a"})})),
              Cat("conflict: epoch ", epoch, " does not own the log; the last to begin was 3"));
  Reopen();
  EXPECT_EQ(Outcome(store_->Append(LogIndex(0), Epoch(3), {Of({"a"})})),
            "conflict: epoch 3 does not own the log; the last to begin was 3");
  EXPECT_EQ(Outcome(store_->Compact(Epoch(3), {})), "conflict: epoch 3 does not own the log; the last to begin was 3");
  EXPECT_EQ(Outcome(store_->BeginEpoch(Epoch(3))), "conflict: epoch 3 cannot begin: epoch 3 has begun before");
  Begin(4);
  Append(0, 4, {Of({"a"})});
  EXPECT_EQ(Reopen().epoch, Epoch(4));
}

TEST_P(StoreContract, ASnapshotStandsForTheEntriesUpToItsIndex) {
  Reopen();
  Begin(1);
  Append(0, 1, {Of({"a", "b", "c", "d"})});
  const Snapshot half{.index = LogIndex(2), .bytes = "ab"};
  EXPECT_EQ(Outcome(store_->Compact(Epoch(1), half)), "good");
  Append(4, 1, {Of({"e"})});
  Recovered recovered = Reopen();
  EXPECT_EQ(recovered.snapshot, half);
  EXPECT_EQ(recovered.first, LogIndex(3));
  EXPECT_EQ(recovered.entries, (Strings{"c", "d", "e"}));

  Begin(2);
  EXPECT_EQ(Outcome(store_->Compact(Epoch(2), {.index = LogIndex(2), .bytes = "AB"})), "good") << "the same place again";
  const Snapshot whole{.index = LogIndex(5), .bytes = std::string(200000, 's')};
  EXPECT_EQ(Outcome(store_->Compact(Epoch(2), whole)), "good");
  recovered = Reopen();
  EXPECT_EQ(recovered.snapshot, whole);
  EXPECT_EQ(recovered.first, LogIndex(6));
  EXPECT_EQ(recovered.entries, Strings());
  Begin(3);
  Append(5, 3, {Of({"f"})});
  EXPECT_EQ(Reopen().entries, Strings{"f"});
}

TEST_P(StoreContract, ASnapshotOfAnEmptyLogIsASnapshotToo) {
  Reopen();
  Begin(1);
  EXPECT_EQ(Outcome(store_->Compact(Epoch(1), {.bytes = "nothing"})), "good");
  EXPECT_EQ(Reopen().snapshot, (Snapshot{.bytes = "nothing"}));
}

TEST_P(StoreContract, HistoryIsFoundByJobAndByHostInLogOrder) {
  Reopen();
  Begin(1);
  Append(
      0, 1,
      {{.entries = {"1", "2"}, .history = {Row(1, "j1", "", "one"), Row(2, "j1", "n1", "two"), Row(2, "", "n1", "two more")}},
       {.entries = {"3"}, .history = {Row(3, "j2", "n1", "three")}}});
  Append(3, 1, {{.entries = {"4"}, .history = {Row(4, "", "", "four")}}});
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(Why({}), (Strings{"one", "two", "two more", "three", "four"}));
    EXPECT_EQ(Why({.job = JobId("j1")}), (Strings{"one", "two"}));
    EXPECT_EQ(Why({.node = NodeId("n1")}), (Strings{"two", "two more", "three"}));
    EXPECT_EQ(Why({.job = JobId("j1"), .node = NodeId("n1")}), Strings{"two"});
    EXPECT_EQ(Why({.after = LogIndex(2)}), (Strings{"three", "four"}));
    EXPECT_EQ(Why({.rows_max = 2}), (Strings{"one", "two"}));
    EXPECT_EQ(Why({.rows_max = 2, .newest = true}), (Strings{"three", "four"}));
    EXPECT_EQ(Why({.job = JobId("j9")}), Strings());
    Reopen();
  }
}

TEST_P(StoreContract, HistoryRowsComeBackWhole) {
  const HistoryRow row = Row(1, "j", "n", std::string("odd \0\xff'\n", 8), -5);
  Reopen();
  Begin(1);
  Append(0, 1, {{.entries = {"1"}, .history = {row}}});
  Reopen();
  EXPECT_EQ(store_->History({}).value(), std::vector{row});
}

TEST_P(StoreContract, HistoryOutlivesASnapshotAndIsForgottenByAge) {
  Reopen();
  Begin(1);
  Append(0, 1, {{.entries = {"1", "2"}, .history = {Row(1, "j", "", "old", 10), Row(2, "j", "", "new", 20)}}});
  EXPECT_EQ(Outcome(store_->Compact(Epoch(1), {.index = LogIndex(2)})), "good");
  EXPECT_EQ(Why({}), (Strings{"old", "new"}));
  EXPECT_EQ(Outcome(store_->ForgetHistory(WallTime{20})), "good");
  EXPECT_EQ(Why({}), Strings{"new"});
  Reopen();
  EXPECT_EQ(Why({.job = JobId("j")}), Strings{"new"});
}

TEST_P(StoreContract, ASecondLauncherOnTheSamePlaceIsRefusedUntilTheFirstHasGone) {
  Reopen();
  Begin(1);
  std::unique_ptr<Store> second = place_->Make(clock_);
  const auto refused = second->Open();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kConflict);
  Append(0, 1, {Of({"a"})});
  EXPECT_EQ(Reopen().entries, Strings{"a"});
}

TEST_P(StoreContract, ManyGroupsInARowAllComeBack) {
  Reopen();
  Begin(1);
  Strings all;
  for (std::uint64_t group = 0; group < 60; ++group) {
    std::vector<Batch> batches;
    const std::uint64_t end = all.size();
    for (std::uint64_t i = 0; i <= group % 3; ++i) {
      all.push_back(Cat("entry ", all.size() + 1));
      batches.push_back({.entries = {all.back()}, .history = {Row(all.size(), Cat("j", group % 5), "", all.back())}});
    }
    Append(end, 1, batches);
  }
  EXPECT_EQ(Reopen().entries, all);
  EXPECT_EQ(Why({}), all);
}

INSTANTIATE_TEST_SUITE_P(All, StoreContract, testing::Values("memory", "sqlite"), [](const auto& kind) { return kind.param; });

TEST(OpenStore, AUrlNamesTheStore) {
  StillClock clock;
  TemporaryDirectory directory;
  for (const std::string& url : {std::string("memory:"), "sqlite:" + directory.path() + "/a/b/", directory.path() + "/c"}) {
    auto store = OpenStore(url, clock);
    ASSERT_TRUE(store) << url;
    EXPECT_EQ(Outcome((*store)->Open()), "good");
  }
  EXPECT_TRUE(std::filesystem::exists(directory.path() + "/a/b/everstep.db"));
  for (const std::string& url : {std::string(""), std::string("etcd:x"), std::string("relative/path"), std::string("sqlite:x")})
    EXPECT_EQ(OpenStore(url, clock).error().Str(),
              Cat("found \"", url, "\" as the store's URL; legal are memory:, sqlite:/path/dir and /path/dir"));
}

}  // namespace
}  // namespace everstep
