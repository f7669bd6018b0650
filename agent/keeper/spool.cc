#include "agent/keeper/spool.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "agent/keeper/line_socket.h"
#include "agent/keeper/wire.h"
#include "base/json/codec.h"
#include "base/real/files.h"
#include "base/real/proc.h"
#include "base/text.h"

namespace everstep {

namespace {

std::string RecordIn(const std::string& directory) { return directory + "/exits"; }
std::string StartedIn(const std::string& directory) { return directory + "/started"; }

// Records hold up to 4 MiB of tails, more than RealFiles reads.
Result<std::string> ReadWhole(const std::string& path, std::size_t bytes_max) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.open()) return FailErrno(errno, "open", path);
  struct stat found {};
  if (::fstat(fd.get(), &found) != 0) return FailErrno(errno, "look at", path);
  std::string bytes(std::min(static_cast<std::size_t>(found.st_size), bytes_max), '\0');
  std::size_t got = 0;
  while (got < bytes.size()) {
    const ssize_t n = ::read(fd.get(), bytes.data() + got, bytes.size() - got);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FailErrno(errno, "read", path);
    if (n == 0) break;
    got += static_cast<std::size_t>(n);
  }
  bytes.resize(got);
  return bytes;
}

Status WriteQuickly(const std::string& path, const std::string& bytes) {
  const Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!fd.open()) return FailErrno(errno, "create", path);
  const ssize_t written = ::write(fd.get(), bytes.data(), bytes.size());
  if (written != static_cast<ssize_t>(bytes.size())) return FailErrno(written < 0 ? errno : ENOSPC, "write", path);
  return {};
}

}  // namespace

std::string SocketIn(const std::string& directory) { return directory + "/keeper.sock"; }
std::string KeeperLogIn(const std::string& directory) { return directory + "/keeper.log"; }

std::string SpoolName(const GangKey& gang) { return gang.Str(); }

std::optional<GangKey> GangOfSpool(const std::string& name) {
  const std::size_t dot = name.rfind('.');
  if (dot == std::string::npos || dot == 0) return std::nullopt;
  const std::optional<std::uint64_t> generation = ParseUnsigned(std::string_view(name).substr(dot + 1));
  if (!generation) return std::nullopt;
  return GangKey{.job = JobId(name.substr(0, dot)), .generation = Generation(*generation)};
}

Result<Fd> MakeSpool(const std::string& directory) {
  RealFiles files;
  EVERSTEP_TRY(files.MakeDirectory(directory.substr(0, directory.find_last_of('/'))));
  if (::mkdir(directory.c_str(), 0700) != 0) {
    if (errno == EEXIST) return Fail(ErrorCode::kConflict, Cat("the spool ", directory, " is there already"));
    return FailErrno(errno, "create", directory);
  }
  return ListenUnix(SocketIn(directory));
}

Status WriteRecord(const std::string& directory, const KeeperRecord& record) {
  return RealFiles().Write(RecordIn(directory), ToJson(record));
}

Status WriteFirstRecord(const std::string& directory, const KeeperRecord& record) {
  const std::optional<ProcessStat> self = StatOf(::getpid());
  EVERSTEP_TRY(WriteQuickly(directory + "/keeper.pid", Cat(::getpid(), ' ', self ? self->started : 0, '\n')));
  return WriteQuickly(RecordIn(directory), ToJson(record));
}

Status MarkStarted(const std::string& directory) {
  const Fd fd(::open(StartedIn(directory).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  if (!fd.open()) return FailErrno(errno, "create", StartedIn(directory));
  return {};
}

Result<KeeperRecord> ReadRecord(const std::string& directory) {
  EVERSTEP_ASSIGN(const std::string text, ReadWhole(RecordIn(directory), kKeeperLineBytes));
  return FromJson<KeeperRecord>(text, {.bytes_max = kKeeperLineBytes});
}

SpoolRemains ReadRemains(const std::string& directory) {
  SpoolRemains remains{.started = ::access(StartedIn(directory).c_str(), F_OK) == 0, .record = ReadRecord(directory)};
  if (const Result<std::string> text = ReadWhole(directory + "/keeper.pid", 64)) {
    const std::string_view words = Trim(*text);
    const std::size_t space = words.find(' ');
    const auto pid = ParseUnsigned(words.substr(0, space));
    const auto at = space == std::string_view::npos ? std::nullopt : ParseUnsigned(words.substr(space + 1));
    if (pid && at && *pid > 1 && *at > 0) remains.keeper = RankProcess{.pid = static_cast<std::int64_t>(*pid), .at = *at};
  }
  if (const Result<std::string> log = ReadWhole(directory + "/keeper.log", 64u << 10)) {
    const std::string_view text = Trim(*log);
    remains.last_log_line = Printable(text.substr(text.rfind('\n') + 1));  // npos + 1 is 0
  }
  return remains;
}

Status RemoveSpool(const std::string& directory) {
  std::error_code error;
  std::filesystem::remove_all(directory, error);
  if (error) return FailErrno(error.value(), "remove", directory);
  return {};
}

void PruneLogs(const std::string& logs, std::size_t gangs_max, const std::vector<GangKey>& keep) {
  namespace fs = std::filesystem;
  std::error_code error;
  std::vector<std::pair<fs::file_time_type, fs::path>> found;
  for (const fs::directory_entry& job : fs::directory_iterator(logs, error)) {
    if (!job.is_directory(error) || job.is_symlink(error)) continue;
    for (const fs::directory_entry& generation : fs::directory_iterator(job.path(), error)) {
      if (!generation.is_directory(error) || generation.is_symlink(error)) continue;
      found.emplace_back(generation.last_write_time(error), generation.path());
    }
  }
  std::sort(found.begin(), found.end());
  for (std::size_t i = 0; i + gangs_max < found.size(); ++i) {
    const fs::path& path = found[i].second;
    const GangKey gang{.job = JobId(path.parent_path().filename().string()),
                       .generation = Generation(ParseUnsigned(path.filename().string()).value_or(0))};
    if (std::find(keep.begin(), keep.end(), gang) != keep.end()) continue;
    fs::remove_all(path, error);
    fs::remove(path.parent_path(), error);  // only when that was its last generation
  }
}

}  // namespace everstep
