#include "agent/keeper/log_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "base/real/files.h"
#include "base/text.h"

namespace everstep {

Status LogFile::Append(std::string_view bytes, WallTime now) {
  if (lost_ > 0) {
    const std::string mark = Cat("\n[everstep: ", Count(lost_, "byte"), " lost: ", why_lost_, "]\n");
    if (Status written = Write(mark); !written) return Lose(bytes.size(), written.error());
    lost_ = 0;
  }
  while (!bytes.empty()) {
    if (size_ >= limits_.bytes_max)
      if (Status rotated = Rotate(); !rotated) return Lose(bytes.size(), rotated.error());
    WriteTime(now);
    const std::size_t room = static_cast<std::size_t>(std::min<std::uint64_t>(limits_.bytes_max - size_, bytes.size()));
    const std::uint64_t before = size_;
    const Status written = Write(bytes.substr(0, room));
    bytes.remove_prefix(static_cast<std::size_t>(size_ - before));
    if (!written) return Lose(bytes.size(), written.error());
  }
  return {};
}

Status LogFile::Lose(std::size_t bytes, Error error) {
  fd_.Reset();  // the next try opens the file anew: it may be another one by then
  const bool first = lost_ == 0;
  lost_ += bytes;
  lost_in_all_ += bytes;
  const std::size_t colon = error.message.rfind(": ");
  why_lost_ = colon == std::string::npos ? error.message : error.message.substr(colon + 2);
  if (first) return Fail(std::move(error));
  return {};
}

Status LogFile::Open() {
  fd_ = Fd(::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!fd_.open() && errno == ENOENT) {
    EVERSTEP_TRY(RealFiles().MakeDirectory(path_.substr(0, path_.find_last_of('/'))));
    fd_ = Fd(::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  }
  if (!fd_.open()) return FailErrno(errno, "create", path_);
  struct stat found {};
  if (::fstat(fd_.get(), &found) != 0) return FailErrno(errno, "look at", path_);
  size_ = static_cast<std::uint64_t>(found.st_size);
  return {};
}

// Whoever reads may miss a time, never bytes: what goes wrong here is not told.
void LogFile::WriteTime(WallTime now) {
  if (time_written_ && now.ns >= time_written_->ns && now.ns - time_written_->ns < kTimesEvery.count()) return;
  if (!fd_.open() && !Open()) return;
  const Fd times(::open(Cat(path_, kTimesSuffix).c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  const std::string line = Cat(now.ns, ' ', size_, '\n');
  if (!times.open() || ::write(times.get(), line.data(), line.size()) < 0) return;
  time_written_ = now;
}

Status LogFile::Rotate() {
  fd_.Reset();
  time_written_.reset();
  if (limits_.files_max == 0) {
    if (::unlink(path_.c_str()) != 0 && errno != ENOENT) return FailErrno(errno, "remove", path_);
    ::unlink(Cat(path_, kTimesSuffix).c_str());
  }
  for (std::uint32_t i = limits_.files_max; i > 0; --i) {
    const std::string from = i == 1 ? path_ : Cat(path_, ".", i - 1);
    const std::string to = Cat(path_, ".", i);  // the oldest is overwritten
    if (std::rename(from.c_str(), to.c_str()) != 0 && errno != ENOENT) return FailErrno(errno, "rename to", to);
    const std::string times = Cat(path_, kTimesSuffix);
    std::rename((i == 1 ? times : Cat(times, '.', i - 1)).c_str(), Cat(times, '.', i).c_str());
  }
  size_ = 0;
  return {};
}

// Adds what was written to size_, also when it fails half-way.
Status LogFile::Write(std::string_view bytes) {
  if (!fd_.open()) EVERSTEP_TRY(Open());
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd_.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return FailErrno(errno, "write", path_);
    size_ += static_cast<std::uint64_t>(written);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

}  // namespace everstep
