#include "health/probe/file_system.h"

#include <sys/statvfs.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/text.h"
#include "health/core/check.h"

namespace everstep::health {

namespace {

constexpr double kWanSeconds = 0.005;  // within a site and between zones of a region it is well below

// mountinfo writes blanks and the like as \040.
std::string Unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto octal = [&](std::size_t at) { return at < text.size() && text[at] >= '0' && text[at] <= '7'; };
    if (text[i] == '\\' && octal(i + 1) && octal(i + 2) && octal(i + 3)) {
      out += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

bool OneOf(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

Result<Space> Recorded(const Root& root, const std::string& path) {
  EVERSTEP_ASSIGN(const std::string text, root.Read("/captured/statvfs"));
  for (const std::string& line : Split(text, '\n')) {
    const std::vector<std::string> words = Split(line, ' ');
    if (words.size() != 5 || words[0] != path) continue;
    std::array<double, 4> numbers{};
    for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<double>(ParseUnsigned(words[i + 1]).value_or(0));
    return Space{numbers[0], numbers[1], numbers[2], numbers[3]};
  }
  return Fail(ErrorCode::kNotFound, Cat("captured/statvfs has no line for ", path));
}

}  // namespace

Result<Space> SpaceOf(const Root& root, const std::string& path) {
  if (!root.live()) return Recorded(root, path);
  struct statvfs is {};
  if (::statvfs(path.c_str(), &is) != 0) return FailErrno(errno, "statvfs", path);
  const auto block = static_cast<double>(is.f_frsize);
  return Space{static_cast<double>(is.f_blocks) * block, static_cast<double>(is.f_bavail) * block,
               static_cast<double>(is.f_files), static_cast<double>(is.f_favail)};
}

std::vector<Mount> ParseMounts(std::string_view mountinfo) {
  std::vector<Mount> mounts;
  for (const std::string& line : Split(mountinfo, '\n')) {
    const std::vector<std::string> words = Split(line, ' ');
    const auto dash = std::find(words.begin(), words.end(), "-");
    if (words.size() < 6 || words.end() - dash < 4) continue;
    mounts.push_back({.point = Unescaped(words[4]),
                      .options = words[5],
                      .type = *(dash + 1),
                      .source = Unescaped(*(dash + 2)),
                      .super = *(dash + 3)});
  }
  return mounts;
}

const Mount* MountOf(const std::vector<Mount>& mounts, std::string_view path) {
  const Mount* best = nullptr;
  for (const Mount& mount : mounts) {
    const std::string_view point = mount.point;
    const bool on = point == "/" || path == point || (path.starts_with(point) && path[point.size()] == '/');
    if (on && (!best || point.size() >= best->point.size())) best = &mount;
  }
  return best;
}

std::string ServerOf(const Mount& mount) {
  for (const std::string& option : Split(mount.super, ','))
    if (option.starts_with("addr=")) return option.substr(5);
  if (mount.source.starts_with("//")) return mount.source.substr(2, mount.source.find('/', 2) - 2);
  const std::size_t colon = mount.source.rfind(":/");
  return colon == std::string::npos ? std::string() : mount.source.substr(0, colon);
}

Locality LocalityOf(const Mount& mount, std::optional<double> rtt) {
  const std::string said = Cat(mount.type, " from ", mount.source);
  if (OneOf(mount.type, {"ext4", "ext3", "ext2", "xfs", "btrfs", "zfs", "f2fs", "bcachefs"})) return {"local", said};
  if (OneOf(mount.type, {"lustre", "gpfs", "beegfs", "wekafs", "daos"})) return {"parallel", said};
  if (OneOf(mount.type, {"tmpfs", "ramfs", "devtmpfs"})) return {"volatile", Cat(said, ": gone with the host's power")};
  if (mount.type == "overlay") return {"unknown", "an overlay: its upper directory is not seen from inside a container"};
  if (mount.type == "autofs") return {"unknown", "autofs: nothing is mounted yet"};
  if (OneOf(mount.type, {"nfs", "nfs4", "cifs", "smb3", "9p", "afs", "ceph"})) {
    if (!rtt) return {"remote", Cat(said, ": how far its server is could not be measured")};
    const bool wan = *rtt > kWanSeconds;
    return {wan ? "remote-wan" : "remote-lan", Cat(said, ", ", ShowNumber(*rtt * 1000, Unit::count), " ms to its server")};
  }
  if (mount.type.starts_with("fuse")) {  // every FUSE file system has one magic number: only its name tells them apart
    if (OneOf(mount.type, {"fuse.mergerfs", "fuse.bindfs", "fuseblk"})) return {"local", said};
    return {"remote", Cat(said, ": a file system in a process of its own is taken as remote")};
  }
  return {"unknown", Cat("nothing is known about file systems of the type ", mount.type)};
}

}  // namespace everstep::health
