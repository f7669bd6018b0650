#include "launcher/cli/rank_files.h"

#include <cerrno>
#include <filesystem>
#include <fstream>

#include "base/text.h"

namespace everstep {

Status RankFiles::Append(const LogChunk& chunk) {
  if (chunk.bytes.empty()) return {};
  const std::uint64_t attempt = chunk.generation.value == 0 ? 0 : chunk.generation.value - 1;
  const std::string directory = Cat(directory_, '/', job_, "/attempt_", attempt, '/', chunk.rank);
  if (!made_.contains(directory)) {
    std::error_code error;
    std::filesystem::create_directories(directory, error);
    if (error) return Fail(ErrorCode::kIo, Cat("cannot make ", directory, ": ", error.message()));
    made_.insert(directory);
  }
  const std::string path = Cat(directory, chunk.is_stderr ? "/stderr.log" : "/stdout.log");
  errno = 0;
  std::ofstream file(path, std::ios::binary | std::ios::app);
  file.write(chunk.bytes.data(), static_cast<std::streamsize>(chunk.bytes.size()));
  file.close();
  if (!file) return FailErrno(errno == 0 ? EIO : errno, "write", path);
  return {};
}

}  // namespace everstep
