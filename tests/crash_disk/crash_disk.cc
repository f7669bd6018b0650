#include "tests/crash_disk/crash_disk.h"

#include <sqlite3.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <utility>

#include "base/check.h"
#include "base/text.h"

namespace everstep {
namespace {

constexpr std::int64_t kSector = 512;        // the grain in which undurable writes survive
constexpr std::int64_t kLargeSector = 4096;  // what SQLite is told

}  // namespace

// What SQLite has in hand for an open file. It gives the memory and knows only the first member.
struct CrashDisk::Handle {
  sqlite3_file base;
  CrashDisk* disk;
  std::shared_ptr<File>* file;  // owned; a plain pointer because SQLite zeroes and copies at will
  bool names_too;               // the first sync makes the directory's names durable: a journal that this handle created
};

// ---- the disk ------------------------------------------------------------------------------------------------------------

void CrashDisk::Apply(std::string& content, const Change& change) {
  const auto offset = static_cast<std::size_t>(change.offset);
  if (change.truncate) {
    content.resize(offset);
    return;
  }
  if (content.size() < offset + change.bytes.size()) content.resize(offset + change.bytes.size());
  std::copy(change.bytes.begin(), change.bytes.end(), content.begin() + change.offset);
}

CrashDisk::Turn CrashDisk::Count(int& code) {
  code = SQLITE_IOERR;
  if (!powered_) return Turn::refuse;
  ++operations_;
  if (failure_ && failure_->operation == operations_) {
    code = failure_->code;
    return Turn::refuse;
  }
  if (!cut_ || cut_->operation != operations_) return Turn::go;
  powered_ = false;
  if (cut_->moment == Moment::before) return Turn::refuse;
  return cut_->moment == Moment::within ? Turn::go_undurable_then_off : Turn::go_then_off;
}

// One operation: `change` is what it does to what readers see, `make_durable` to what outlives a power cut.
int CrashDisk::Operate(bool is_sync, const auto& change, const auto& make_durable) {
  int code = SQLITE_OK;
  const Turn turn = Count(code);
  if (turn == Turn::refuse) return code;
  change();
  if (is_sync && turn != Turn::go_undurable_then_off) make_durable();
  return turn == Turn::go ? SQLITE_OK : SQLITE_IOERR;
}

bool CrashDisk::Fits(const File& file, std::size_t size) const {
  if (!capacity_ || size <= file.live.size()) return true;
  std::size_t used = size - file.live.size();
  for (const auto& [name, other] : live_) used += other->live.size();
  return used <= *capacity_;
}

// Each change survives or not by itself, writes by the sector; the file's size follows from those that do.
void CrashDisk::Survive(File& file, Survivors survivors, Rng& rng) const {
  std::string content = file.durable;
  std::set<std::int64_t> touched;
  for (const Change& change : file.changes) {
    if (change.truncate) {
      if (survivors == Survivors::all || (survivors != Survivors::nothing && rng.Below(2) == 0)) Apply(content, change);
      continue;
    }
    const auto size = static_cast<std::int64_t>(change.bytes.size());
    for (std::int64_t at = 0; at < size;) {
      const std::int64_t next = std::min(size, at + kSector - (change.offset + at) % kSector);
      const std::string part = change.bytes.substr(static_cast<std::size_t>(at), static_cast<std::size_t>(next - at));
      if (survivors == Survivors::all || (survivors != Survivors::nothing && rng.Below(2) == 0))
        Apply(content, {.offset = change.offset + at, .bytes = part});
      touched.insert((change.offset + at) / kLargeSector);
      at = next;
    }
  }
  if (survivors == Survivors::garbage) {
    for (const std::int64_t sector : touched) {
      if (rng.Below(3) != 0) continue;
      const auto begin = static_cast<std::size_t>(sector * kLargeSector);
      for (std::size_t i = begin; i < std::min(content.size(), begin + kLargeSector); ++i)
        content[i] = static_cast<char>(rng.Next());
    }
  }
  file = File{.durable = content, .live = content, .before = std::move(file.before), .synced = std::move(file.synced)};
}

void CrashDisk::Reboot(Survivors survivors, Rng& rng) {
  std::map<std::string, std::shared_ptr<File>> names;
  std::set<std::string> all;
  for (const auto& [name, file] : live_) all.insert(name);
  for (const auto& [name, file] : durable_) all.insert(name);
  for (const std::string& name : all) {
    const bool newest = survivors == Survivors::all || (survivors != Survivors::nothing && rng.Below(2) == 0);
    const auto& from = newest ? live_ : durable_;
    if (const auto found = from.find(name); found != from.end()) names.insert(*found);
  }
  for (const auto& [name, file] : names) Survive(*file, survivors, rng);
  live_ = durable_ = names;
  cut_.reset();
  powered_ = true;
}

bool CrashDisk::LoseLastSync(const std::string& name) {
  for (const auto& [path, file] : live_) {
    if (!path.ends_with(name) || !file->before) continue;
    file->live = file->durable = *std::exchange(file->before, std::nullopt);
    return true;
  }
  return false;
}

bool CrashDisk::MisdirectLastSync(const std::string& name, Rng& rng) {
  for (const auto& [path, file] : live_) {
    if (!path.ends_with(name) || !file->before || file->synced.empty()) continue;
    const std::size_t astray = rng.Below(file->synced.size());
    std::string content = *std::exchange(file->before, std::nullopt);
    for (std::size_t i = 0; i < file->synced.size(); ++i) {
      Change change = file->synced[i];
      if (i == astray && !change.truncate) {
        const std::uint64_t sectors = content.size() / kSector + 1;
        change.offset = static_cast<std::int64_t>(rng.Below(sectors)) * kSector;
      }
      Apply(content, change);
    }
    file->live = file->durable = std::move(content);
    return true;
  }
  return false;
}

std::size_t CrashDisk::Size() const {
  std::size_t size = 0;
  for (const auto& [name, file] : live_) size += file->live.size();
  return size;
}

CrashDisk::Image CrashDisk::Files() const {
  Image image;
  for (const auto& [name, file] : live_) image[name] = file->live;
  return image;
}

void CrashDisk::Load(const Image& image) {
  live_.clear();
  for (const auto& [name, content] : image) live_[name] = std::make_shared<File>(File{.durable = content, .live = content});
  durable_ = live_;
}

void CrashDisk::CopyFrom(const CrashDisk& other) {
  std::map<const File*, std::shared_ptr<File>> copies;  // a file may have a name in both
  const auto copied = [&](const std::map<std::string, std::shared_ptr<File>>& names) {
    std::map<std::string, std::shared_ptr<File>> out;
    for (const auto& [name, file] : names) {
      std::shared_ptr<File>& copy = copies[file.get()];
      if (!copy) copy = std::make_shared<File>(*file);
      out[name] = copy;
    }
    return out;
  };
  live_ = copied(other.live_);
  durable_ = copied(other.durable_);
  operations_ = other.operations_;
  powered_ = other.powered_;
}

// ---- SQLite's view -------------------------------------------------------------------------------------------------------

struct CrashDisk::Methods {
  static Handle& Of(sqlite3_file* file) { return *reinterpret_cast<Handle*>(file); }
  static CrashDisk& Of(sqlite3_vfs* vfs) { return *static_cast<CrashDisk*>(vfs->pAppData); }
  static sqlite3_vfs* Real() { return sqlite3_vfs_find(nullptr); }

