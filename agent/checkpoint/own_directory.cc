#include "agent/checkpoint/own_directory.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "agent/checkpoint/layout.h"
#include "base/real/mounts.h"
#include "base/text.h"

namespace everstep {

namespace {

bool HoldsFiles(const std::string& directory) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error))
    if (entry.path().filename() != ".everstep") return true;
  return false;
}

// A launcher that has forgotten all counts from generation 1 again.
Status RenameOld(const std::string& directory) {
  if (!HoldsFiles(directory)) return {};
  for (int i = 1; i <= 1000; ++i) {
    const std::string old = Cat(directory, ".old.", i);
    struct stat found {};
    if (::lstat(old.c_str(), &found) == 0) continue;
    if (::rename(directory.c_str(), old.c_str()) != 0) return FailErrno(errno, "rename to", old);
    return {};
  }
  return Fail(ErrorCode::kExhausted, Cat("a thousand old ones of ", directory, " are there"));
}

// Who may save in DIR may save there.
void TakeAfter(const std::string& directory, const std::string& dir) {
  struct stat model {};
  if (::stat(dir.c_str(), &model) != 0) return;
  ::chmod(directory.c_str(), model.st_mode & 07777);
  if (::chown(directory.c_str(), model.st_uid, model.st_gid) != 0) return;  // not root: it is ours, as DIR is
}

Status CheckLinks(const std::string& dir, const GangKey& gang) {
  const std::string probe = Cat(OwnDirectory(dir), "/.link-", gang);
  EVERSTEP_TRY(WriteDurably(probe, "x"));
  const std::string second = probe + ".2";
  const int error = ::link(probe.c_str(), second.c_str()) == 0 || errno == EEXIST ? 0 : errno;
  ::unlink(second.c_str());
  ::unlink(probe.c_str());
  if (error != 0) return FailErrno(error, "link a file in", OwnDirectory(dir));
  return {};
}

}  // namespace

std::string SavesDirectory(const CheckpointSpec& checkpoint, const GangKey& gang) {
  return checkpoint.isolate == Isolate::mount ? GenerationDirectory(checkpoint.dir, gang) : checkpoint.dir;
}

Result<RankMounts> MakeOwnDirectory(const std::string& dir, const GangKey& gang, bool first) {
  const RankMounts mounts{.own = GenerationDirectory(dir, gang), .over = dir, .shown = PinsDirectory(dir)};
  const MountPlan plan(mounts);
  if (first) {
    EVERSTEP_TRY(CheckLinks(dir, gang));
    EVERSTEP_TRY(RenameOld(mounts.own));
  }
  EVERSTEP_TRY(MakeDirectories(mounts.shown));
  EVERSTEP_TRY(MakeDirectories(plan.place));
  TakeAfter(mounts.own, dir);
  EVERSTEP_TRY(TryMounts(plan));
  return mounts;
}

}  // namespace everstep
