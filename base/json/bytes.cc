#include "base/json/bytes.h"

#include <cstddef>

namespace everstep {
namespace {

// U+10FE80…U+10FEBF and U+10FEC0…U+10FEFF in UTF-8: f4 8f (ba|bb) 80…bf.
constexpr std::string_view kEscapeLead = "\xf4\x8f";
constexpr std::size_t kEscapeBytes = 4;

unsigned char At(std::string_view s, std::size_t i) { return static_cast<unsigned char>(s[i]); }
bool Continues(std::string_view s, std::size_t i) { return i < s.size() && (At(s, i) & 0xc0u) == 0x80u; }

// Length of the well-formed UTF-8 sequence at the start of `s` (Unicode 15, table 3-7), or 0. REQUIRES: s is not empty.
std::size_t SequenceLength(std::string_view s) {
  const unsigned char lead = At(s, 0);
  if (lead < 0x80) return 1;
  if (!Continues(s, 1)) return 0;
  const unsigned char second = At(s, 1);
  if (lead >= 0xc2 && lead <= 0xdf) return 2;
  if (lead >= 0xe0 && lead <= 0xef) {
    const bool overlong = lead == 0xe0 && second < 0xa0;
    const bool surrogate = lead == 0xed && second > 0x9f;
    return !overlong && !surrogate && Continues(s, 2) ? 3 : 0;
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    const bool overlong = lead == 0xf0 && second < 0x90;
    const bool too_high = lead == 0xf4 && second > 0x8f;
    return !overlong && !too_high && Continues(s, 2) && Continues(s, 3) ? 4 : 0;
  }
  return 0;
}

bool IsEscape(std::string_view s) {
  return s.size() >= kEscapeBytes && s.starts_with(kEscapeLead) && (At(s, 2) == 0xba || At(s, 2) == 0xbb);
}

void AppendEscape(std::string& out, unsigned char byte) {
  out += kEscapeLead;
  out += byte < 0xc0 ? '\xba' : '\xbb';
  out += static_cast<char>(0x80u | (byte & 0x3fu));
}

}  // namespace

std::string EncodeBytes(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  while (!bytes.empty()) {
    const std::size_t length = SequenceLength(bytes);
    if (length == 0 || IsEscape(bytes)) {
      AppendEscape(out, At(bytes, 0));
      bytes.remove_prefix(1);
    } else {
      out += bytes.substr(0, length);
      bytes.remove_prefix(length);
    }
  }
  return out;
}

std::string DecodeBytes(std::string_view text) {
  std::string out;
  for (std::size_t from = 0;;) {
    std::size_t at = text.find(kEscapeLead, from);
    if (at == std::string_view::npos) return out += text.substr(from);
    out += text.substr(from, at - from);
    if (IsEscape(text.substr(at))) {
      out += static_cast<char>((At(text, at + 2) == 0xba ? 0x80u : 0xc0u) | (At(text, at + 3) & 0x3fu));
      from = at + kEscapeBytes;
    } else {
      out += kEscapeLead;
      from = at + kEscapeLead.size();
    }
  }
}

}  // namespace everstep
