#include "base/json/reader.h"

#include <algorithm>
#include <limits>

#include "base/text.h"

namespace everstep {
namespace {

std::string Listed(std::span<const std::string_view> names) {
  return Join(std::vector<std::string>(names.begin(), names.end()), ", ", " or ");
}

}  // namespace

bool JsonReader::Fail(std::string_view what) {
  std::string place;
  for (const Step& step : path_) {
    if (step.key.empty())
      place += Cat("[", step.index, "]");
    else
      place += Cat(place.empty() ? "" : ".", Printable(Clip(step.key, 100)));
  }
  error_ = Error{ErrorCode::kInvalid, place.empty() ? std::string(what) : Cat(place, ": ", what), {}};
  return false;
}

bool JsonReader::Mismatch(const JsonValue& value, std::string_view expected) {
  return Fail(Cat("found ", Describe(value), ", expected ", expected));
}

bool JsonReader::Read(const JsonValue& value, bool& out) {
  const auto* found = std::get_if<bool>(&value.is);
  if (!found) return Mismatch(value, "true or false");
  out = *found;
  return true;
}

bool JsonReader::Read(const JsonValue& value, double& out) {
  if (const auto* real = std::get_if<double>(&value.is))
    out = *real;
  else if (const auto* whole = std::get_if<std::uint64_t>(&value.is))
    out = static_cast<double>(*whole);
  else if (const auto* negative = std::get_if<std::int64_t>(&value.is))
    out = static_cast<double>(*negative);
  else if (std::holds_alternative<std::nullptr_t>(value.is))
    out = std::numeric_limits<double>::quiet_NaN();
  else
    return Mismatch(value, "a number");
  return true;
}

bool JsonReader::Read(const JsonValue& value, std::string& out) {
  const auto* found = std::get_if<std::string>(&value.is);
  if (!found) return Mismatch(value, "a string");
  out = *found;
  return true;
}

bool JsonReader::ReadSigned(const JsonValue& value, std::int64_t min, std::int64_t max, std::int64_t& out) {
  const auto* negative = std::get_if<std::int64_t>(&value.is);
  const auto* whole = std::get_if<std::uint64_t>(&value.is);
  const bool fits = (negative && *negative >= min && *negative <= max) || (whole && std::cmp_less_equal(*whole, max));
  if (!fits) return Mismatch(value, Cat("a whole number from ", min, " to ", max));
  out = negative ? *negative : static_cast<std::int64_t>(*whole);
  return true;
}

bool JsonReader::ReadUnsigned(const JsonValue& value, std::uint64_t max, std::uint64_t& out) {
  const auto* whole = std::get_if<std::uint64_t>(&value.is);
  if (!whole || *whole > max) return Mismatch(value, Cat("a whole number from 0 to ", max));
  out = *whole;
  return true;
}

bool JsonReader::ReadName(const JsonValue& value, std::span<const std::string_view> names, std::size_t& out) {
  const auto* found = std::get_if<std::string>(&value.is);
  const auto at = found ? std::find(names.begin(), names.end(), *found) : names.end();
  if (at == names.end()) return Mismatch(value, Listed(names));
  out = static_cast<std::size_t>(at - names.begin());
  return true;
}

const JsonValue::Array* JsonReader::ReadArray(const JsonValue& value) {
  const auto* found = std::get_if<JsonValue::Array>(&value.is);
  if (!found) Mismatch(value, "an array");
  return found;
}

const JsonValue::Object* JsonReader::ReadObject(const JsonValue& value) {
  const auto* found = std::get_if<JsonValue::Object>(&value.is);
  if (!found) Mismatch(value, "an object");
  return found;
}

const JsonValue* JsonReader::ReadAlternative(const JsonValue& value, std::span<const std::string_view> names,
                                             std::size_t& out) {
  const auto* object = ReadObject(value);
  if (!object) return nullptr;
  if (object->size() != 1) {
    Fail(Cat("found an object with ", Count(object->size(), "key"), ", expected one of ", Listed(names)));
    return nullptr;
  }
  const JsonMember& member = object->front();
  const auto at = std::find(names.begin(), names.end(), member.key);
  if (at == names.end()) {
    Fail(Cat("unknown kind \"", Printable(Clip(member.key, 60)), "\", expected ", Listed(names)));
    return nullptr;
  }
  out = static_cast<std::size_t>(at - names.begin());
  return &member.value;
}

bool JsonReader::RefuseUnknown(const JsonValue::Object& object, std::span<const std::string_view> names) {
  for (const JsonMember& member : object)
    if (std::find(names.begin(), names.end(), member.key) == names.end())
      return Fail(Cat("unknown key \"", Printable(Clip(member.key, 60)), "\", known are ", Listed(names)));
  return true;
}

const JsonValue* Find(const JsonValue::Object& object, std::string_view key) {
  const auto at = std::find_if(object.begin(), object.end(), [&](const JsonMember& m) { return m.key == key; });
  return at == object.end() ? nullptr : &at->value;
}

}  // namespace everstep
