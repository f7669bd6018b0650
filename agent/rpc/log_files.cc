#include "agent/rpc/log_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <memory>

#include "base/real/clock.h"
#include "base/real/fd.h"
#include "base/text.h"

namespace everstep {

namespace {

using StreamKey = std::pair<std::uint32_t, bool>;  // rank, is_stderr
struct CloseDirectory {
  void operator()(DIR* dir) const { ::closedir(dir); }
};
using Directory = std::unique_ptr<DIR, CloseDirectory>;

constexpr Duration kTimesEvery = 1s;  // as the keeper writes them
constexpr int kTries = 5;             // a rotation may happen while we look

struct LogFile {
  std::uint64_t age = 0;  // 0: being written; n: rotated away, higher is older
  std::string name{};
  std::uint64_t id = 0;  // LogPlace::file
  std::uint64_t size = 0;
};
using Files = std::vector<LogFile>;  // oldest first, never empty
using Streams = std::map<StreamKey, Files>;

// Size and id of a regular file in `dir`, or of `dir_fd` itself when `name` is empty.
std::optional<LogFile> Look(int dir_fd, const std::string& name) {
  struct statx about {};
  const int flags = AT_SYMLINK_NOFOLLOW | (name.empty() ? AT_EMPTY_PATH : 0);
  if (::statx(dir_fd, name.c_str(), flags, STATX_BASIC_STATS | STATX_BTIME, &about) != 0 || !S_ISREG(about.stx_mode))
    return std::nullopt;
  const std::uint64_t birth = static_cast<std::uint64_t>(about.stx_btime.tv_sec) * 1'000'000'000 + about.stx_btime.tv_nsec;
  return LogFile{.name = name, .id = about.stx_ino ^ (birth * 0x9e3779b97f4a7c15u), .size = about.stx_size};
}

// "3.out", "3.err.2"
std::optional<std::pair<StreamKey, std::uint64_t>> ParseName(std::string_view name) {
  const std::vector<std::string> parts = Split(name, '.');
  if (parts.size() < 2 || parts.size() > 3 || (parts[1] != "out" && parts[1] != "err")) return std::nullopt;
  const auto rank = ParseUnsigned(parts[0]);
  const auto age = parts.size() == 3 ? ParseUnsigned(parts[2]) : 0;
  if (!rank || *rank > 0xffffffffu || !age) return std::nullopt;
  return std::pair{StreamKey{static_cast<std::uint32_t>(*rank), parts[1] == "err"}, *age};
}

Streams List(DIR* dir, const std::vector<std::uint32_t>& ranks) {
  Streams streams;
  while (const dirent* entry = ::readdir(dir)) {
    const auto named = ParseName(entry->d_name);
    if (!named || (!ranks.empty() && std::find(ranks.begin(), ranks.end(), named->first.first) == ranks.end())) continue;
    if (std::optional<LogFile> file = Look(::dirfd(dir), entry->d_name)) {
      file->age = named->second;
      streams[named->first].push_back(*std::move(file));
    }
  }
  for (auto& [key, files] : streams)
    std::sort(files.begin(), files.end(), [](const LogFile& a, const LogFile& b) { return a.age > b.age; });
  return streams;
}

// A place among the files of one stream.
struct Cursor {
  std::size_t file = 0;
  std::uint64_t offset = 0;
  friend auto operator<=>(const Cursor&, const Cursor&) = default;
};

std::optional<WallTime> SinceOf(const ReadLog& query) {
  if (query.within) return WallTime{RealClock().Wall().ns - query.within->count()};
  return query.since;
}

class Reader {
 public:
  Reader(const ReadLog& query, DIR* dir)
      : query_(query),
        dir_fd_(::dirfd(dir)),
        streams_(List(dir, query.ranks)),
        since_(SinceOf(query)),
        bytes_left_(query.bytes_max == 0 ? kLogReplyBytes : std::min<std::size_t>(query.bytes_max, kLogReplyBytes)) {}

