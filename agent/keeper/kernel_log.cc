#include "agent/keeper/kernel_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <vector>

#include "base/messages.h"
#include "base/text.h"

namespace everstep {

namespace {

constexpr std::size_t kLinesKept = 64;
constexpr std::size_t kRecordBytes = 8u << 10;  // the kernel's longest record fits
constexpr std::size_t kRecordsMax = 10'000;     // at once: a log that grows faster than it is read must end

// Of these a line has to have one to be kept.
constexpr std::array<std::string_view, 11> kTelling = {"NVRM: Xid",
                                                       "fallen off the bus",
                                                       "I/O error",
                                                       "Killed process",
                                                       "segfault at",
                                                       "general protection",
                                                       "trap ",
                                                       "Remounting filesystem read-only",
                                                       "Machine Check",
                                                       "Hardware Error",
                                                       "not responding, timed out"};

// The process a line names: "python3[1234]: segfault", "Killed process 1234 (python3)", "pid=1234", "pid='<unknown>'" has none.
std::optional<std::uint64_t> Named(std::string_view line) {
  std::vector<std::size_t> places;  // where its number begins, if it is one
  for (const std::string_view before : {"Killed process ", "pid="})
    if (const std::size_t at = line.find(before); at != std::string_view::npos) places.push_back(at + before.size());
  for (std::size_t at = line.find('['); at != std::string_view::npos; at = line.find('[', at + 1)) places.push_back(at + 1);
  for (const std::size_t at : places) {
    std::size_t end = at;
    while (end < line.size() && IsDigit(line[end])) ++end;
    if (line[at - 1] == '[' && (end == line.size() || line[end] != ']')) continue;  // an address, or a time
    if (const auto pid = ParseUnsigned(line.substr(at, end - at))) return pid;
  }
  return std::nullopt;
}

// "6,1234,5678,-;text": level, number, microseconds since boot, flags. What has no such prefix has just been read.
std::optional<std::int64_t> StampOf(std::string_view prefix) {
  const std::vector<std::string> fields = Split(prefix, ',');
  const std::optional<std::uint64_t> at = fields.size() >= 3 ? ParseUnsigned(fields[2]) : std::nullopt;
  if (!at || *at > INT64_MAX) return std::nullopt;
  return static_cast<std::int64_t>(*at);
}

bool TellsOfCrash(std::string_view line) {
  return line.find("segfault at") != std::string_view::npos || line.find("general protection") != std::string_view::npos ||
         line.find("trap ") != std::string_view::npos;
}

}  // namespace

Status KernelLog::Open() {
  if (path_.empty()) return {};
  fd_ = Fd(::open(path_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
  if (!fd_.open()) return FailErrno(errno, "read the kernel's log", path_);
  if (::lseek(fd_.get(), 0, SEEK_END) < 0) return FailErrno(errno, "find the end of", path_);
  return {};
}

std::string KernelLog::About(pid_t pid, std::int64_t now, const std::vector<pid_t>& others) {
  ReadNew(now);
  const auto counts = [&](const Line& line) {
    const std::optional<std::uint64_t> named = Named(line.text);
    if (!named) return now - line.at <= kAtThatTime;
    if (*named == static_cast<std::uint64_t>(pid)) return true;
    const bool of_another =
        std::any_of(others.begin(), others.end(), [&](pid_t other) { return *named == static_cast<std::uint64_t>(other); });
    return !of_another && TellsOfCrash(line.text) && now - line.at <= kAtThatMoment;
  };
  std::string text;
  for (auto line = lines_.rbegin(); line != lines_.rend(); ++line) {
    if (!counts(*line)) continue;
    if (text.size() + line->text.size() + 1 > limit::kKernelBytes) break;
    text = text.empty() ? line->text : Cat(line->text, '\n', text);
  }
  return text;
}

void KernelLog::ReadNew(std::int64_t now) {
  char buffer[kRecordBytes];
  for (std::size_t i = 0; fd_.open() && i < kRecordsMax; ++i) {
    const ssize_t got = ::read(fd_.get(), buffer, sizeof buffer);
    if (got < 0 && (errno == EPIPE || errno == EINTR)) continue;  // EPIPE: the oldest were overwritten, it goes on
    if (got <= 0) return;
    rest_.append(buffer, static_cast<std::size_t>(got));
    std::size_t begin = 0;
    for (std::size_t end = 0; (end = rest_.find('\n', begin)) != std::string::npos; begin = end + 1)
      Take(std::string_view(rest_).substr(begin, end - begin), now);
    rest_.erase(0, begin);
    if (rest_.size() > kRecordBytes) rest_.clear();
  }
}

void KernelLog::Take(std::string_view record, std::int64_t now) {
  if (record.starts_with(' ')) return;  // more about the record before it, for machines
  const std::size_t semicolon = record.find(';');
  const auto at = semicolon == std::string_view::npos ? std::nullopt : StampOf(record.substr(0, semicolon));
  const std::string_view text = at ? record.substr(semicolon + 1) : record;
  const auto tells = [text](std::string_view word) { return text.find(word) != std::string_view::npos; };
  if (std::none_of(kTelling.begin(), kTelling.end(), tells)) return;
  lines_.push_back({.at = at.value_or(now), .text = Clip(Printable(text), 240)});
  if (lines_.size() > kLinesKept) lines_.pop_front();
}

}  // namespace everstep
