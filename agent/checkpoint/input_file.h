// A file opened for reading at offsets. Its size is that of the moment it was opened: whoever verifies a file compares surveys
// (survey.h) before and after, and so learns that it grew meanwhile.
//
// Thread: any one at a time. Calls block for as long as the file system does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/result.h"

namespace everstep {

class InputFile {
 public:
  // Regular files only, symbolic links are not followed; kNotFound where there is none, kInvalid for anything else.
  static Result<InputFile> Open(const std::string& path);

  InputFile(InputFile&& other) noexcept;
  InputFile& operator=(InputFile&& other) noexcept;
  ~InputFile();

  std::uint64_t size() const { return size_; }
  const std::string& path() const { return path_; }
  int fd() const { return fd_; }

  // Some of its bytes as a file of their own; kCorrupt when it ends before.
  Result<InputFile> Part(std::uint64_t offset, std::uint64_t bytes) const;

  // Exactly `bytes` bytes from `offset`; kCorrupt when the file ends before.
  Status ReadAt(std::uint64_t offset, char* into, std::size_t bytes) const;
  Result<std::string> ReadAt(std::uint64_t offset, std::size_t bytes) const;

 private:
  InputFile(int fd, std::uint64_t size, std::string path);

  int fd_ = -1;
  std::uint64_t begin_ = 0;
  std::uint64_t size_ = 0;
  std::string path_;
};

// The whole of a small file; kExhausted when it is larger than `bytes_max`.
Result<std::string> ReadSmallFile(const std::string& path, std::size_t bytes_max);

}  // namespace everstep
