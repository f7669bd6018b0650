#include "tests/sim/launcher_disk.h"

#include <sqlite3.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/text.h"
#include "launcher/store/sqlite_store.h"

namespace everstep::sim {

namespace {

constexpr std::size_t kReserve = 64u << 10;
constexpr int kCheckpointPages = 64;          // so that the write-ahead log is copied often enough to be interrupted
constexpr std::uint64_t kOperationsMax = 12;  // of one commit, about
constexpr std::string_view kNewerEntry = R"({"at":1,"wall":1,"fact":{"rack_added":{"rack":"r1","why":"a newer version"}}})";

struct FixedClock : Clock {
  Time Now() override { return {}; }
  WallTime Wall() override { return {1'795'413'243'397'949'579}; }  // of the last line of the earlier version's log
};

}  // namespace

LauncherDisk::LauncherDisk(StoreKind kind, Bug bug, Rng rng) : kind_(kind), bug_(bug), rng_(rng) {
  if (kind_ == StoreKind::memory) return;
  MakeDirectory();
  safe_overwrite_ = rng_.Below(2) == 0;
  disk_ = std::make_unique<CrashDisk>(safe_overwrite_);
  if (bug_ == Bug::syncs_ignored) disk_->IgnoreSyncs();
}

void LauncherDisk::KeepLastSync() {
  keeps_last_sync_ = true;
  if (disk_) disk_->KeepLastSync();
}

LauncherDisk::~LauncherDisk() {
  if (!directory_.empty()) std::filesystem::remove_all(directory_);
  for (const Left& left : left_)
    if (left.disk) std::filesystem::remove_all(left.directory);
}

void LauncherDisk::MakeDirectory() {
  std::string name = std::filesystem::temp_directory_path() / "everstep-sim-XXXXXX";
  Check(mkdtemp(name.data()) != nullptr, "a temporary directory");
  directory_ = name;
}

std::unique_ptr<Store> LauncherDisk::NewStore(Clock& clock) {
  if (!disk_) return std::make_unique<MemoryStore>(log_, clock);
  return StoreOn(directory_, *disk_, clock);
}

std::unique_ptr<Store> LauncherDisk::StoreOn(const std::string& directory, const CrashDisk& disk, Clock& clock) {
  return std::make_unique<SqliteStore>(
      SqliteOptions{.directory = directory, .vfs = disk.vfs(), .reserve_bytes = kReserve, .checkpoint_pages = kCheckpointPages},
      clock);
}

bool LauncherDisk::DiesWhileWriting() {
  if (!disk_) return rng_.Below(2) == 0;
  const Moment moments[] = {Moment::before, Moment::within, Moment::after};
  disk_->CutPowerAt(disk_->operations() + 1 + rng_.Below(kOperationsMax), moments[rng_.Below(std::size(moments))]);
  return true;
}

// What a store would still write while it is put away, it does not get to.
void LauncherDisk::DiesAtRest() {
  if (disk_) disk_->CutPowerAt(disk_->operations() + 1, Moment::before);
}

void LauncherDisk::Died(bool power_lost) {
  if (bug_ == Bug::lost_on_reopen && !log_->entries.empty()) {
    log_->entries.pop_back();
    log_->end = LogIndex(log_->end.value - 1);
  }
  if (!disk_) return;
  if (!power_lost) return disk_->Restart();
  const Survivors survivors[] = {Survivors::nothing, Survivors::all, Survivors::some, Survivors::garbage};
  disk_->Reboot(survivors[rng_.Below(std::size(survivors) - (safe_overwrite_ ? 1 : 0))], rng_);
}

void LauncherDisk::SetFull(bool full) {
  full_ = full && disk_;
  if (disk_) disk_->SetCapacity(full ? std::optional(disk_->Size() + 4096 * rng_.Below(8)) : std::nullopt);
}

void LauncherDisk::FailSoon() {
  if (!disk_) return;
  const int codes[] = {SQLITE_IOERR_FSYNC, SQLITE_IOERR_WRITE, SQLITE_IOERR};
  disk_->FailAt(disk_->operations() + 1 + rng_.Below(kOperationsMax), codes[rng_.Below(std::size(codes))]);
}

void LauncherDisk::Heal() {
  if (!disk_) return;
  SetFull(false);
  disk_->FailAt(0, SQLITE_OK);  // operations are counted from 1
}

bool LauncherDisk::FlipBit() {
  if (!disk_ || Damaged()) return false;
  CrashDisk::Image image = disk_->Files();
  std::vector<std::string*> files;
  for (auto& [name, content] : image)
    if (!content.empty() && !name.ends_with("reserve")) files.push_back(&content);
  if (files.empty()) return false;
  good_ = disk_->Files();
  std::string& content = *files[rng_.Below(files.size())];
  content[rng_.Below(content.size())] ^= static_cast<char>(1u << rng_.Below(8));
  disk_->Load(image);
  return true;
}

bool LauncherDisk::LoseWrite() {
  if (!disk_ || Damaged()) return false;
  const CrashDisk::Image before = disk_->Files();
  const char* const names[] = {"everstep.db", "everstep.db-wal", "everstep.head"};
  if (!disk_->LoseLastSync(names[rng_.Below(std::size(names))])) return false;
  good_ = before;
  return true;
}

bool LauncherDisk::MisdirectWrite() {
  if (!disk_ || Damaged()) return false;
  const CrashDisk::Image before = disk_->Files();
  const char* const names[] = {"everstep.db", "everstep.db-wal", "everstep.head"};
  if (!disk_->MisdirectLastSync(names[rng_.Below(std::size(names))], rng_)) return false;
  good_ = before;
  return true;
}

void LauncherDisk::Repair() {
  if (good_) disk_->Load(*std::exchange(good_, std::nullopt));
}

bool LauncherDisk::StealLock() {
  if (kind_ != StoreKind::memory) return false;
  stolen_ = true;
  log_->open = false;
  return true;
}

// ---- others at the same log ----------------------------------------------------------------------------------------------

void LauncherDisk::GoOnWithACopy() {
  if (!disk_) {
    left_.push_back({.log = log_});
    log_ = std::make_shared<MemoryLog>(*log_);
    log_->open = false;
    return;
  }
  CrashDisk::Image copy;
  const std::string from = directory_;
  MakeDirectory();
  for (auto& [name, content] : disk_->Files()) copy[directory_ + name.substr(from.size())] = content;
  left_.push_back({.directory = from, .disk = std::move(disk_)});
  full_ = false;
  disk_ = std::make_unique<CrashDisk>(safe_overwrite_);
  if (keeps_last_sync_) disk_->KeepLastSync();
  disk_->Load(copy);
  if (bug_ == Bug::syncs_ignored) disk_->IgnoreSyncs();
}

std::unique_ptr<Store> LauncherDisk::StoreOfBefore(Clock& clock) {
  const Left& left = left_.back();
  if (!left.disk) return std::make_unique<MemoryStore>(left.log, clock);
  return StoreOn(left.directory, *left.disk, clock);
}

// The store is put away without another word to the disk.
void LauncherDisk::Rest(std::unique_ptr<Store> store) {
  if (disk_) disk_->CutPowerAt(disk_->operations() + 1, Moment::before);
  store.reset();
  if (disk_) disk_->Restart();
}

bool LauncherDisk::BecomeNewer() {
  if (Damaged()) return false;
  before_ = Before{.log = *log_, .files = disk_ ? disk_->Files() : CrashDisk::Image{}};
  FixedClock clock;
  std::unique_ptr<Store> store = NewStore(clock);
  const auto write = [&]() -> Status {
    EVERSTEP_ASSIGN(const Recovered found, store->Open());
    EVERSTEP_TRY(store->BeginEpoch(found.epoch.Next()));
    const LogIndex end(found.first.value - 1 + found.entries.size());
    const Result<LogIndex> written = store->Append(end, found.epoch.Next(), {{.entries = {std::string(kNewerEntry)}}});
    return written ? Status{} : Fail(written.error());
  };
  const Status written = write();
  Rest(std::move(store));
  if (!written) BecomeOlder();
  return written.has_value();
}

std::string LauncherDisk::Content() {
  FixedClock clock;
  std::unique_ptr<Store> store = NewStore(clock);
  const auto found = store->Open();
  std::string content;
  if (found) content = Cat(found->epoch, ' ', found->first, ' ', found->snapshot ? found->snapshot->bytes : "");
  if (found)
    for (const std::string& entry : found->entries) content += Cat('\n', entry);
  Rest(std::move(store));
  return content;
}

void LauncherDisk::BecomeOlder() {
  const Before before = *std::exchange(before_, std::nullopt);
  *log_ = before.log;
  if (disk_) disk_->Load(before.files);
}

void LauncherDisk::Load(std::vector<std::string> entries) {
  FixedClock then;
  const std::unique_ptr<Store> store = NewStore(then);
  Check(store->Open().has_value() && store->BeginEpoch(Epoch(1)).has_value(), "an empty log can be opened");
  const Batch batch{.entries = std::move(entries)};
  Check(store->Append(LogIndex(0), Epoch(1), {batch}).has_value(), "an empty log takes entries");
}

}  // namespace everstep::sim
