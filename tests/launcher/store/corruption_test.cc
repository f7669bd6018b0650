// What is on the disk is not what was written. Either the store says so and leaves every byte as it is, or nothing that was
// acknowledged is missing.
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <iostream>

#include "launcher/store/log_end.h"
#include "tests/launcher/store/workload.h"

namespace everstep {
namespace {

// Bytes on which SQLite's structure hangs are all tried, of the others one in `kStride`.
constexpr std::size_t kStride = 41;
bool IsTried(const std::string& name, std::size_t at) {
  if (at % kStride == 0) return true;
  if (name.ends_with("-wal")) return at < 32 || (at - 32) % 4120 < 24 + 12;
  if (name.ends_with(".head")) return at % 4096 < kLogEndBytes;
  if (name.ends_with(".db")) return at < 100 || at % 4096 < 12;
  return false;
}

class Corruption : public testing::Test {
 protected:
  std::string Path(const std::string& name) const { return directory_.path() + "/" + name; }

  // The files after a whole life, and what they hold.
  CrashDisk::Image Healthy() {
    CrashDisk disk;
    Launcher launcher(disk, directory_.path());
    EXPECT_EQ(launcher.Run(steps_), steps_.size());
    launcher.Close();
    return disk.Files();
  }

  Result<Contents> Read(const CrashDisk::Image& image, bool* untouched = nullptr) {
    CrashDisk disk;
    disk.Load(image);
    Launcher launcher(disk, directory_.path());
    Result<Contents> found = launcher.Recover();
    launcher.Close();
    if (untouched) *untouched = disk.Files() == image;
    return found;
  }

  // kCorrupt, files untouched; returns what it said.
  std::string Refused(const CrashDisk::Image& image) {
    bool untouched = false;
    const Result<Contents> found = Read(image, &untouched);
    if (found) return "read: " + Show(*found);
    EXPECT_TRUE(untouched) << "refused, but the files were changed";
    EXPECT_EQ(found.error().code, ErrorCode::kCorrupt);
    EXPECT_TRUE(found.error().hint.starts_with("nothing was changed; put back everstep.db, everstep.db-wal and everstep.head"));
    const std::string& message = found.error().message;
    return message.substr(message.find(": ") + 2);
  }

