#include "base/text.h"

namespace everstep {

std::string Join(const std::vector<std::string>& parts, std::string_view between, std::string_view last) {
  std::string out;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) out += (!last.empty() && i + 1 == parts.size()) ? last : between;
    out += parts[i];
  }
  return out;
}

std::string Count(std::uint64_t n, std::string_view noun) { return Cat(n, " ", noun, n == 1 ? "" : "s"); }

std::vector<std::string> Split(std::string_view text, char at) {
  std::vector<std::string> parts;
  for (;;) {
    const std::size_t end = text.find(at);
    parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const std::size_t from = text.find_first_not_of(kBlank);
  if (from == std::string_view::npos) return {};
  return text.substr(from, text.find_last_not_of(kBlank) - from + 1);
}

std::optional<std::uint64_t> ParseUnsigned(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

namespace {
bool Continues(char c) { return (static_cast<unsigned char>(c) & 0xc0u) == 0x80u; }

// Length of the valid UTF-8 sequence at the start of `s`, or 0.
std::size_t SequenceLength(std::string_view s) {
  const auto lead = static_cast<unsigned char>(s.front());
  const std::size_t length = lead < 0x80                   ? 1
                             : lead >= 0xc2 && lead < 0xe0 ? 2
                             : lead >= 0xe0 && lead < 0xf0 ? 3
                             : lead >= 0xf0 && lead < 0xf5 ? 4
                                                           : 0;
  if (length == 0 || s.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if (!Continues(s[i])) return 0;
  return length;
}
}  // namespace

std::string Clip(std::string_view text, std::size_t bytes_max) {
  constexpr std::string_view kMark = "…";
  if (text.size() <= bytes_max) return std::string(text);
  if (bytes_max < kMark.size()) return {};
  std::size_t end = bytes_max - kMark.size();
  while (end > 0 && Continues(text[end])) --end;
  return Cat(text.substr(0, end), kMark);
}

std::string Printable(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  while (!bytes.empty()) {
    const std::size_t length = SequenceLength(bytes);
    const char c = bytes.front();
    const bool control = length == 1 && ((c >= 0 && c < 0x20 && c != '\t' && c != '\n') || c == 0x7f);
    if (length == 0 || control)
      out += '?';
    else
      out += bytes.substr(0, length);
    bytes.remove_prefix(length == 0 ? 1 : length);
  }
  return out;
}

}  // namespace everstep