  // In rounds of one piece a stream, so that one loud rank does not starve the others. nullopt: a rotation came between.
  // `patient`: a place whose file is not there may be such a rotation too.
  std::optional<LogRead> Read(bool patient) {
    std::map<StreamKey, Cursor> cursors;
    for (const auto& [key, files] : streams_) cursors[key] = Start(key, files, patient);
    for (bool any = true; any && bytes_left_ > 0 && !rotated_;) {
      any = false;
      for (const auto& [key, files] : streams_) any = Take(key, files, cursors[key]) || any;
    }
    if (rotated_) return std::nullopt;
    for (const auto& [key, files] : streams_) {
      const Cursor& at = cursors[key];
      result_.more = result_.more || at.file + 1 < files.size() || at.offset < files[at.file].size;
      result_.places.push_back({key.first, key.second, files[at.file].id, at.offset});
    }
    std::stable_sort(result_.pieces.begin(), result_.pieces.end(), [](const LogPiece& a, const LogPiece& b) {
      return StreamKey(a.rank, a.is_stderr) < StreamKey(b.rank, b.is_stderr);
    });
    return std::move(result_);
  }

 private:
  Cursor Start(const StreamKey& key, const Files& files, bool patient) {
    const auto place = std::find_if(query_.places.begin(), query_.places.end(),
                                    [&](const LogPlace& p) { return StreamKey(p.rank, p.is_stderr) == key; });
    const Cursor least = query_.tail_bytes ? LastBytes(files, *query_.tail_bytes) : Cursor{};
    if (place == query_.places.end()) {
      Cursor at = query_.tail_lines ? TailStart(files, *query_.tail_lines) : Cursor{};
      if (since_) at = std::max(at, SinceStart(key, files, *since_));
      return std::max(at, least);
    }
    for (std::size_t i = 0; i < files.size(); ++i)
      if (files[i].id == place->file && place->offset <= files[i].size) return std::max(Cursor{i, place->offset}, least);
    if (patient) rotated_ = true;
    result_.pieces.push_back({key.first, key.second, {}, "output was rotated away before it was read"});
    return least;
  }

  static Cursor LastBytes(const Files& files, std::uint64_t bytes) {
    Cursor at{files.size() - 1, files.back().size};
    while (bytes > at.offset && at.file > 0) {
      bytes -= at.offset;
      at = {at.file - 1, files[at.file - 1].size};
    }
    at.offset -= std::min(at.offset, bytes);
    return at;
  }

  // Where the line begins within which something was written at `since` or later.
  Cursor SinceStart(const StreamKey& key, const Files& files, WallTime since) {
    for (std::size_t i = 0; i < files.size() && !rotated_; ++i) {
      const std::optional<std::uint64_t> offset = OffsetAt(files[i], since);
      if (offset) return {i, LineStart(files[i], *offset)};
      if (files[i].size == 0 || timed_) continue;
      result_.pieces.push_back({key.first, key.second, {}, "it is not known when this was written: all of it is shown"});
      return {i, 0};
    }
    return {files.size() - 1, files.back().size};
  }

