#include "agent/checkpoint/transfer.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "agent/checkpoint/input_file.h"
#include "base/text.h"

namespace everstep {

namespace {

constexpr std::size_t kCopyBytes = 8u << 20;  // at once; between them `stop` is heeded

Status CopyBytes(const InputFile& from, int to, const std::string& name, std::stop_token stop) {
  std::string buffer;
  for (std::uint64_t done = 0; done < from.size();) {
    if (stop.stop_requested()) return Fail(ErrorCode::kUnavailable, "stopped while copying");
    const auto bytes = static_cast<std::size_t>(std::min<std::uint64_t>(from.size() - done, kCopyBytes));
    auto from_offset = static_cast<off_t>(done);
    // Lets the file system share blocks or the server copy (NFS 4.2); not every pair of files can.
    ssize_t copied = ::copy_file_range(from.fd(), &from_offset, to, nullptr, bytes, 0);
    if (copied <= 0) {
      buffer.resize(bytes);
      EVERSTEP_TRY(from.ReadAt(done, buffer.data(), bytes));
      copied = ::write(to, buffer.data(), bytes);
      if (copied < 0 && errno == EINTR) continue;
      if (copied < 0) return FailErrno(errno, "write", name);
    }
    done += static_cast<std::uint64_t>(copied);
  }
  return {};
}

Result<Transferred> CloneOrCopy(const InputFile& from, int to, const std::string& name, bool may_link, std::stop_token stop) {
  if (::ioctl(to, FICLONE, from.fd()) == 0) return Transferred::cloned;
  if (may_link) return Transferred::linked;
  EVERSTEP_TRY(CopyBytes(from, to, name, stop));
  return Transferred::copied;
}

Status SyncAndClose(int fd, const std::string& name) {
  const int error = ::fsync(fd) == 0 ? 0 : errno;
  if (::close(fd) != 0 && error == 0) return FailErrno(errno, "close", name);
  if (error != 0) return FailErrno(error, "sync", name);
  return {};
}

Result<Transferred> ToNewFile(const InputFile& from, const std::string& to, bool may_link, std::stop_token stop) {
  struct stat found {};
  if (::fstat(from.fd(), &found) != 0) return FailErrno(errno, "look at", from.path());
  const int fd = ::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, found.st_mode & 0777);
  if (fd < 0) return FailErrno(errno, "create", to);
  Result<Transferred> how = CloneOrCopy(from, fd, to, may_link, stop);
  if (!how || *how == Transferred::linked) {
    ::close(fd);  // to be replaced by the link, or given up: not worth a sync
    return how;
  }
  EVERSTEP_TRY(SyncAndClose(fd, to));
  return how;
}

}  // namespace

Result<Transferred> Transfer(const std::string& from, const std::string& to, bool own_bytes, std::stop_token stop) {
  EVERSTEP_ASSIGN(const InputFile source, InputFile::Open(from));
  Result<Transferred> how = ToNewFile(source, to, !own_bytes, stop);
  if (how && *how != Transferred::linked) return how;
  if (!how) return how;
  ::unlink(to.c_str());  // the empty file that the clone would have filled
  // Links the file that was opened, not what has its name by now. The magic link needs /proc; without it, the name must do.
  const std::string opened = Cat("/proc/self/fd/", source.fd());
  if (::linkat(AT_FDCWD, opened.c_str(), AT_FDCWD, to.c_str(), AT_SYMLINK_FOLLOW) != 0 && ::link(from.c_str(), to.c_str()) != 0)
    return ToNewFile(source, to, false, stop);  // no links here (FAT, object stores), or too many of this file
  if (::fsync(source.fd()) != 0) return FailErrno(errno, "sync", from);
  return Transferred::linked;
}

}  // namespace everstep