  static int Close(sqlite3_file* file) {
    delete Of(file).file;
    Of(file).file = nullptr;
    return SQLITE_OK;
  }
  static int Read(sqlite3_file* file, void* out, int amount, sqlite3_int64 offset) {
    const std::string& live = (*Of(file).file)->live;
    if (!Of(file).disk->powered_) return SQLITE_IOERR_READ;
    const auto wanted = static_cast<std::size_t>(amount);
    const auto from = std::min(live.size(), static_cast<std::size_t>(offset));
    const std::size_t got = std::min(wanted, live.size() - from);
    std::memset(out, 0, wanted);
    std::memcpy(out, live.data() + from, got);
    return got == wanted ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
  }
  static int Write(sqlite3_file* file, const void* bytes, int amount, sqlite3_int64 offset) {
    CrashDisk& disk = *Of(file).disk;
    File& target = **Of(file).file;
    Change change{.offset = offset, .bytes = std::string(static_cast<const char*>(bytes), static_cast<std::size_t>(amount))};
    if (disk.powered_ && !disk.Fits(target, static_cast<std::size_t>(offset) + change.bytes.size())) return SQLITE_FULL;
    return disk.Operate(
        false,
        [&] {
          Apply(target.live, change);
          target.changes.push_back(std::move(change));
        },
        [] {});
  }
  static int Truncate(sqlite3_file* file, sqlite3_int64 size) {
    File& target = **Of(file).file;
    const Change change{.offset = size, .truncate = true};
    return Of(file).disk->Operate(
        false,
        [&] {
          Apply(target.live, change);
          target.changes.push_back(change);
        },
        [] {});
  }
  static int Sync(sqlite3_file* file, int) {
    CrashDisk& disk = *Of(file).disk;
    File& target = **Of(file).file;
    return disk.Operate(
        true, [] {},
        [&] {
          if (disk.ignores_syncs_) return;
          if (disk.keeps_last_sync_ && !target.changes.empty()) {
            target.before = target.durable;
            target.synced = target.changes;
          }
          for (const Change& change : target.changes) Apply(target.durable, change);
          target.changes.clear();
          if (std::exchange(Of(file).names_too, false)) disk.durable_ = disk.live_;
        });
  }
  static int Size(sqlite3_file* file, sqlite3_int64* size) {
    *size = static_cast<sqlite3_int64>((*Of(file).file)->live.size());
    return SQLITE_OK;
  }
  static int Lock(sqlite3_file*, int) { return SQLITE_OK; }
  static int CheckReservedLock(sqlite3_file*, int* reserved) {
    *reserved = 0;
    return SQLITE_OK;
  }
  static int FileControl(sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; }
  static int SectorSize(sqlite3_file*) { return kLargeSector; }
  static int Characteristics(sqlite3_file* file) {
    return Of(file).disk->safe_overwrite_ ? SQLITE_IOCAP_POWERSAFE_OVERWRITE : 0;
  }

