// Structs to protobuf messages and back, by name: the fields of a struct (base/fields.h) are looked up once in the descriptor
// of its message, and reflection moves the values. No field is spelled out here, so none can be forgotten: a struct and its
// message that differ end the process at first use, and fail tests/proto before that. job.proto has the reading rules.
//
//   a Described struct         a message of the same fields      optional      `optional`
//   a variant                  a message with one oneof          vector        repeated
//                              whose members are the kNames      map of texts  map
//   Text, std::string          string (UTF-8) or bytes           EVERSTEP_ENUM enum, value + 1
//   Number, integers, bool     the same
//   Time, Duration, WallTime   int64, nanoseconds
//
// Thread: any. Cost: about 50 ns a field.
#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <concepts>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/check.h"
#include "base/fields.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"
#include "proto/slot.h"

namespace everstep {
namespace wire {

// What is wrong and where, seen from inside: ": found 9, legal: 1 to 6", then "[3].phase: found …" one level up; nullopt:
// nothing.
using Trouble = std::optional<std::string>;

using Fields = std::vector<const FieldDescriptor*>;
// The fields of `names`, in that order; each must be there.
Fields FieldsNamed(const Descriptor* descriptor, const std::vector<std::string_view>& names);

template <Described T>
const Fields& FieldsFor(const Message& message) {
  static const Fields fields = [&] {
    constexpr auto kNames = FieldNames<T>();
    return FieldsNamed(message.GetDescriptor(), {kNames.begin(), kNames.end()});
  }();
  Check(fields.empty() || fields.front()->containing_type() == message.GetDescriptor(), "one struct has one message");
  return fields;
}
template <class... T>
const Fields& MembersFor(const std::variant<T...>*, const Message& message) {
  static const Fields fields = FieldsNamed(message.GetDescriptor(), {T::kName...});
  return fields;
}

// ---- single values -------------------------------------------------------------------------------------------------------

inline Trouble Put(Slot slot, bool value) { return slot.PutBool(value), std::nullopt; }
template <std::unsigned_integral N>
Trouble Put(Slot slot, N value) {
  return slot.PutUnsigned(value), std::nullopt;
}
template <std::signed_integral N>
Trouble Put(Slot slot, N value) {
  return slot.PutSigned(value), std::nullopt;
}
template <NamedEnum E>
Trouble Put(Slot slot, E value) {
  return slot.PutEnum(static_cast<int>(value) + 1), std::nullopt;
}
inline Trouble Put(Slot slot, Duration value) { return slot.PutSigned(value.count()), std::nullopt; }
inline Trouble Put(Slot slot, Time value) { return slot.PutSigned(Nanoseconds(value)), std::nullopt; }
inline Trouble Put(Slot slot, WallTime value) { return slot.PutSigned(value.ns), std::nullopt; }
inline Trouble Put(Slot slot, const std::string& value) { return slot.PutText(value) ? std::nullopt : Trouble(": not UTF-8"); }
template <class Tag>
Trouble Put(Slot slot, const Text<Tag>& value) {
  return Put(slot, value.value);
}
template <class Tag>
Trouble Put(Slot slot, const Number<Tag>& value) {
  return slot.PutUnsigned(value.value), std::nullopt;
}

inline Trouble Get(Source source, bool& out) { return out = source.GetBool(), std::nullopt; }
template <std::unsigned_integral N>
Trouble Get(Source source, N& out) {
  return out = static_cast<N>(source.GetUnsigned()), std::nullopt;
}
template <std::signed_integral N>
Trouble Get(Source source, N& out) {
  return out = static_cast<N>(source.GetSigned()), std::nullopt;
}
template <NamedEnum E>
Trouble Get(Source source, E& out) {
  constexpr int kLast = static_cast<int>(NamesOf(E{}).size());
  const int number = source.GetEnum();
  if (number < 1 || number > kLast) return IllegalEnum(source.field, number);
  return out = static_cast<E>(number - 1), std::nullopt;
}
inline Trouble Get(Source source, Duration& out) { return out = Duration(source.GetSigned()), std::nullopt; }
inline Trouble Get(Source source, Time& out) { return out = AtNanoseconds(source.GetSigned()), std::nullopt; }
inline Trouble Get(Source source, WallTime& out) { return out.ns = source.GetSigned(), std::nullopt; }
inline Trouble Get(Source source, std::string& out) { return out = source.GetText(), std::nullopt; }
template <class Tag>
Trouble Get(Source source, Text<Tag>& out) {
  return out.value = source.GetText(), std::nullopt;
}
template <class Tag>
Trouble Get(Source source, Number<Tag>& out) {
  return out.value = source.GetUnsigned(), std::nullopt;
}

template <Described T>
Trouble Put(Slot slot, const T& value);
template <Described T>
Trouble Get(Source source, T& out);

// ---- fields of a struct --------------------------------------------------------------------------------------------------

template <class T>
Trouble PutField(Slot slot, const T& value) {
  return Put(slot, value);
}
template <class T>
Trouble PutField(Slot slot, const std::optional<T>& value) {
  return value ? Put(slot, *value) : std::nullopt;
}
template <class T>
Trouble PutField(Slot slot, const std::vector<T>& values) {
  slot.repeated = true;
  Trouble first;
  for (std::size_t i = 0; i < values.size(); ++i)
    if (Trouble trouble = Put(slot, values[i]); trouble && !first) first = "[" + std::to_string(i) + "]" + *trouble;
  return first;
}
inline Trouble PutField(Slot slot, const std::map<std::string, std::string>& values) {
  slot.repeated = true;
  Trouble first;
  for (const auto& [key, value] : values)
    if (!slot.PutPair(key, value) && !first) first = ": a name or value is not UTF-8";
  return first;
}

template <class T>
Trouble GetField(Source source, T& out) {
  if (!source.Absent()) return Get(source, out);
  return source.field->has_optional_keyword() ? std::nullopt : Trouble(": missing");
}
template <class T>
Trouble GetField(Source source, std::optional<T>& out) {
  out.reset();
  return source.Absent() ? std::nullopt : Get(source, out.emplace());
}
template <class T>
Trouble GetField(Source source, std::vector<T>& out) {
  out.resize(static_cast<std::size_t>(source.Size()));
  for (std::size_t i = 0; i < out.size(); ++i)
    if (Trouble trouble = Get({source.message, source.field, static_cast<int>(i)}, out[i]))
      return "[" + std::to_string(i) + "]" + *trouble;
  return std::nullopt;
}
inline Trouble GetField(Source source, std::map<std::string, std::string>& out) {
  out.clear();
  for (int i = 0; i < source.Size(); ++i) out.insert(Source{source.message, source.field, i}.GetPair());
  return std::nullopt;
}

template <Described T>
Trouble PutStruct(Message& message, const T& value) {
  auto field = FieldsFor<T>(message).begin();
  Trouble first;
  ForEachField(value, [&](std::string_view name, const auto& member) {
    if (Trouble trouble = PutField({message, *field++}, member); trouble && !first) first = "." + std::string(name) + *trouble;
  });
  return first;
}
template <Described T>
Trouble GetStruct(const Message& message, T& out) {
  auto field = FieldsFor<T>(message).begin();
  Trouble first;
  ForEachField(out, [&](std::string_view name, auto& member) {
    const FieldDescriptor* from = *field++;
    if (first) return;
    if (Trouble trouble = GetField({message, from}, member)) first = "." + std::string(name) + *trouble;
  });
  return first;
}

template <Described T>
Trouble Put(Slot slot, const T& value) {
  return PutStruct(slot.PutMessage(), value);
}
template <Described T>
Trouble Get(Source source, T& out) {
  return GetStruct(source.GetMessage(), out);
}

// "first level" of a path has no dot before it.
Status Say(const Trouble& trouble);

}  // namespace wire

// ---- whole messages ------------------------------------------------------------------------------------------------------

// Fills an empty message. The error names the first text that is not UTF-8 where the message asks for it; such text has '?' in
// the message for what was not, which is good enough for a `why` and not for a command line.
template <Described T>
Status ToProto(const T& value, google::protobuf::Message& message) {
  return wire::Say(wire::PutStruct(message, value));
}
template <class... T>
Status ToProto(const std::variant<T...>& value, google::protobuf::Message& message) {
  const wire::Fields& members = wire::MembersFor(&value, message);
  const wire::Slot slot{message, members[value.index()]};
  return wire::Say(std::visit([&](const auto& alternative) { return wire::Put(slot, alternative); }, value));
}

// kInvalid, naming field, what was found and what is legal, for what the reading rules refuse. Limits are not looked at here:
// Validate (base/messages.h) and ValidateJob do that.
template <Described T>
Result<T> FromProto(const google::protobuf::Message& message) {
  T value;
  if (Status said = wire::Say(wire::GetStruct(message, value)); !said) return Fail(std::move(said).error());
  return value;
}

template <class V>
struct VariantReader;
template <class... T>
struct VariantReader<std::variant<T...>> {
  using V = std::variant<T...>;
  static Result<V> Read(const google::protobuf::Message& message) {
    const wire::Fields& members = wire::MembersFor(static_cast<const V*>(nullptr), message);
    const wire::FieldDescriptor* set = wire::MemberSet(message);
    wire::Trouble trouble = ": none of its members is set";
    std::optional<V> out;
    std::size_t i = 0;
    const auto try_one = [&]<class A>(std::type_identity<A>) {
      if (members[i++] != set || out) return;
      trouble = wire::Get({message, set}, std::get<A>(out.emplace(A{})));
      if (trouble) trouble = "." + std::string(A::kName) + *trouble;
    };
    (try_one(std::type_identity<T>{}), ...);
    if (Status said = wire::Say(trouble); !said) return Fail(std::move(said).error());
    return *std::move(out);
  }
};
template <class V>
requires requires { std::variant_size<V>::value; }
Result<V> FromProto(const google::protobuf::Message& message) { return VariantReader<V>::Read(message); }

// "spec.restart.field 9": something was said that this version has no word for; nullopt: all of it is understood. What is read
// for display may pass over it; what is to be done must not.
std::optional<std::string> UnknownField(const google::protobuf::Message& message);

}  // namespace everstep
