#include "base/progress/progress_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/progress/json_line.h"
#include "base/progress/line_patterns.h"
#include "base/text.h"

namespace everstep {

namespace {

constexpr std::size_t kBytesRead = 4096;

const ProgressKeys& Keys() {
  static const ProgressKeys keys{.step = {"step"}, .total = {"steps_total"}, .loss = {"loss"}};
  return keys;
}

}  // namespace

std::optional<Told> ReadProgressText(std::string_view text, bool cut) {
  while (!text.empty()) {
    while (text.ends_with('\n') || text.ends_with('\r')) text.remove_suffix(1);
    const std::size_t newline = text.rfind('\n');
    if (newline == std::string_view::npos && cut) return std::nullopt;
    const std::string_view line = newline == std::string_view::npos ? text : text.substr(newline + 1);
    // The last line may be half written; the one before it is whole.
    if (auto told = ReadJsonLine(line, Keys())) {
      told->source = kFileSource;
      return told;
    }
    text = newline == std::string_view::npos ? std::string_view() : text.substr(0, newline);
  }
  return std::nullopt;
}

std::optional<Told> LookAtProgressFile(const std::string& path, FileStamp& last) {
  // A rank may put anything there: a pipe must not hold us up, a link must not lead us elsewhere.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY);
  if (fd < 0) return std::nullopt;
  std::optional<Told> told;
  struct stat found {};
  if (::fstat(fd, &found) == 0 && S_ISREG(found.st_mode)) {
    const FileStamp now{.inode = found.st_ino,
                        .mtime_ns = found.st_mtim.tv_sec * 1'000'000'000 + found.st_mtim.tv_nsec,
                        .size = static_cast<std::uint64_t>(found.st_size)};
    if (now != last) {
      std::array<char, kBytesRead> bytes;
      const off_t from = std::max<off_t>(0, found.st_size - static_cast<off_t>(bytes.size()));
      const ssize_t got = ::pread(fd, bytes.data(), bytes.size(), from);
      if (got > 0) told = ReadProgressText({bytes.data(), static_cast<std::size_t>(got)}, from > 0);
      last = now;
    }
  }
  ::close(fd);
  return told;
}

}  // namespace everstep
