// Writes JSON text, value by value, without blanks: the same calls give the same bytes. Commas are its own business.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace everstep {

class JsonWriter {
 public:
  void BeginObject() { Open('{'); }
  void EndObject() { text_ += '}'; }
  void BeginArray() { Open('['); }
  void EndArray() { text_ += ']'; }
  // Any bytes (bytes.h). A value must follow.
  void Key(std::string_view name);

  void Null() { Raw("null"); }
  void Bool(bool value) { Raw(value ? "true" : "false"); }
  void Signed(std::int64_t value) { Raw(std::to_string(value)); }
  void Unsigned(std::uint64_t value) { Raw(std::to_string(value)); }
  // The shortest text that reads back as the same number; null when not finite.
  void Real(double value);
  // Any bytes (bytes.h).
  void String(std::string_view value);

  const std::string& text() const& { return text_; }
  std::string text() && { return std::move(text_); }

 private:
  void Separate();
  void Open(char bracket);
  void Raw(std::string_view scalar);
  void Quote(std::string_view bytes);

  std::string text_{};
};

}  // namespace everstep
