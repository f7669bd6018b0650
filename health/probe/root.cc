#include "health/probe/root.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>

#include "base/real/fd.h"
#include "base/text.h"

namespace everstep::health {

Root::Root(std::string directory) : prefix_(std::move(directory)) {
  while (prefix_.ends_with('/')) prefix_.pop_back();
}

std::string Root::At(std::string_view path) const { return Cat(prefix_, path); }

Result<std::string> Root::Read(std::string_view path) const {
  const Fd fd(::open(At(path).c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!fd.open()) return FailErrno(errno, "read", path);
  std::string text;
  char buffer[16 << 10];
  while (text.size() < kBytesMax) {
    const ssize_t got = ::read(fd.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return FailErrno(errno, "read", path);
    if (got == 0) break;
    text.append(buffer, static_cast<std::size_t>(got));
  }
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ' || text.back() == '\0')) text.pop_back();
  return text;
}

Result<std::vector<std::string>> Root::List(std::string_view directory) const {
  std::error_code error;
  std::filesystem::directory_iterator at(At(directory), error);
  if (error) return FailErrno(error.value(), "list", directory);
  std::vector<std::string> names;
  for (; !error && at != std::filesystem::directory_iterator(); at.increment(error)) names.push_back(at->path().filename());
  if (error) return FailErrno(error.value(), "list", directory);
  std::sort(names.begin(), names.end());
  return names;
}

bool Root::Exists(std::string_view path) const {
  std::error_code error;
  return std::filesystem::exists(std::filesystem::symlink_status(At(path), error));
}

std::optional<std::string> Root::LinkName(std::string_view path) const {
  std::error_code error;
  const std::filesystem::path target = std::filesystem::read_symlink(At(path), error);
  return error ? std::nullopt : std::optional(target.filename().string());
}

Result<double> Root::Number(std::string_view path) const {
  EVERSTEP_ASSIGN(const std::string text, Read(path));
  double value = 0;
  const auto done = std::from_chars(text.data(), text.data() + text.size(), value);
  if (done.ec == std::errc() && done.ptr == text.data() + text.size()) return value;
  return Fail(ErrorCode::kCorrupt, Cat(path, " has \"", Clip(Printable(text), 60), "\" where a number is expected"));
}

}  // namespace everstep::health
