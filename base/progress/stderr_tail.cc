#include "base/progress/stderr_tail.h"

#include <vector>

#include "base/messages.h"
#include "base/progress/terminal_text.h"
#include "base/python.h"
#include "base/text.h"

namespace everstep {

namespace {

constexpr std::size_t kKept = 64 << 10;
constexpr std::size_t kBeginning = 1 << 10;  // of a line that is too long, where its name stands

// As a terminal would show it.
std::string Shown(std::string_view line) {
  while (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  const std::size_t redrawn = line.rfind('\r');
  if (redrawn != std::string_view::npos) line.remove_prefix(redrawn + 1);
  return Printable(WithoutColours(line));
}

// The end of a line that is too long alone, not starting inside a UTF-8 sequence.
std::string EndOf(const std::string& line, std::size_t bytes_max) {
  std::size_t from = line.size() - bytes_max;
  while (from < line.size() && (static_cast<unsigned char>(line[from]) & 0xc0u) == 0x80u) ++from;
  return line.substr(from);
}

// Both ends of one whose beginning is known: a message of 24 KB names its exception in the first of them.
std::string EndsOf(const std::string& line, std::size_t bytes_max) {
  const std::string begin = Clip(line, kBeginning);
  return begin + EndOf(line, bytes_max - begin.size());
}

// The last line above `first` that names an exception, clipped: its message was too long for the tail.
std::string ExceptionAbove(const std::vector<std::string>& lines, std::size_t first) {
  for (std::size_t i = first; i > 0; --i)
    if (const std::string line = Shown(lines[i - 1]); NamesException(line)) return Clip(line, kBeginning);
  return {};
}

}  // namespace

void StderrTail::Append(std::string_view bytes) {
  if (bytes.size() > kKept) {
    bytes.remove_prefix(bytes.size() - kKept);
    kept_.clear();
    cut_ = true;
  }
  kept_ += bytes;
  if (kept_.size() > kKept) {
    kept_.erase(0, kept_.size() - kKept);
    cut_ = true;
  }
}

std::string StderrTail::Text() const {
  std::vector<std::string> lines = Split(Trim(kept_).empty() ? std::string_view() : std::string_view(kept_), '\n');
  while (!lines.empty() && Trim(lines.back()).empty()) lines.pop_back();
  const std::size_t first = cut_ && lines.size() > 1 ? 1 : 0;  // its beginning is gone
  std::string text;
  bool named = false;
  std::size_t above = lines.size();
  for (std::size_t i = lines.size(); i > first; above = --i) {
    const std::string line = Shown(lines[i - 1]);
    if (text.empty() && i == lines.size()) {
      text = line.size() <= limit::kTailBytes ? line
             : i - 1 == 0 && cut_             ? EndOf(line, limit::kTailBytes)
                                              : EndsOf(line, limit::kTailBytes);
    } else if (line.size() + 1 + text.size() > limit::kTailBytes) {
      break;
    } else {
      text = Cat(line, '\n', text);
    }
    named = named || NamesException(line);
  }
  if (named) return text;
  const std::string exception = ExceptionAbove(lines, above);
  if (exception.empty()) return text;
  const std::size_t room = limit::kTailBytes - exception.size() - 1;
  return Cat(exception, '\n', text.size() > room ? EndOf(text, room) : text);
}

std::string FiguresIn(std::string_view tail) {
  std::vector<std::string> lines;
  for (const std::string& line : Split(tail, '\n'))
    if (line.starts_with("everstep-probe: measured ") || line.starts_with("everstep-probe: remark ") ||
        line.starts_with("everstep-agent: FAIL "))
      lines.push_back(line);
  return Join(lines, "\n");
}

}  // namespace everstep
