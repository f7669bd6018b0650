// Values as JSON text and back, by the field tables of base/fields.h.
//
//   ToJson(RankExit{.code = 3})                  {"code":3,"oom_kill":false,...}
//   FromJson<ToKeeper>(line, {.bytes_max = ...}) one alternative of a variant: {"start":{...}}
//
// | C++                                    | JSON                                                        |
// |----------------------------------------|-------------------------------------------------------------|
// | struct with EVERSTEP_FIELDS            | object, fields in order                                     |
// | enum with EVERSTEP_ENUM                | its name                                                    |
// | Text, std::string                      | string; bytes that are not UTF-8 survive (bytes.h)          |
// | Number, integers                       | whole number, all 64 bits                                   |
// | Duration, Time, WallTime               | whole number of nanoseconds                                 |
// | double                                 | number; null when not finite                                |
// | optional                               | absent from its object when empty; never null               |
// | vector, set                            | array                                                       |
// | map by string, Text, Number, integer   | object, keys in the map's order                             |
// | variant, alternatives with kName       | {"<kName>": value}                                          |
//
// Canonical: equal values give equal bytes. Reading is strict about what it finds (unknown key, wrong type, number out of
// range, key twice: kInvalid with the place, "gangs[0].phase: found ...") and mild about what it does not: an absent field
// keeps the default of its struct, so that older text stays readable when a field is added. Nothing throws.
#pragma once

#include <array>
#include <concepts>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "base/fields.h"
#include "base/ids.h"
#include "base/json/reader.h"
#include "base/json/value.h"
#include "base/json/writer.h"
#include "base/result.h"
#include "base/text.h"
#include "base/time.h"

namespace everstep {

// How a type is written and read; specialised below.
template <class T>
struct Json;

template <class T>
std::string ToJson(const T& value) {
  JsonWriter writer;
  Json<T>::Write(writer, value);
  return std::move(writer).text();
}

template <class T>
Result<T> FromJson(std::string_view text, const JsonLimits& limits = {}) {
  EVERSTEP_ASSIGN(const JsonValue tree, ParseJson(text, limits));
  T value{};
  JsonReader reader;
  if (!Json<T>::Read(reader, tree, value)) return Fail(reader.error());
  return value;
}

// ---- scalars -------------------------------------------------------------------------------------------------------------

template <>
struct Json<bool> {
  static void Write(JsonWriter& w, bool value) { w.Bool(value); }
  static bool Read(JsonReader& r, const JsonValue& from, bool& out) { return r.Read(from, out); }
};

template <>
struct Json<double> {
  static void Write(JsonWriter& w, double value) { w.Real(value); }
  static bool Read(JsonReader& r, const JsonValue& from, double& out) { return r.Read(from, out); }
};

template <>
struct Json<std::string> {
  static void Write(JsonWriter& w, const std::string& value) { w.String(value); }
  static bool Read(JsonReader& r, const JsonValue& from, std::string& out) { return r.Read(from, out); }
};

template <std::unsigned_integral T>
struct Json<T> {
  static void Write(JsonWriter& w, T value) { w.Unsigned(value); }
  static bool Read(JsonReader& r, const JsonValue& from, T& out) {
    std::uint64_t wide = 0;
    if (!r.ReadUnsigned(from, std::numeric_limits<T>::max(), wide)) return false;
    out = static_cast<T>(wide);
    return true;
  }
};

template <std::signed_integral T>
struct Json<T> {
  static void Write(JsonWriter& w, T value) { w.Signed(value); }
  static bool Read(JsonReader& r, const JsonValue& from, T& out) {
    std::int64_t wide = 0;
    if (!r.ReadSigned(from, std::numeric_limits<T>::min(), std::numeric_limits<T>::max(), wide)) return false;
    out = static_cast<T>(wide);
    return true;
  }
};

template <class Tag>
struct Json<Text<Tag>> {
  static void Write(JsonWriter& w, const Text<Tag>& id) { w.String(id.value); }
  static bool Read(JsonReader& r, const JsonValue& from, Text<Tag>& out) { return r.Read(from, out.value); }
};

template <class Tag>
struct Json<Number<Tag>> {
  static void Write(JsonWriter& w, Number<Tag> id) { w.Unsigned(id.value); }
  static bool Read(JsonReader& r, const JsonValue& from, Number<Tag>& out) {
    return Json<std::uint64_t>::Read(r, from, out.value);
  }
};

template <>
struct Json<Duration> {
  static void Write(JsonWriter& w, Duration d) { w.Signed(d.count()); }
  static bool Read(JsonReader& r, const JsonValue& from, Duration& out) {
    std::int64_t ns = 0;
    if (!Json<std::int64_t>::Read(r, from, ns)) return false;
    out = Duration(ns);
    return true;
  }
};

template <>
struct Json<Time> {
  static void Write(JsonWriter& w, Time t) { w.Signed(Nanoseconds(t)); }
  static bool Read(JsonReader& r, const JsonValue& from, Time& out) {
    std::int64_t ns = 0;
    if (!Json<std::int64_t>::Read(r, from, ns)) return false;
    out = AtNanoseconds(ns);
    return true;
  }
};

template <>
struct Json<WallTime> {
  static void Write(JsonWriter& w, WallTime t) { w.Signed(t.ns); }
  static bool Read(JsonReader& r, const JsonValue& from, WallTime& out) { return Json<std::int64_t>::Read(r, from, out.ns); }
};

template <NamedEnum E>
struct Json<E> {
  static void Write(JsonWriter& w, E value) { w.String(Name(value)); }
  static bool Read(JsonReader& r, const JsonValue& from, E& out) {
    static constexpr auto kNames = NamesOf(E{});
    std::size_t at = 0;
    if (!r.ReadName(from, kNames, at)) return false;
    out = static_cast<E>(at);
    return true;
  }
};

// ---- structs -------------------------------------------------------------------------------------------------------------

template <class T>
constexpr bool kIsOptional = false;
template <class T>
constexpr bool kIsOptional<std::optional<T>> = true;

template <Described T>
struct Json<T> {
  static constexpr auto kNames = FieldNames<T>();

