#include "base/real/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>

#include "base/real/fd.h"
#include "base/text.h"

namespace everstep {

namespace {

constexpr std::size_t kReadBytesMax = 1u << 20;

std::string ParentOf(const std::string& path) {
  const std::size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// A new name is durable only once the directory that holds it is.
Status SyncDirectory(const std::string& directory) {
  const Fd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.open() || ::fsync(fd.get()) != 0) return FailErrno(errno, "sync directory", directory);
  return {};
}

Status WriteAll(int fd, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return FailErrno(errno, "write", path);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

// The bytes on disk under a name that nobody reads yet.
Status WriteDurably(const std::string& path, const std::string& bytes) {
  Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!fd.open()) return FailErrno(errno, "create", path);
  EVERSTEP_TRY(WriteAll(fd.get(), bytes, path));
  if (::fsync(fd.get()) != 0) return FailErrno(errno, "sync", path);
  if (::close(fd.Release()) != 0) return FailErrno(errno, "close", path);
  return {};
}

}  // namespace

Result<std::string> RealFiles::Read(const std::string& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.open()) return FailErrno(errno, "open", path);
  std::string bytes;
  char buffer[16 << 10];
  for (;;) {
    const ssize_t got = ::read(fd.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return FailErrno(errno, "read", path);
    if (got == 0) return bytes;
    bytes.append(buffer, static_cast<std::size_t>(got));
    if (bytes.size() > kReadBytesMax)
      return Fail(ErrorCode::kExhausted, Cat("cannot read ", path, ": found more than 1 MiB, legal: at most 1 MiB"));
  }
}

Status RealFiles::Write(const std::string& path, const std::string& bytes) {
  const std::string temporary = path + ".tmp";
  Status written = WriteDurably(temporary, bytes);
  if (written && ::rename(temporary.c_str(), path.c_str()) != 0) written = FailErrno(errno, "rename to", path);
  if (!written) {
    ::unlink(temporary.c_str());
    return written;
  }
  return SyncDirectory(ParentOf(path));
}

Result<std::vector<std::string>> RealFiles::List(const std::string& directory) {
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(directory.c_str()), ::closedir);
  if (!dir) {
    if (errno == ENOENT) return std::vector<std::string>{};
    return FailErrno(errno, "list", directory);
  }
  std::vector<std::string> names;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(dir.get());
    if (entry == nullptr) break;
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  if (errno != 0) return FailErrno(errno, "list", directory);
  std::sort(names.begin(), names.end());
  return names;
}

Status RealFiles::Remove(const std::string& path) {
  if (std::remove(path.c_str()) != 0 && errno != ENOENT) return FailErrno(errno, "remove", path);
  return {};
}

Status RealFiles::MakeDirectory(const std::string& path) {
  for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string part = path.substr(0, end);
    if (::mkdir(part.c_str(), 0700) == 0) {
      EVERSTEP_TRY(SyncDirectory(ParentOf(part)));
    } else if (errno != EEXIST) {
      return FailErrno(errno, "create directory", part);
    }
    if (end == std::string::npos) break;
  }
  struct stat found {};
  if (::stat(path.c_str(), &found) != 0) return FailErrno(errno, "look at", path);
  if (!S_ISDIR(found.st_mode)) return FailErrno(ENOTDIR, "create directory", path);
  return {};
}

}  // namespace everstep
