#include "agent/checkpoint/layout.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "base/text.h"

namespace everstep {

namespace {

Status WriteAndSync(int fd, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return FailErrno(errno, "write", path);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  if (::fsync(fd) != 0) return FailErrno(errno, "sync", path);
  return {};
}

}  // namespace

Status MakeDirectories(const std::string& path) {
  for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string part = path.substr(0, end);
    if (::mkdir(part.c_str(), 0777) != 0) {
      const int error = errno;  // EEXIST, but some file systems say EROFS or EACCES of what is there
      struct stat found {};
      if (::stat(part.c_str(), &found) != 0) return FailErrno(error, "create directory", part);
      if (!S_ISDIR(found.st_mode)) return FailErrno(ENOTDIR, "create directory", part);
    }
    if (end == std::string::npos) return {};
  }
}

Status SyncDirectory(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return FailErrno(errno, "open", path);
  // EINVAL: the file system has nothing to sync in a directory.
  const int error = ::fsync(fd) == 0 || errno == EINVAL ? 0 : errno;
  ::close(fd);
  if (error != 0) return FailErrno(error, "sync", path);
  return {};
}

Status WriteDurably(const std::string& path, const std::string& bytes) {
  const std::string temporary = path + ".tmp";
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd < 0) return FailErrno(errno, "create", temporary);
  Status written = WriteAndSync(fd, bytes, temporary);
  if (::close(fd) != 0 && written) written = FailErrno(errno, "close", temporary);
  if (written && ::rename(temporary.c_str(), path.c_str()) != 0) written = FailErrno(errno, "rename to", path);
  if (!written) ::unlink(temporary.c_str());
  return written;
}

}  // namespace everstep
