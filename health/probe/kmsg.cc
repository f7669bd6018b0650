#include "health/probe/kmsg.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "base/text.h"

namespace everstep::health {

namespace {

constexpr std::size_t kRecordBytes = 8u << 10;  // the kernel's longest record fits
constexpr std::uint64_t kFacilityShift = 3;     // below it: the level

}  // namespace

std::optional<KernelRecord> ParseRecord(std::string_view line) {
  if (line.starts_with(' ')) return std::nullopt;
  const std::size_t semicolon = line.find(';');
  if (semicolon == std::string_view::npos) return std::nullopt;
  const std::vector<std::string> fields = Split(line.substr(0, semicolon), ',');
  if (fields.size() < 4) return std::nullopt;
  const auto priority = ParseUnsigned(fields[0]), number = ParseUnsigned(fields[1]), at = ParseUnsigned(fields[2]);
  if (!priority || !number || !at || *at > INT64_MAX) return std::nullopt;
  return KernelRecord{.number = *number,
                      .at = static_cast<std::int64_t>(*at),
                      .by_program = (*priority >> kFacilityShift) != 0,
                      .text = std::string(line.substr(semicolon + 1))};
}

Result<Kmsg> Kmsg::Open(const std::string& path) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
  if (!fd.open()) {
    const int error = errno;
    auto failed = FailErrno(error, "read the kernel's log", path);
    if (error == EPERM || error == EACCES)
      failed.value().message += ": this needs CAP_SYSLOG while kernel.dmesg_restrict is 1, and the right to open the device";
    return failed;
  }
  return Kmsg(std::move(fd));
}

bool Kmsg::ReadNew(const std::function<void(const KernelRecord&)>& take, std::size_t most) {
  char buffer[kRecordBytes];
  for (std::size_t i = 0; i < most; ++i) {
    const ssize_t got = ::read(fd_.get(), buffer, sizeof buffer);
    if (got < 0 && (errno == EPIPE || errno == EINTR)) continue;  // EPIPE: overwritten; the next record shows how many
    if (got <= 0) return true;
    rest_.append(buffer, static_cast<std::size_t>(got));
    std::size_t begin = 0;
    for (std::size_t end = 0; (end = rest_.find('\n', begin)) != std::string::npos; begin = end + 1)
      Take(std::string_view(rest_).substr(begin, end - begin), take);
    rest_.erase(0, begin);
    if (rest_.size() > kRecordBytes) rest_.clear();
  }
  return false;
}

void Kmsg::Take(std::string_view line, const std::function<void(const KernelRecord&)>& take) {
  auto record = ParseRecord(line);
  if (!record) return;
  if (last_ && record->number > *last_ + 1) overrun_ += record->number - *last_ - 1;
  last_ = record->number;
  take(*record);
}

}  // namespace everstep::health
