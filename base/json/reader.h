// The path of a reader through a JsonValue: where it is, and the first error. Used by the codec (codec.h): each Read returns
// false once something is wrong, after one Fail.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json/value.h"
#include "base/result.h"

namespace everstep {

class JsonReader {
 public:
  // Names the place of what is read while it lives: `key`, or element `index` of an array. `key` must outlive it.
  class Inside {
   public:
    Inside(JsonReader& reader, std::string_view key) : reader_(reader) { reader_.path_.push_back({.key = key}); }
    Inside(JsonReader& reader, std::size_t index) : reader_(reader) { reader_.path_.push_back({.index = index}); }
    ~Inside() { reader_.path_.pop_back(); }
    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;

   private:
    JsonReader& reader_;
  };

  // Always false. The message gets the place in front: "job.ranks[2].code: found -1, ...".
  bool Fail(std::string_view what);
  // "found <value>, expected <expected>"
  bool Mismatch(const JsonValue& value, std::string_view expected);

  bool Read(const JsonValue& value, bool& out);
  bool Read(const JsonValue& value, double& out);  // null: not a number
  bool Read(const JsonValue& value, std::string& out);
  bool ReadSigned(const JsonValue& value, std::int64_t min, std::int64_t max, std::int64_t& out);
  bool ReadUnsigned(const JsonValue& value, std::uint64_t max, std::uint64_t& out);
  // The index of the string `value` in `names`.
  bool ReadName(const JsonValue& value, std::span<const std::string_view> names, std::size_t& out);
  // nullptr after a Fail.
  const JsonValue::Array* ReadArray(const JsonValue& value);
  const JsonValue::Object* ReadObject(const JsonValue& value);
  // The index in `names` of the only key of {"<name>": …}; the value that it has, or nullptr after a Fail.
  const JsonValue* ReadAlternative(const JsonValue& value, std::span<const std::string_view> names, std::size_t& out);
  // Fails when `object` has a key that is not in `names`.
  bool RefuseUnknown(const JsonValue::Object& object, std::span<const std::string_view> names);

  // REQUIRES: a Read returned false.
  const Error& error() const { return error_; }

 private:
  struct Step {
    std::string_view key{};  // empty: `index` counts
    std::size_t index = 0;
  };
  std::vector<Step> path_{};
  Error error_{};
};

// nullptr: no such key.
const JsonValue* Find(const JsonValue::Object& object, std::string_view key);

}  // namespace everstep
