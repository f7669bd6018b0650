#include "agent/checkpoint/input_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/text.h"

namespace everstep {

Result<InputFile> InputFile::Open(const std::string& path) {
  // O_NONBLOCK: opening a pipe of that name must not wait for its writer.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0 && errno == ELOOP) return Fail(ErrorCode::kInvalid, Cat(path, " is a symbolic link"));
  if (fd < 0) return FailErrno(errno, "open", path);
  struct stat found {};
  if (::fstat(fd, &found) != 0) {
    const int error = errno;
    ::close(fd);
    return FailErrno(error, "look at", path);
  }
  InputFile file(fd, static_cast<std::uint64_t>(found.st_size), path);
  if (!S_ISREG(found.st_mode)) return Fail(ErrorCode::kInvalid, Cat(path, " is not a regular file"));
  return file;
}

InputFile::InputFile(int fd, std::uint64_t size, std::string path) : fd_(fd), size_(size), path_(std::move(path)) {}
InputFile::InputFile(InputFile&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), begin_(other.begin_), size_(other.size_), path_(std::move(other.path_)) {}
InputFile& InputFile::operator=(InputFile&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(begin_, other.begin_);
  std::swap(size_, other.size_);
  std::swap(path_, other.path_);
  return *this;
}
InputFile::~InputFile() {
  if (fd_ >= 0) ::close(fd_);
}

Result<InputFile> InputFile::Part(std::uint64_t offset, std::uint64_t bytes) const {
  if (offset > size_ || bytes > size_ - offset) return Fail(ErrorCode::kCorrupt, Cat("ends at byte ", size_));
  const int fd = ::fcntl(fd_, F_DUPFD_CLOEXEC, 0);
  if (fd < 0) return FailErrno(errno, "duplicate", path_);
  InputFile part(fd, bytes, path_);
  part.begin_ = begin_ + offset;
  return part;
}

Status InputFile::ReadAt(std::uint64_t offset, char* into, std::size_t bytes) const {
  if (offset > size_ || bytes > size_ - offset) return Fail(ErrorCode::kCorrupt, Cat("ends at byte ", size_));
  while (bytes > 0) {
    const ssize_t got = ::pread(fd_, into, bytes, static_cast<off_t>(begin_ + offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return FailErrno(errno, "read", path_);
    if (got == 0) return Fail(ErrorCode::kCorrupt, Cat("ends at byte ", offset));
    into += got;
    bytes -= static_cast<std::size_t>(got);
    offset += static_cast<std::uint64_t>(got);
  }
  return {};
}

Result<std::string> InputFile::ReadAt(std::uint64_t offset, std::size_t bytes) const {
  std::string data(bytes, '\0');
  EVERSTEP_TRY(ReadAt(offset, data.data(), bytes));
  return data;
}

Result<std::string> ReadSmallFile(const std::string& path, std::size_t bytes_max) {
  EVERSTEP_ASSIGN(const InputFile file, InputFile::Open(path));
  if (file.size() > bytes_max)
    return Fail(ErrorCode::kExhausted, Cat(path, ": found ", file.size(), " bytes, legal: at most ", bytes_max));
  return file.ReadAt(0, static_cast<std::size_t>(file.size()));
}

}  // namespace everstep