  static void Write(JsonWriter& w, const T& value) {
    w.BeginObject();
    ForEachField(value, [&]<class M>(std::string_view name, const M& member) {
      if constexpr (kIsOptional<M>) {
        if (!member) return;
        w.Key(name);
        Json<typename M::value_type>::Write(w, *member);
      } else {
        w.Key(name);
        Json<M>::Write(w, member);
      }
    });
    w.EndObject();
  }

  static bool Read(JsonReader& r, const JsonValue& from, T& out) {
    const auto* object = r.ReadObject(from);
    if (!object || !r.RefuseUnknown(*object, kNames)) return false;
    bool good = true;
    ForEachField(out, [&]<class M>(std::string_view name, M& member) {
      const JsonValue* found = good ? Find(*object, name) : nullptr;
      if (!found) return;
      const JsonReader::Inside inside(r, name);
      if constexpr (kIsOptional<M>)
        good = Json<typename M::value_type>::Read(r, *found, member.emplace());
      else
        good = Json<M>::Read(r, *found, member);
    });
    return good;
  }
};

template <class... Ts>
struct Json<std::variant<Ts...>> {
  using Variant = std::variant<Ts...>;
  static constexpr std::array<std::string_view, sizeof...(Ts)> kNames{Ts::kName...};

  static void Write(JsonWriter& w, const Variant& value) {
    w.BeginObject();
    std::visit(
        [&]<class A>(const A& alternative) {
          w.Key(A::kName);
          Json<A>::Write(w, alternative);
        },
        value);
    w.EndObject();
  }

  static bool Read(JsonReader& r, const JsonValue& from, Variant& out) {
    std::size_t at = 0;
    const JsonValue* found = r.ReadAlternative(from, kNames, at);
    if (!found) return false;
    const JsonReader::Inside inside(r, kNames[at]);
    return ReadAt(r, *found, at, out, std::index_sequence_for<Ts...>());
  }

