// A file beside the database, through SQLite's own way to files, so that a test's file system that crashes (or a disk that is
// full) is the same for all that a store writes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

struct sqlite3_vfs;

namespace everstep {

class VfsFile {
 public:
  static Result<bool> Exists(sqlite3_vfs* vfs, const std::string& path);
  // kNotFound or kIo; with `create` makes an empty one where there is none. REQUIRES: `vfs` outlives the file.
  static Result<VfsFile> Open(sqlite3_vfs* vfs, const std::string& path, bool create);
  // Removes the file, durable on return; good when there is none.
  static Status Remove(sqlite3_vfs* vfs, const std::string& path);
  // Makes the names of the files in `directory` durable.
  static Status SyncDirectory(sqlite3_vfs* vfs, const std::string& directory);

  VfsFile(VfsFile&&) noexcept;
  VfsFile& operator=(VfsFile&&) noexcept;
  ~VfsFile();

  Result<std::int64_t> Size();
  // `size` bytes; what lies beyond the file's end reads as zeros.
  Result<std::string> Read(std::int64_t offset, std::size_t size);
  Status Write(std::int64_t offset, std::string_view bytes);
  // The content is durable on return, and the name of a file that this object created.
  Status Sync();

 private:
  struct Opened;
  explicit VfsFile(std::unique_ptr<Opened> opened);
  std::unique_ptr<Opened> opened_;
};

}  // namespace everstep
