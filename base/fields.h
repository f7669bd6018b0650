// One table of fields per struct, written once. Codecs (log, keeper socket, protobuf) walk it, so that a field exists
// everywhere or nowhere.
//
//   struct Beat { Sequence seq; Time sent; };
//   EVERSTEP_FIELDS(Beat, seq, sent)
//
// lists all fields in order, outside the struct, in namespace everstep; where a struct with a forgotten one is walked does not
// compile. Enums:
//
//   EVERSTEP_ENUM(GangPhase, preparing, prepared)     declares enum class GangPhase { preparing, prepared } and its names
//
// A struct that is one alternative of a variant has `static constexpr std::string_view kName`, its name on disk and wire.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>
#include <tuple>
#include <utility>

namespace everstep {

template <class Struct, class Member>
struct Field {
  std::string_view name;
  Member Struct::*member;
};
template <class Struct, class Member>
Field(std::string_view, Member Struct::*) -> Field<Struct, Member>;

struct FitsAny {
  template <class T>
  operator T() const;  // NOLINT: only named in unevaluated code
};
template <class T, std::size_t... I>
constexpr bool InitialisableWith(std::index_sequence<I...>) {
  return requires { T{(static_cast<void>(I), FitsAny{})...}; };
}
template <class T, std::size_t N>
constexpr bool kHasAtLeast = InitialisableWith<T>(std::make_index_sequence<N>());

template <class T>
concept Described = requires(const T* t) {
  HasFields(t);
};

// f(field, field, …) with a Field for each, in order. Compiled only where it is called: most files that see a struct never walk
// it.
template <Described T, class F>
constexpr decltype(auto) WithFields(F&& f) {
  constexpr const T* kOf = nullptr;
  constexpr std::size_t kCount = FieldsInto(kOf, [](const auto&... field) { return sizeof...(field); });
  static_assert(!kHasAtLeast<T, kCount + 1>, "a field of this struct is missing in its EVERSTEP_FIELDS");
  return FieldsInto(kOf, f);
}

// Calls f(name, value.member) for each field, in order.
template <class T, class F>
constexpr void ForEachField(T& value, F&& f) {
  WithFields<std::remove_const_t<T>>([&](const auto&... field) { (f(field.name, value.*field.member), ...); });
}

template <Described T>
constexpr auto FieldNames() {
  return WithFields<T>([](const auto&... field) { return std::array<std::string_view, sizeof...(field)>{field.name...}; });
}

template <class T>
concept NamedEnum = std::is_enum_v<T> && requires(T t) {
  NamesOf(t);
};

template <NamedEnum E>
constexpr std::string_view Name(E e) {
  return NamesOf(e)[static_cast<std::size_t>(e)];
}
template <NamedEnum E>
constexpr std::optional<E> EnumNamed(std::string_view name) {
  constexpr auto names = NamesOf(E{});
  for (std::size_t i = 0; i < names.size(); ++i)
    if (names[i] == name) return static_cast<E>(i);
  return std::nullopt;
}

}  // namespace everstep

#define EVERSTEP_PARENS ()
#define EVERSTEP_EXPAND(...) EVERSTEP_EXPAND3(EVERSTEP_EXPAND3(EVERSTEP_EXPAND3(__VA_ARGS__)))  // for about 100 fields
#define EVERSTEP_EXPAND3(...) EVERSTEP_EXPAND2(EVERSTEP_EXPAND2(EVERSTEP_EXPAND2(__VA_ARGS__)))
#define EVERSTEP_EXPAND2(...) EVERSTEP_EXPAND1(EVERSTEP_EXPAND1(EVERSTEP_EXPAND1(__VA_ARGS__)))
#define EVERSTEP_EXPAND1(...) EVERSTEP_EXPAND0(EVERSTEP_EXPAND0(EVERSTEP_EXPAND0(__VA_ARGS__)))
#define EVERSTEP_EXPAND0(...) __VA_ARGS__
#define EVERSTEP_EACH(macro, arg, ...) __VA_OPT__(EVERSTEP_EXPAND(EVERSTEP_EACH_(macro, arg, __VA_ARGS__)))
#define EVERSTEP_EACH_(macro, arg, first, ...) \
  macro(arg, first) __VA_OPT__(, EVERSTEP_EACH_AGAIN EVERSTEP_PARENS(macro, arg, __VA_ARGS__))
#define EVERSTEP_EACH_AGAIN() EVERSTEP_EACH_

#define EVERSTEP_ONE_FIELD(Type, name) \
  ::everstep::Field { std::string_view(#name), &Type::name }
#define EVERSTEP_FIELDS(Type, ...)                                  \
  constexpr void HasFields(const Type*) {}                          \
  template <class F>                                                \
  constexpr decltype(auto) FieldsInto(const Type*, F&& f) {         \
    return f(EVERSTEP_EACH(EVERSTEP_ONE_FIELD, Type, __VA_ARGS__)); \
  }

#define EVERSTEP_ONE_NAME(arg, name) std::string_view(#name)
#define EVERSTEP_ENUM(Type, ...)   \
  enum class Type { __VA_ARGS__ }; \
  constexpr auto NamesOf(Type) { return std::array{EVERSTEP_EACH(EVERSTEP_ONE_NAME, 0, __VA_ARGS__)}; }