 private:
  template <std::size_t... I>
  static bool ReadAt(JsonReader& r, const JsonValue& from, std::size_t at, Variant& out, std::index_sequence<I...>) {
    return ((I == at && Json<Ts>::Read(r, from, out.template emplace<I>())) || ...);
  }
};

// ---- containers ----------------------------------------------------------------------------------------------------------

template <class T>
struct Json<std::vector<T>> {
  static void Write(JsonWriter& w, const std::vector<T>& values) {
    w.BeginArray();
    for (const T& value : values) Json<T>::Write(w, value);
    w.EndArray();
  }
  static bool Read(JsonReader& r, const JsonValue& from, std::vector<T>& out) {
    const auto* array = r.ReadArray(from);
    if (!array) return false;
    out.clear();
    out.reserve(array->size());
    for (std::size_t i = 0; i < array->size(); ++i) {
      const JsonReader::Inside inside(r, i);
      if (!Json<T>::Read(r, (*array)[i], out.emplace_back())) return false;
    }
    return true;
  }
};

template <class T>
struct Json<std::set<T>> {
  static void Write(JsonWriter& w, const std::set<T>& values) {
    w.BeginArray();
    for (const T& value : values) Json<T>::Write(w, value);
    w.EndArray();
  }
  static bool Read(JsonReader& r, const JsonValue& from, std::set<T>& out) {
    const auto* array = r.ReadArray(from);
    if (!array) return false;
    out.clear();
    for (std::size_t i = 0; i < array->size(); ++i) {
      const JsonReader::Inside inside(r, i);
      T value{};
      if (!Json<T>::Read(r, (*array)[i], value)) return false;
      if (!out.insert(std::move(value)).second) return r.Mismatch((*array)[i], "a value that did not stand before");
    }
    return true;
  }
};

// How a map's key is written.
template <class K>
struct JsonKey {
  static_assert(std::unsigned_integral<K>, "a map's key must be a string, an id or an unsigned number");
  static std::string Write(K key) { return std::to_string(key); }
  static bool Read(std::string_view text, K& out) {
    const auto wide = ParseUnsigned(text);
    if (!wide || *wide > std::numeric_limits<K>::max()) return false;
    out = static_cast<K>(*wide);
    return true;
  }
};
template <>
struct JsonKey<std::string> {
  static const std::string& Write(const std::string& key) { return key; }
  static bool Read(std::string_view text, std::string& out) { return out = text, true; }
};
template <class Tag>
struct JsonKey<Text<Tag>> {
  static const std::string& Write(const Text<Tag>& key) { return key.value; }
  static bool Read(std::string_view text, Text<Tag>& out) { return out.value = text, true; }
};
template <class Tag>
struct JsonKey<Number<Tag>> {
  static std::string Write(Number<Tag> key) { return key.Str(); }
  static bool Read(std::string_view text, Number<Tag>& out) { return JsonKey<std::uint64_t>::Read(text, out.value); }
};

template <class K, class V>
struct Json<std::map<K, V>> {
  static void Write(JsonWriter& w, const std::map<K, V>& values) {
    w.BeginObject();
    for (const auto& [key, value] : values) {
      w.Key(JsonKey<K>::Write(key));
      Json<V>::Write(w, value);
    }
    w.EndObject();
  }
  static bool Read(JsonReader& r, const JsonValue& from, std::map<K, V>& out) {
    const auto* object = r.ReadObject(from);
    if (!object) return false;
    out.clear();
    for (const JsonMember& member : *object) {
      const JsonReader::Inside inside(r, member.key);
      K key{};
      if (!JsonKey<K>::Read(member.key, key)) return r.Fail("this key is no whole number in range");
      const auto [at, added] = out.try_emplace(std::move(key));
      if (!added) return r.Fail("this key stands twice");
      if (!Json<V>::Read(r, member.value, at->second)) return false;
    }
    return true;
  }
};

}  // namespace everstep
