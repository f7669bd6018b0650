// `-o json`: views as JSON for programs. Every key is always there, in the order of the struct: what is not known is null.
// Times are whole nanoseconds (wall clock: since 1970 UTC).
#pragma once

#include <string>
#include <vector>

#include "base/fields.h"
#include "base/json/codec.h"
#include "base/json/writer.h"

namespace everstep {

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
