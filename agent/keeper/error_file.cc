#include "agent/keeper/error_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/json/value.h"
#include "base/messages.h"
#include "base/real/fd.h"
#include "base/text.h"

namespace everstep {

namespace {

constexpr std::size_t kFileBytes = 1u << 20;  // the call stack of a deep recursion fits
constexpr std::size_t kMessageBytes = 1u << 10;

const JsonValue* MessageIn(const JsonValue& value) {
  const auto* object = std::get_if<JsonValue::Object>(&value.is);
  if (object == nullptr) return nullptr;
  for (const JsonMember& member : *object)
    if (member.key == "message") return &member.value;
  return nullptr;
}

// A rank may put anything there: a pipe must not hold us up, a link must not lead us elsewhere.
std::string FileText(const std::string& path) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY));
  struct stat found {};
  if (!file.open() || ::fstat(file.get(), &found) != 0 || !S_ISREG(found.st_mode)) return {};
  std::string text(kFileBytes + 1, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = ::read(file.get(), text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    size += static_cast<std::size_t>(got);
  }
  text.resize(size <= kFileBytes ? size : 0);
  return text;
}

}  // namespace

std::string ErrorMessage(std::string_view json) {
  const Result<JsonValue> tree = ParseJson(json, {.bytes_max = kFileBytes, .values_max = 10'000, .depth_max = 16});
  if (!tree) return {};
  const JsonValue* message = MessageIn(*tree);
  if (message != nullptr && std::holds_alternative<JsonValue::Object>(message->is)) message = MessageIn(*message);
  const auto* text = message != nullptr ? std::get_if<std::string>(&message->is) : nullptr;
  if (text == nullptr) return {};
  const std::string_view line = Trim(*text);
  return Clip(Printable(Trim(line.substr(0, line.find('\n')))), kMessageBytes);
}

std::string ReadErrorFile(const std::string& path) { return ErrorMessage(FileText(path)); }

std::string TailWith(const std::string& tail, const std::string& message) {
  if (message.empty() || tail == message || tail.ends_with("\n" + message)) return tail;
  std::string_view kept = tail;
  while (!kept.empty() && kept.size() + 1 + message.size() > limit::kTailBytes) {
    const std::size_t newline = kept.find('\n');
    kept = newline == std::string_view::npos ? std::string_view() : kept.substr(newline + 1);
  }
  return kept.empty() ? message : Cat(kept, '\n', message);
}

}  // namespace everstep
