#include "launcher/store/vfs_file.h"

#include <sqlite3.h>

#include <utility>

#include "base/text.h"
#include "launcher/store/sqlite_db.h"

namespace everstep {
namespace {

// SQLite's unix VFS takes a size modulo 128 KiB (os_unix.c, seekAndWriteFd): it never writes more than a page. 1 MiB at once is
// nothing written, which it reports as a full disk.
constexpr std::size_t kWriteMax = 64u << 10;

Status StatusOf(int code, std::string_view doing, const std::string& path) {
  if (code == SQLITE_OK) return {};
  return Fail(SqliteError(nullptr, code, Cat(doing, " ", path)));
}

}  // namespace

struct VfsFile::Opened {
  Opened(sqlite3_vfs* vfs, std::string name)
      : path(std::move(name)), memory(new std::byte[static_cast<std::size_t>(vfs->szOsFile)]{}) {}
  ~Opened() {
    if (file()->pMethods) file()->pMethods->xClose(file());
  }
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;
  sqlite3_file* file() { return reinterpret_cast<sqlite3_file*>(memory.get()); }
  const sqlite3_io_methods& io() { return *file()->pMethods; }

  const std::string path;  // the VFS keeps the pointer
  const std::unique_ptr<std::byte[]> memory;
};

VfsFile::VfsFile(std::unique_ptr<Opened> opened) : opened_(std::move(opened)) {}
VfsFile::VfsFile(VfsFile&&) noexcept = default;
VfsFile& VfsFile::operator=(VfsFile&&) noexcept = default;
VfsFile::~VfsFile() = default;

Result<bool> VfsFile::Exists(sqlite3_vfs* vfs, const std::string& path) {
  int exists = 0;
  EVERSTEP_TRY(StatusOf(vfs->xAccess(vfs, path.c_str(), SQLITE_ACCESS_EXISTS, &exists), "look at", path));
  return exists != 0;
}

Result<VfsFile> VfsFile::Open(sqlite3_vfs* vfs, const std::string& path, bool create) {
  // As a "super-journal": SQLite's unix VFS makes the name of a new file durable with its first sync only if it is a journal.
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_SUPER_JOURNAL | (create ? SQLITE_OPEN_CREATE : 0);
  auto opened = std::make_unique<Opened>(vfs, path);
  EVERSTEP_TRY(StatusOf(vfs->xOpen(vfs, opened->path.c_str(), opened->file(), flags, nullptr), "open", path));
  return VfsFile(std::move(opened));
}

Status VfsFile::Remove(sqlite3_vfs* vfs, const std::string& path) {
  const int code = vfs->xDelete(vfs, path.c_str(), 1);
  return StatusOf(code == SQLITE_IOERR_DELETE_NOENT ? SQLITE_OK : code, "remove", path);
}

Status VfsFile::SyncDirectory(sqlite3_vfs* vfs, const std::string& directory) {
  // The VFS has no call of its own for it, but removing a file for good syncs the directory.
  const std::string path = directory + "/everstep.sync";
  EVERSTEP_TRY(Open(vfs, path, true));
  return Remove(vfs, path);
}

Result<std::int64_t> VfsFile::Size() {
  sqlite3_int64 size = 0;
  EVERSTEP_TRY(StatusOf(opened_->io().xFileSize(opened_->file(), &size), "read the size of", opened_->path));
  return size;
}

Result<std::string> VfsFile::Read(std::int64_t offset, std::size_t size) {
  std::string bytes(size, '\0');
  const int code = opened_->io().xRead(opened_->file(), bytes.data(), static_cast<int>(size), offset);
  EVERSTEP_TRY(StatusOf(code == SQLITE_IOERR_SHORT_READ ? SQLITE_OK : code, "read", opened_->path));
  return bytes;
}

Status VfsFile::Write(std::int64_t offset, std::string_view bytes) {
  do {
    const std::string_view part = bytes.substr(0, kWriteMax);
    const int code = opened_->io().xWrite(opened_->file(), part.data(), static_cast<int>(part.size()), offset);
    EVERSTEP_TRY(StatusOf(code, "write", opened_->path));
    offset += static_cast<std::int64_t>(part.size());
    bytes.remove_prefix(part.size());
  } while (!bytes.empty());
  return {};
}

Status VfsFile::Sync() {
  return StatusOf(opened_->io().xSync(opened_->file(), SQLITE_SYNC_NORMAL | SQLITE_SYNC_DATAONLY), "sync", opened_->path);
}

}  // namespace everstep