  static int Open(sqlite3_vfs* vfs, const char* name, sqlite3_file* out, int flags, int* flags_out) {
    static const sqlite3_io_methods kMethods = {
        1,          Close,           Read,    Write,   Truncate, Sync,    Size,    Lock,   Lock, CheckReservedLock, FileControl,
        SectorSize, Characteristics, nullptr, nullptr, nullptr,  nullptr, nullptr, nullptr};
    CrashDisk& disk = Of(vfs);
    out->pMethods = nullptr;
    if (!disk.powered_ || name == nullptr) return SQLITE_CANTOPEN;
    auto found = disk.live_.find(name);
    const bool create = found == disk.live_.end();
    if (create) {
      if ((flags & SQLITE_OPEN_CREATE) == 0) return SQLITE_CANTOPEN;
      const int code = disk.Operate(
          false, [&] { found = disk.live_.emplace(name, std::make_shared<File>()).first; }, [] {});
      if (code != SQLITE_OK) return code;
    }
    constexpr int kJournals = SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL | SQLITE_OPEN_WAL;
    Handle& handle = Of(out);
    handle.disk = &disk;
    handle.file = new std::shared_ptr<File>(found->second);
    handle.names_too = create && (flags & kJournals) != 0;
    out->pMethods = &kMethods;
    if (flags_out) *flags_out = flags;
    return SQLITE_OK;
  }
  static int Delete(sqlite3_vfs* vfs, const char* name, int sync_directory) {
    CrashDisk& disk = Of(vfs);
    if (!disk.powered_) return SQLITE_IOERR_DELETE;
    if (!disk.live_.contains(name)) return SQLITE_IOERR_DELETE_NOENT;
    return disk.Operate(
        sync_directory != 0, [&] { disk.live_.erase(name); }, [&] { disk.durable_ = disk.live_; });
  }
  static int Access(sqlite3_vfs* vfs, const char* name, int, int* exists) {
    *exists = Of(vfs).live_.contains(name);
    return SQLITE_OK;
  }
  static int FullPathname(sqlite3_vfs*, const char* name, int size, char* out) {
    Check(std::strlen(name) < static_cast<std::size_t>(size), "a short name");
    std::strcpy(out, name);
    return SQLITE_OK;
  }
  static int Randomness(sqlite3_vfs*, int size, char* out) {  // the same salts in every run
    for (int i = 0; i < size; ++i) out[i] = static_cast<char>(i * 37 + 11);
    return size;
  }
  static int Sleep(sqlite3_vfs*, int microseconds) { return microseconds; }
  static int CurrentTime(sqlite3_vfs*, double* days) {
    *days = 2460000;
    return SQLITE_OK;
  }
  static int LastError(sqlite3_vfs*, int, char*) { return 0; }
};

CrashDisk::CrashDisk(bool safe_overwrite) : safe_overwrite_(safe_overwrite), registered_(new sqlite3_vfs{}) {
  name_ = Cat("crash-disk-", reinterpret_cast<std::uintptr_t>(this));
  sqlite3_vfs& vfs = *registered_;
  vfs.iVersion = 1;
  vfs.szOsFile = sizeof(Handle);
  vfs.mxPathname = 1024;
  vfs.zName = name_.c_str();
  vfs.pAppData = this;
  vfs.xOpen = Methods::Open;
  vfs.xDelete = Methods::Delete;
  vfs.xAccess = Methods::Access;
  vfs.xFullPathname = Methods::FullPathname;
  vfs.xRandomness = Methods::Randomness;
  vfs.xSleep = Methods::Sleep;
  vfs.xCurrentTime = Methods::CurrentTime;
  vfs.xGetLastError = Methods::LastError;
  Check(sqlite3_vfs_register(&vfs, 0) == SQLITE_OK, "the disk can be registered");
  sqlite3_test_control(SQLITE_TESTCTRL_PRNG_SEED, 1, nullptr);
}

CrashDisk::~CrashDisk() { sqlite3_vfs_unregister(registered_.get()); }

}  // namespace everstep
