#include "base/json/writer.h"

#include <charconv>
#include <cmath>

#include "base/json/bytes.h"

namespace everstep {

// A value or key needs a comma before it unless it is the first of its bracket or follows its key: the last byte tells, as a
// string ends in a quote whatever it holds.
void JsonWriter::Separate() {
  if (text_.empty()) return;
  const char last = text_.back();
  if (last != '{' && last != '[' && last != ':') text_ += ',';
}

void JsonWriter::Open(char bracket) {
  Separate();
  text_ += bracket;
}

void JsonWriter::Raw(std::string_view scalar) {
  Separate();
  text_ += scalar;
}

void JsonWriter::Key(std::string_view name) {
  Separate();
  Quote(name);
  text_ += ':';
}

void JsonWriter::String(std::string_view value) {
  Separate();
  Quote(value);
}

void JsonWriter::Real(double value) {
  if (!std::isfinite(value)) return Null();
  char buffer[32];
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, value);
  Raw(std::string_view(buffer, end));
}

void JsonWriter::Quote(std::string_view bytes) {
  constexpr std::string_view kHex = "0123456789abcdef";
  text_ += '"';
  for (const char c : EncodeBytes(bytes)) {
    const auto byte = static_cast<unsigned char>(c);
    switch (c) {
      case '"': text_ += "\\\""; break;
      case '\\': text_ += "\\\\"; break;
      case '\n': text_ += "\\n"; break;
      case '\r': text_ += "\\r"; break;
      case '\t': text_ += "\\t"; break;
      default:
        if (byte < 0x20) {
          text_ += "\\u00";
          text_ += kHex[byte >> 4];
          text_ += kHex[byte & 15];
        } else {
          text_ += c;
        }
    }
  }
  text_ += '"';
}

}  // namespace everstep
