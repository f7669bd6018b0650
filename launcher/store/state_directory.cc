#include "launcher/store/state_directory.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <sstream>
#include <utility>

#include "base/text.h"

namespace everstep {
namespace {

Status SyncParent(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string parent = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
  const int fd = open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool good = fd >= 0 && fsync(fd) == 0;
  const int why = errno;
  if (fd >= 0) close(fd);
  if (!good) return FailErrno(why, "sync directory", parent);
  return {};
}

// Each parent in turn, durable; one that is there already is as good.
Status MakeDirectory(const std::string& path) {
  for (std::size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
    const std::string part = path.substr(0, slash);
    if (mkdir(part.c_str(), 0700) == 0)
      EVERSTEP_TRY(SyncParent(part));
    else if (errno != EEXIST)
      return FailErrno(errno, "make directory", part);
    if (slash == std::string::npos) return {};
  }
}

// The kernel's list of locks: "1: FLOCK  ADVISORY  WRITE 4711 08:01:131 0 EOF". The device may be shown as another than stat's
// (btrfs), so the inode alone decides.
std::string Holder(int fd) {
  struct stat directory {};
  if (fstat(fd, &directory) != 0) return "another process";
  const std::string inode = Cat(":", static_cast<std::uint64_t>(directory.st_ino));
  std::ifstream locks("/proc/locks");
  for (std::string line; std::getline(locks, line);) {
    std::istringstream words(line);
    std::string number, kind, advisory, mode, pid, file;
    if (words >> number >> kind >> advisory >> mode >> pid >> file && kind == "FLOCK" && file.ends_with(inode) && pid != "0")
      return Cat("process ", pid);
  }
  return "another process";
}

bool OnNetwork(int fd) {
  struct statfs system {};
  if (fstatfs(fd, &system) != 0) return false;
  constexpr std::uint32_t kCifs = 0xFF534D42, kSmb2 = 0xFE534D42;  // not in linux/magic.h
  const auto type = static_cast<std::uint32_t>(system.f_type);
  return type == NFS_SUPER_MAGIC || type == SMB_SUPER_MAGIC || type == kCifs || type == kSmb2;
}

}  // namespace

Result<StateDirectory> StateDirectory::Take(const std::string& directory) {
  EVERSTEP_TRY(MakeDirectory(directory));
  StateDirectory held(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (held.fd_ < 0) return FailErrno(errno, "open directory", directory);
  if (OnNetwork(held.fd_))
    return Fail(ErrorCode::kInvalid, Cat("the state directory ", directory, " is on a network file system"),
                "use a directory on a local disk");
  if (flock(held.fd_, LOCK_EX | LOCK_NB) == 0) return held;
  if (errno != EWOULDBLOCK) return FailErrno(errno, "lock directory", directory);
  return Fail(ErrorCode::kConflict, Cat("the state directory ", directory, " is in use by ", Holder(held.fd_)),
              "end that launcher first, or give this one a state_dir of its own");
}

StateDirectory::StateDirectory(StateDirectory&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
StateDirectory& StateDirectory::operator=(StateDirectory&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}
StateDirectory::~StateDirectory() {
  if (fd_ >= 0) close(fd_);
}

Result<std::uint64_t> StateDirectory::FreeBytes() const {
  struct statvfs system {};
  if (fstatvfs(fd_, &system) != 0) return FailErrno(errno, "ask for the free space of", "the state directory");
  return static_cast<std::uint64_t>(system.f_bavail) * system.f_frsize;
}

}  // namespace everstep
