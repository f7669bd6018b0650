#include "launcher/store/head_file.h"

#include <cstdint>
#include <utility>

#include "base/check.h"

namespace everstep {
namespace {

constexpr std::int64_t kSlotBytes = 4096;  // the largest sector in use: a torn write harms its own slot only

}  // namespace

Result<HeadFile> HeadFile::Open(sqlite3_vfs* vfs, const std::string& path) {
  HeadFile head(vfs, path);
  EVERSTEP_ASSIGN(const bool exists, VfsFile::Exists(vfs, path));
  if (!exists) return head;
  EVERSTEP_ASSIGN(head.file_, VfsFile::Open(vfs, path, false));
  for (const int slot : {0, 1}) {
    EVERSTEP_ASSIGN(const std::string bytes, head.file_->Read(slot * kSlotBytes, kLogEndBytes));
    const Result<LogEnd> end = DecodeLogEnd(bytes);
    if (!end && end.error().code == ErrorCode::kInvalid) return Fail(end.error());
    if (!end || (head.newest_ && head.newest_->commit > end->commit)) continue;  // empty, torn or older
    head.newest_ = *end;
    head.newest_slot_ = slot;
  }
  return head;
}

Status HeadFile::Allocate() {
  if (!file_) {
    EVERSTEP_ASSIGN(file_, VfsFile::Open(vfs_, path_, true));
  }
  EVERSTEP_ASSIGN(const std::int64_t size, file_->Size());
  if (size >= 2 * kSlotBytes) return {};
  return file_->Write(size, std::string(static_cast<std::size_t>(2 * kSlotBytes - size), '\0'));
}

Status HeadFile::Write(const LogEnd& end) {
  Check(file_.has_value(), "Allocate comes first");
  // A launcher that was killed may have left the newest record in the page cache only, and the other slot has the last durable
  // one: overwriting that before the newest is durable could leave nothing after a power cut.
  if (!synced_) EVERSTEP_TRY(file_->Sync());
  synced_ = true;
  const int slot = 1 - newest_slot_;
  EVERSTEP_TRY(file_->Write(slot * kSlotBytes, Encode(end)));
  EVERSTEP_TRY(file_->Sync());
  newest_ = end;
  newest_slot_ = slot;
  return {};
}

}  // namespace everstep
