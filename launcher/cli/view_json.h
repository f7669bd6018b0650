// `-o json`: views as JSON for programs. Every key is always there, in the order of the struct: what is not known is null.
// Points in time are RFC 3339 in UTC with nanoseconds, which a number would lose in jq and JavaScript (exact to 2^53 only);
// lengths of time are whole nanoseconds.
#pragma once

#include <string>
#include <vector>

#include "base/fields.h"
#include "base/json/codec.h"
#include "base/json/writer.h"
#include "base/time.h"

namespace everstep {

// "2026-07-14T14:01:50.000000000Z"
std::string Rfc3339(WallTime at);

inline void WriteView(JsonWriter& writer, WallTime at) { writer.String(Rfc3339(at)); }
template <class T>
void WriteView(JsonWriter& writer, const T& value) {
  Json<T>::Write(writer, value);
}
template <class T>
void WriteView(JsonWriter& writer, const std::optional<T>& value) {
  if (value)
    WriteView(writer, *value);
  else
    writer.Null();
}
template <class T>
void WriteView(JsonWriter& writer, const std::vector<T>& values) {
  writer.BeginArray();
  for (const T& value : values) WriteView(writer, value);
  writer.EndArray();
}
template <Described T>
void WriteView(JsonWriter& writer, const T& view) {
  writer.BeginObject();
  ForEachField(view, [&](std::string_view name, const auto& member) {
    writer.Key(name);
    WriteView(writer, member);
  });
  writer.EndObject();
}

// One line, with its end.
template <class T>
std::string ViewJson(const T& view) {
  JsonWriter writer;
  WriteView(writer, view);
  return std::move(writer).text() + "\n";
}

}  // namespace everstep