  // The healthy files after `sql`, run by another program.
  CrashDisk::Image Tampered(const std::string& sql) {
    CrashDisk disk;
    disk.Load(healthy_);
    sqlite3* db = nullptr;
    EXPECT_EQ(sqlite3_open_v2(Path("everstep.db").c_str(), &db, SQLITE_OPEN_READWRITE, disk.vfs().c_str()), SQLITE_OK);
    const std::string all = "PRAGMA locking_mode=EXCLUSIVE;" + sql;
    EXPECT_EQ(sqlite3_exec(db, all.c_str(), nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(db);
    sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    sqlite3_close(db);
    return disk.Files();
  }

  TemporaryDirectory directory_;
  const std::vector<Step> steps_ = AWorkingLife();
  const Contents truth_ = Model(steps_).back();
  const CrashDisk::Image healthy_ = Healthy();

  // Flips one bit of each byte that is tried in `path`; returns how many flips were refused and how many did no harm.
  std::pair<int, int> FlipAll(const CrashDisk::Image& image, const std::string& path) {
    const std::string name = path.substr(path.rfind('/') + 1);
    std::pair<int, int> outcome;
    Rng rng(1);
    for (std::size_t at = 0; at < image.at(path).size(); ++at) {
      if (!IsTried(name, at)) continue;
      const auto bit = static_cast<int>(rng.Below(8));
      CrashDisk::Image flipped = image;
      flipped[path][at] = static_cast<char>(flipped[path][at] ^ (1 << bit));
      (ExpectRefusedOrHarmless(flipped, at % 5 == 0, Cat(name, ", byte ", at, ", bit ", bit)) ? outcome.second
                                                                                              : outcome.first) += 1;
      if (HasFatalFailure()) break;
    }
    return outcome;
  }

  // A launcher can work with these files, and the next finds what it did.
  void ExpectGoesOn(const CrashDisk::Image& image, const std::string& where) {
    const std::string large(30000, 'y');
    CrashDisk disk;
    disk.Load(image);
    Launcher launcher(disk, directory_.path());
    ASSERT_EQ(Outcome(launcher.Recover()), "good") << where;
    ASSERT_EQ(Outcome(launcher.store().BeginEpoch(Epoch(50))), "good") << where;
    ASSERT_EQ(Outcome(launcher.store().Append(LogIndex(16), Epoch(50), {Of({"x"}), Of({large})})), "good") << where;
    Contents expected = truth_;
    expected.epoch = Epoch(50);
    expected.entries.insert(expected.entries.end(), {"x", large});
    Result<Contents> found = launcher.Recover();
    ASSERT_EQ(Outcome(found), "good") << where;
    expected.history = found->history;
    EXPECT_EQ(*found, expected) << where;
  }

  // True: all is there that was acknowledged.
  bool ExpectRefusedOrHarmless(const CrashDisk::Image& image, bool goes_on, const std::string& where) {
    bool untouched = false;
    const Result<Contents> found = Read(image, &untouched);
    if (!found) {
      EXPECT_TRUE(untouched) << where << ": refused, but the files were changed";
      EXPECT_TRUE(found.error().code == ErrorCode::kCorrupt || found.error().code == ErrorCode::kInvalid)
          << where << ": " << found.error().Str();
      return false;
    }
    Contents log = *found;
    EXPECT_EQ(log.history.size(), truth_.history.size()) << where;
    for (std::size_t i = 0; i < std::min(log.history.size(), truth_.history.size()); ++i)
      EXPECT_TRUE(log.history[i] == truth_.history[i] || log.history[i].kind == "damaged") << where;
    log.history = truth_.history;
    EXPECT_EQ(log, truth_) << where << ": read as if nothing were wrong: " << Show(log);
    if (goes_on) ExpectGoesOn(image, where);
    return true;
  }
};

TEST_F(Corruption, AFlippedBitAnywhereIsRefusedOrHarmless) {
  const std::pair<int, int> wal = FlipAll(healthy_, Path("everstep.db-wal"));
  const std::pair<int, int> under_wal = FlipAll(healthy_, Path("everstep.db"));
  const std::pair<int, int> head = FlipAll(healthy_, Path("everstep.head"));
  const std::pair<int, int> db = FlipAll(Tampered("PRAGMA wal_checkpoint(TRUNCATE)"), Path("everstep.db"));
  std::cout << "refused, harmless: wal " << wal.first << ", " << wal.second << "; db under a wal " << under_wal.first << ", "
            << under_wal.second << "; head " << head.first << ", " << head.second << "; db alone " << db.first << ", "
            << db.second << "\n";
  EXPECT_GT(wal.first, 100);
  EXPECT_GT(db.first, 100);
  EXPECT_EQ(head.first, 0) << "one slot of two is enough";
}

// A write that meets it fails, and so does the one after the next start: for ever, unless the start says so.
TEST_F(Corruption, AnIndexOfTheHistoryThatSaysOtherThanItsRowsIsRefused) {
  constexpr std::size_t kPage = 4096;
  constexpr char kIndexLeaf = 0x0a;
  CrashDisk::Image damaged = Tampered("PRAGMA wal_checkpoint(TRUNCATE)");
  std::string& database = damaged[Path("everstep.db")];
  int flipped = 0;
  for (std::size_t page = kPage; page < database.size(); page += kPage) {
    const std::string_view bytes = std::string_view(database).substr(page, kPage);
    const std::size_t name = bytes.rfind("job-1");
    if (bytes[0] != kIndexLeaf || name == std::string_view::npos || bytes.find("row of ") != std::string_view::npos) continue;
    database[page + name] ^= 1;
    ++flipped;
  }
  ASSERT_EQ(flipped, 1) << "the index by job";
  EXPECT_EQ(Refused(damaged).substr(0, 20), "SQLite finds damage:");
}

TEST_F(Corruption, AWriteAheadLogThatLostItsTailIsRefusedWithTheIndexThatIsMissing) {
  const std::string path = Path("everstep.db-wal");
  const std::string wal = healthy_.at(path);
  CrashDisk::Image image = healthy_;
  image.erase(path);
  EXPECT_EQ(Refused(image),
            "the log's tail is lost: it ends at entry 15 (commit 13), but entry 16 (commit 14) was acknowledged");
  for (std::size_t size = 0; size < wal.size(); size += 515) {
    image[path] = wal.substr(0, size);
    const Result<Contents> found = Read(image);
    EXPECT_TRUE(!found || *found == truth_) << size;
  }
}

TEST_F(Corruption, ADatabaseThatAnotherProgramClosedProperlyHasNoWriteAheadLogAndIsWhole) {
  CrashDisk::Image image = Tampered("PRAGMA wal_checkpoint(TRUNCATE)");
  ASSERT_EQ(image[Path("everstep.db-wal")], "");
  image.erase(Path("everstep.db-wal"));
  EXPECT_EQ(Read(image).value(), truth_);
}

TEST_F(Corruption, AFileThatIsMissingOrShortIsRefused) {
  const std::string db = Path("everstep.db");
  const std::string head = Path("everstep.head");
  for (const std::string& path : {db, head}) {
    const std::string_view why = path == db ? "everstep.db is missing or empty, but what belongs to it is not"
                                            : "the head file, which proves that the log's end at entry 16 is the true one, is "
                                              "missing or damaged";
    CrashDisk::Image image = healthy_;
    image[path].clear();
    EXPECT_EQ(Refused(image), why);
    image.erase(path);
    EXPECT_EQ(Refused(image), why);
  }
  for (std::size_t size = 100; size < healthy_.at(db).size(); size += 900) {
    CrashDisk::Image image = healthy_;
    image[db].resize(size);
    bool untouched = false;
    const Result<Contents> found = Read(image, &untouched);
    EXPECT_TRUE(found ? *found == truth_ : untouched) << size;
  }
}

TEST_F(Corruption, RowsThatWereRemovedChangedOrReorderedAreRefused) {
  const std::pair<std::string, std::string> rows[] = {
      {"DELETE FROM log WHERE idx = 13", "entry 13 is missing: entry 14 follows entry 12"},
      {"DELETE FROM log WHERE idx = 16", "the log has entries up to 15, but says that it ends at 16"},
      {"DELETE FROM log WHERE idx = 12", "entry 12 is missing: entry 13 follows entry 11"},
      {"DELETE FROM log", "the log has entries up to 11, but says that it ends at 16"},
      {"DELETE FROM snapshot", "entry 1 is missing: entry 12 follows entry 0"},
      {"DELETE FROM log_end", "no log end record"},
      {"UPDATE log SET entry = x'00' WHERE idx = 14", "entry 14 is not what was written"},
      {"UPDATE log SET idx = 99 WHERE idx = 13; UPDATE log SET idx = 13 WHERE idx = 14; UPDATE log SET idx = 14 WHERE idx = 99",
       "entry 13 is not what was written"},
      {"UPDATE snapshot SET bytes = x'00'", "the snapshot at entry 11 fails its check"},
      {"UPDATE log_end SET record = CAST(substr(record, 1, 70) || x'00' || substr(record, 72) AS BLOB)",
       "a log end record fails its check"},
      {"DROP INDEX history_at", "damaged definition of \"CREATE INDEX history_at ON history(at)\""},
      {"CREATE TABLE mine(a)", "a table in the store that Everstep did not make"},
  };
  for (const auto& [sql, why] : rows) EXPECT_EQ(Refused(Tampered(sql)), why) << sql;
}

TEST_F(Corruption, AnOlderCopyOfTheDatabaseUnderTheNewHeadIsRefused) {
  CrashDisk disk;
  Launcher launcher(disk, directory_.path());
  const std::vector<Step> first(steps_.begin(), steps_.begin() + 9);
  ASSERT_EQ(launcher.Run(first), first.size());
  launcher.Close();
  CrashDisk::Image image = disk.Files();
  image[Path("everstep.head")] = healthy_.at(Path("everstep.head"));
  EXPECT_EQ(Refused(image), "the log's tail is lost: it ends at entry 9 (commit 8), but entry 16 (commit 14) was acknowledged");
}

TEST_F(Corruption, AHeadOfAnotherLogIsRefused) {
  CrashDisk::Image image = healthy_;
  std::string& head = image[Path("everstep.head")];
  const std::string record = Encode(LogEnd{.commit = 13, .epoch = Epoch(7), .index = LogIndex(15), .hash = HashBytes("other")});
  head = record + std::string(8192 - record.size(), '\0');
  EXPECT_EQ(Refused(image), "entry 15 is not the one that was acknowledged: the head file is of another log");
}

TEST_F(Corruption, AJournalThatWouldBeRolledBackOverTheLogIsRefused) {
  CrashDisk::Image image = healthy_;
  image[Path("everstep.db-journal")] = std::string(512, 'x');
  EXPECT_EQ(Refused(image),
            "there is everstep.db-journal, which Everstep does not make: another program wrote to the database");
}

TEST_F(Corruption, AStoreOfANewerVersionIsRefusedAndLeftAlone) {
  CrashDisk::Image newer_head = healthy_;
  std::string record = Encode(LogEnd{.commit = 99}).substr(0, kLogEndBytes - sizeof(Hash));
  record[8] = 2;
  record += View(HashBytes(record));
  newer_head[Path("everstep.head")].replace(0, record.size(), record);
  for (const CrashDisk::Image& image : {Tampered("PRAGMA user_version=2; CREATE TABLE mine(a)"), newer_head}) {
    bool untouched = false;
    const Result<Contents> found = Read(image, &untouched);
    ASSERT_FALSE(found);
    EXPECT_TRUE(untouched);
    EXPECT_EQ(found.error().code, ErrorCode::kInvalid);
    EXPECT_EQ(found.error().Str(),
              Cat("the store in ", directory_.path(),
                  ": the store has format 2, made by a newer version; this one knows format 1; nothing was "
                  "changed; start the newer everstep-launcher, or give this one a state_dir of its own"));
  }
}

TEST_F(Corruption, AHistoryRowThatIsDamagedSaysSoAndNothingElseSuffers) {
  const Result<Contents> found = Read(Tampered("UPDATE history SET why = 'all is well' WHERE idx = 9"));
  ASSERT_TRUE(found) << found.error().Str();
  for (const HistoryRow& row : found->history) EXPECT_EQ(row.kind == "damaged", row.index == LogIndex(9)) << row.why;
  EXPECT_EQ(found->entries, truth_.entries);
}

}  // namespace
}  // namespace everstep
