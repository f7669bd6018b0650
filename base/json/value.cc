#include "base/json/value.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "base/json/bytes.h"
#include "base/text.h"

namespace everstep {
namespace {

// Builds the tree from nlohmann's events; its parser keeps its own stack on the heap, so depth is ours to bound. Each event
// returns false to stop.
class TreeBuilder {
 public:
  explicit TreeBuilder(const JsonLimits& limits) : limits_(limits) {}

  bool null() { return Scalar(nullptr); }
  bool boolean(bool value) { return Scalar(value); }
  bool number_integer(std::int64_t value) { return Scalar(value); }
  bool number_unsigned(std::uint64_t value) { return Scalar(value); }
  bool number_float(double value, const std::string&) { return Scalar(value); }
  bool string(std::string& value) { return Scalar(DecodeBytes(value)); }
  bool binary(nlohmann::json::binary_t&) { return false; }  // not in JSON text
  bool start_object(std::size_t) { return Open(JsonValue::Object{}); }
  bool start_array(std::size_t) { return Open(JsonValue::Array{}); }
  bool end_array() {
    open_.pop_back();
    return true;
  }
  bool key(std::string& name) {
    std::get<JsonValue::Object>(open_.back()->is).push_back({.key = DecodeBytes(name)});
    return true;
  }
  bool end_object() {
    const auto& members = std::get<JsonValue::Object>(open_.back()->is);
    std::vector<std::string_view> keys;
    keys.reserve(members.size());
    for (const JsonMember& member : members) keys.push_back(member.key);
    std::sort(keys.begin(), keys.end());
    const auto twice = std::adjacent_find(keys.begin(), keys.end());
    if (twice != keys.end())
      return Stop(ErrorCode::kInvalid, Cat("key \"", Printable(*twice), "\" stands twice in one object"));
    open_.pop_back();
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::json::exception& e) {
    // "[json.exception.parse_error.101] parse error at line 1, column 2: ..." without the library's own label.
    std::string_view what = e.what();
    if (const std::size_t label = what.find("] "); label != std::string_view::npos) what.remove_prefix(label + 2);
    return Stop(ErrorCode::kInvalid, Cat("not JSON: ", Printable(Clip(what, 300))));
  }

  JsonValue root_{};
  std::optional<Error> error_{};

 private:
  bool Stop(ErrorCode code, std::string message) {
    error_ = Error{code, std::move(message), {}};
    return false;
  }
  // The place of the next value: the root, the end of the open array, or the value of the last key.
  JsonValue* Place() {
    if (open_.empty()) return &root_;
    if (auto* array = std::get_if<JsonValue::Array>(&open_.back()->is)) return &array->emplace_back();
    return &std::get<JsonValue::Object>(open_.back()->is).back().value;
  }
  bool CountOne() {
    if (++values_ <= limits_.values_max) return true;
    return Stop(ErrorCode::kExhausted, Cat("JSON of more than ", limits_.values_max, " values"));
  }
  template <class T>
  bool Scalar(T&& value) {
    Place()->is = std::forward<T>(value);
    return CountOne();
  }
  template <class T>
  bool Open(T&& empty) {
    JsonValue* place = Place();
    place->is = std::forward<T>(empty);
    open_.push_back(place);  // stays valid: what holds it does not grow while it is open
    if (open_.size() > limits_.depth_max)
      return Stop(ErrorCode::kExhausted, Cat("JSON nested deeper than ", limits_.depth_max, " levels"));
    return CountOne();
  }

  const JsonLimits& limits_;
  std::size_t values_ = 0;
  std::vector<JsonValue*> open_{};
};

}  // namespace

Result<JsonValue> ParseJson(std::string_view text, const JsonLimits& limits) {
  if (text.size() > limits.bytes_max)
    return Fail(ErrorCode::kExhausted, Cat("JSON of ", text.size(), " bytes; at most ", limits.bytes_max, " are read"));
  TreeBuilder builder(limits);
  const bool good = nlohmann::json::sax_parse(text.begin(), text.end(), &builder);
  if (builder.error_) return Fail(*std::move(builder.error_));
  if (!good) return Fail(ErrorCode::kInvalid, "not JSON");
  return std::move(builder.root_);
}

std::string Describe(const JsonValue& value) {
  struct Visitor {
    std::string operator()(std::nullptr_t) const { return "null"; }
    std::string operator()(bool b) const { return b ? "true" : "false"; }
    std::string operator()(std::int64_t n) const { return std::to_string(n); }
    std::string operator()(std::uint64_t n) const { return std::to_string(n); }
    std::string operator()(double n) const { return nlohmann::json(n).dump(); }
    std::string operator()(const std::string& s) const { return Cat("\"", Printable(Clip(s, 60)), "\""); }
    std::string operator()(const JsonValue::Array&) const { return "an array"; }
    std::string operator()(const JsonValue::Object&) const { return "an object"; }
  };
  return std::visit(Visitor{}, value.is);
}

}  // namespace everstep
