// The head file: the end of the log as it was last acknowledged, outside the database and its write-ahead log.
//
// Why: SQLite takes the write-ahead log up to the first frame that fails its checksum and drops the rest without a word,
// because after a crash that is right. One flipped bit therefore loses acknowledged rows (tried: 48 of 100 left,
// integrity_check "ok").
//
// Two slots, a sector each, written in turn, so that a write torn by a crash leaves the one before.
// Cost: one write of 80 bytes and one fdatasync a commit.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "launcher/store/log_end.h"
#include "launcher/store/vfs_file.h"

namespace everstep {

class HeadFile {
 public:
  // Changes nothing on disk. kInvalid: made by a newer version. REQUIRES: `vfs` outlives it.
  static Result<HeadFile> Open(sqlite3_vfs* vfs, const std::string& path);

  // The newest record that was written whole; nullopt: none (no file, or a crash while the first was written).
  const std::optional<LogEnd>& newest() const { return newest_; }

  // Makes the file, at its full size, so that Write never asks a full disk for room. Changes nothing that stands in it.
  Status Allocate();

  // Durable on return. A crash on the way leaves newest(). After an error it must not be called again. REQUIRES: Allocate().
  Status Write(const LogEnd& end);

 private:
  HeadFile(sqlite3_vfs* vfs, std::string path) : vfs_(vfs), path_(std::move(path)) {}

  sqlite3_vfs* vfs_;
  std::string path_;
  std::optional<VfsFile> file_{};  // nullopt: not there yet
  std::optional<LogEnd> newest_{};
  int newest_slot_ = 1;
  bool synced_ = false;  // what stands in newest_slot_ is durable, not just in the page cache
};

}  // namespace everstep
