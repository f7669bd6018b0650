#include "launcher/store/disk_reserve.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "launcher/store/vfs_file.h"

namespace everstep {
namespace {

// Written, not only made long: a hole reserves nothing.
Status Fill(sqlite3_vfs* vfs, const std::string& path, std::size_t bytes) {
  EVERSTEP_ASSIGN(VfsFile file, VfsFile::Open(vfs, path, true));
  EVERSTEP_ASSIGN(const std::int64_t size, file.Size());
  const std::string zeros(std::min<std::size_t>(bytes, 1u << 20), '\0');
  for (auto at = static_cast<std::size_t>(size); at < bytes; at += zeros.size())
    EVERSTEP_TRY(file.Write(static_cast<std::int64_t>(at), std::string_view(zeros).substr(0, bytes - at)));
  return {};
}

}  // namespace

Result<DiskReserve> DiskReserve::Take(sqlite3_vfs* vfs, std::string path, std::size_t bytes) {
  DiskReserve reserve(vfs, std::move(path));
  if (bytes == 0) return reserve;
  const Status filled = Fill(vfs, reserve.path_, bytes);
  reserve.held_ = filled.has_value();
  if (filled) return reserve;
  if (filled.error().code != ErrorCode::kExhausted) return Fail(filled.error());
  EVERSTEP_TRY(reserve.Release());
  return reserve;
}

Status DiskReserve::Release() {
  held_ = false;
  return VfsFile::Remove(vfs_, path_);
}

}  // namespace everstep