  // The first that may have been written at `since` or later; nullopt: all was written before, or (timed_ is false) nobody
  // knows.
  std::optional<std::uint64_t> OffsetAt(const LogFile& file, WallTime since) {
    std::string name = Cat(file.name.substr(0, file.name.find('.') + 4), ".at");
    if (file.age > 0) name += Cat('.', file.age);
    const Fd fd(::openat(dir_fd_, name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    timed_ = false;
    std::string text;
    for (char block[kLogPieceBytes];;) {
      const ssize_t got = fd.open() ? ::read(fd.get(), block, sizeof block) : 0;
      if (got <= 0) return std::nullopt;
      text.append(block, static_cast<std::size_t>(got));
      for (std::size_t end = 0; (end = text.find('\n')) != std::string::npos; text.erase(0, end + 1)) {
        const std::size_t space = text.find(' ');
        if (space >= end) return std::nullopt;
        const auto when = ParseUnsigned(std::string_view(text).substr(0, space));
        const auto offset = ParseUnsigned(std::string_view(text).substr(space + 1, end - space - 1));
        if (!when || !offset || *offset > file.size) return std::nullopt;
        timed_ = true;
        // The time holds for all that came within a second.
        if (static_cast<std::int64_t>(*when) + kTimesEvery.count() > since.ns) return offset;
      }
    }
  }

  std::uint64_t LineStart(const LogFile& file, std::uint64_t offset) {
    const std::uint64_t size = std::min<std::uint64_t>(offset, kLogPieceBytes);
    const std::string block = ReadAt(file, offset - size, static_cast<std::size_t>(size));
    const std::size_t newline = block.rfind('\n');
    if (newline == std::string::npos) return size == offset ? 0 : offset;
    return offset - size + newline + 1;
  }

  // Where the last `lines` lines begin. A last line without its newline counts.
  Cursor TailStart(const Files& files, std::uint32_t lines) {
    Cursor at{files.size() - 1, files.back().size};
    std::uint64_t newlines = 0;
    for (bool last_byte = true; lines > 0 && !rotated_;) {
      if (at.offset == 0) {
        if (at.file == 0) return at;
        at = {at.file - 1, files[at.file - 1].size};
        continue;
      }
      const std::uint64_t size = std::min<std::uint64_t>(at.offset, kLogPieceBytes);
      const std::string block = ReadAt(files[at.file], at.offset - size, static_cast<std::size_t>(size));
      at.offset -= size;
      for (std::size_t i = block.size(); i > 0; --i)
        if (!std::exchange(last_byte, false) && block[i - 1] == '\n' && ++newlines == lines) return {at.file, at.offset + i};
    }
    return at;
  }

  // True: there was something.
  bool Take(const StreamKey& key, const Files& files, Cursor& at) {
    while (at.offset >= files[at.file].size && at.file + 1 < files.size()) at = {at.file + 1, 0};
    const LogFile& file = files[at.file];
    const std::uint64_t there = file.size - std::min(file.size, at.offset);
    std::string bytes =
        ReadAt(file, at.offset, static_cast<std::size_t>(std::min<std::uint64_t>({there, kLogPieceBytes, bytes_left_})));
    if (bytes.empty()) return false;
    at.offset += bytes.size();
    bytes_left_ -= bytes.size();
    result_.pieces.push_back({key.first, key.second, std::move(bytes), {}});
    return true;
  }

  std::string ReadAt(const LogFile& file, std::uint64_t offset, std::size_t size) {
    if (size == 0) return {};
    const Fd fd(::openat(dir_fd_, file.name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    const std::optional<LogFile> found = fd.open() ? Look(fd.get(), "") : std::nullopt;
    if (!found || found->id != file.id) {
      rotated_ = true;
      return {};
    }
    std::string bytes(size, '\0');
    const ssize_t got = ::pread(fd.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return bytes;
  }

  const ReadLog& query_;
  const int dir_fd_;
  const Streams streams_;
  const std::optional<WallTime> since_;
  bool timed_ = false;  // the file that OffsetAt looked at last has times
  std::size_t bytes_left_;
  bool rotated_ = false;
  LogRead result_{};
};

}  // namespace

Result<LogRead> ReadLogFiles(const std::string& log_dir, const ReadLog& query) {
  if (!ValidName(query.job.value))
    return Fail(ErrorCode::kInvalid, Cat("job: found \"", Clip(Printable(query.job.value), 80), "\", legal: a job's id"));
  const std::string directory = Cat(log_dir, '/', query.job, '/', query.generation);
  for (int left = kTries; left > 0; --left) {
    const Directory dir(::opendir(directory.c_str()));
    if (dir == nullptr && errno == ENOENT) return LogRead{};
    if (dir == nullptr) return FailErrno(errno, "read", directory);
    if (std::optional<LogRead> read = Reader(query, dir.get()).Read(left > 1)) return *std::move(read);
  }
  return LogRead{.places = query.places, .more = true};  // rotated as fast as we look: the next call may be luckier
}

}  // namespace everstep
