#include "agent/checkpoint/publish.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <optional>

#include "agent/checkpoint/layout.h"
#include "base/text.h"

namespace everstep {

namespace {

bool IsLink(const std::string& path, const CheckpointFile& file) {
  struct stat found {};
  return ::lstat(path.c_str(), &found) == 0 && S_ISREG(found.st_mode) && found.st_ino == file.inode;
}

bool Shows(const std::string& root, const Pin& pin) {
  return std::all_of(pin.files.begin(), pin.files.end(),
                     [&](const CheckpointFile& file) { return IsLink(PathIn(root, file.name), file); });
}

// Directories that are not empty then hold somebody else's files, and stay.
// A file that was touched or rewritten in its place since is the user's.
bool AsPinned(const std::string& path, const CheckpointFile& file) {
  struct stat found {};
  return IsLink(path, file) && ::lstat(path.c_str(), &found) == 0 && static_cast<std::uint64_t>(found.st_size) == file.size &&
         found.st_mtim.tv_sec * std::int64_t{1'000'000'000} + found.st_mtim.tv_nsec == file.mtime_ns;
}

void RemoveLinks(const std::string& root, const Pin& pin) {
  for (const CheckpointFile& file : pin.files)
    if (AsPinned(PathIn(root, file.name), file)) ::unlink(PathIn(root, file.name).c_str());
  if (!pin.was.directory) return;
  for (auto below = pin.was.directories.rbegin(); below != pin.was.directories.rend(); ++below)
    ::rmdir(PathIn(root, *below).c_str());
  ::rmdir(root.c_str());
}

Status BuildLinks(const Pin& pin, const std::string& root) {
  if (pin.was.directory) EVERSTEP_TRY(MakeDirectories(root));
  for (const std::string& directory : pin.was.directories) EVERSTEP_TRY(MakeDirectories(PathIn(root, directory)));
  for (const CheckpointFile& file : pin.files)
    if (::link(PathIn(pin.path(), file.name).c_str(), PathIn(root, file.name).c_str()) != 0)
      return FailErrno(errno, "link", PathIn(pin.path(), file.name));
  return {};
}

// Of any job: what Everstep made, whoever it was for.
std::optional<Pin> ShownAt(const std::string& root, const std::string& dir, const std::string& source) {
  for (Pin& pin : PinsIn(dir))
    if (pin.source == source && !pin.files.empty() && Shows(root, pin)) return std::move(pin);
  return std::nullopt;
}

// False: the name is somebody else's.
Result<bool> ShowAs(const std::string& root, const std::string& dir, const Pin& pin, const std::string& built) {
  struct stat found {};
  if (::lstat(root.c_str(), &found) == 0) {
    const std::optional<Pin> old = ShownAt(root, dir, pin.source);
    if (!old) return false;
    // A file is replaced by the rename itself: nobody finds the name without one.
    if (pin.was.directory || old->was.directory) RemoveLinks(root, *old);
  }
  if (!pin.was.directory && ::lstat(root.c_str(), &found) == 0 && S_ISDIR(found.st_mode)) return false;
  if (::rename(built.c_str(), root.c_str()) == 0) return true;
  if (errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR) return false;
  return FailErrno(errno, "rename to", root);
}

std::array<std::string, 2> NamesOf(const std::string& dir, const Pin& pin) {
  return {PathIn(dir, pin.source), Cat(PathIn(dir, pin.source), '.', pin.number)};
}

}  // namespace

Status PublishPin(const std::string& dir, const Pin& pin) {
  const auto names = NamesOf(dir, pin);
  if (std::any_of(names.begin(), names.end(), [&](const std::string& name) { return Shows(name, pin); })) return {};
  std::string building = Cat(OwnDirectory(dir), "/.showing-", pin.job, "-XXXXXX");
  if (::mkdtemp(building.data()) == nullptr) return FailErrno(errno, "create a directory in", OwnDirectory(dir));
  const std::string built = PathIn(building, "it");
  Status shown = BuildLinks(pin, built);
  for (std::size_t i = 0; shown && i < names.size(); ++i) {
    const Result<bool> done = ShowAs(names[i], dir, pin, built);
    if (!done) shown = Fail(done.error());
    if (!done || *done) break;
  }
  std::error_code ignored;
  std::filesystem::remove_all(building, ignored);
  if (!shown) return shown;
  return SyncDirectory(dir);
}

void UnpublishPin(const std::string& dir, const Pin& pin) {
  for (const std::string& name : NamesOf(dir, pin)) RemoveLinks(name, pin);
}

}  // namespace everstep
