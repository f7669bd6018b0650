// What a value in a file may be: a Type<V> is four things, made once and combined freely.
//
//   Integer<std::uint32_t>(1, 16384)                       4
//   ListOf(Text())                                         [python3, train.py]
//   AnyOf<V>({{is_auto, Word("auto", V{})}, {…, …}})       auto | {glob: …}
//
// Scalars are read as written: `env: {FLAG: no}` is the text "no", a bool is only true or false.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/fields.h"
#include "base/text.h"
#include "base/time.h"
#include "base/yaml/problem.h"
#include "base/yaml/schema.h"
#include "base/yaml/tree.h"
#include "base/yaml/typo.h"

namespace everstep::yaml {

template <class V>
struct Type {
  std::string legal{};                                             // "1 to 16384", "true or false"
  std::function<std::optional<V>(const Node&, Problems&)> read{};  // nullopt: a problem was added
  std::function<std::string(const V&)> write{};                    // in one line, as it would stand in a file
  std::string schema{};                                            // for editors (schema.h); empty: any value
};

// Adds "found …, legal: …" for this node.
void Refuse(const Node& node, Problems& problems, std::string_view legal, std::string next = {});

// `text` as a scalar that reads back as this text: in quotes only where YAML needs them.
std::string WriteText(std::string_view text);

Type<std::string> Text();
Type<std::string> Name();      // ValidName(); a bare `no`, `on`, `true` … is refused, as YAML readers differ about it
Type<std::string> Path();      // ~ and $VARIABLES are refused: no shell will expand them
Type<std::string> HostPort();  // "127.0.0.1:7450"
Type<std::string> OrEmpty(Type<std::string> type);  // also "": the words of the key say what that means
Type<bool> Bool();
Type<Duration> DurationBetween(Duration min, Duration max);
Type<std::uint64_t> SizeBetween(std::uint64_t min, std::uint64_t max);

// For types with a text form of their own: `parse` gives the value, or what to do next as its error.
template <class V>
Type<V> Scalar(std::string legal, std::function<tl::expected<V, std::string>(std::string_view)> parse,
               std::function<std::string(const V&)> write, std::string schema = AnyScalarSchema()) {
  return {.legal = legal,
          .read = [legal, parse](const Node& node, Problems& problems) -> std::optional<V> {
            if (node.kind != Node::Kind::scalar) return Refuse(node, problems, legal), std::nullopt;
            auto value = parse(node.text);
            if (!value) return Refuse(node, problems, legal, value.error()), std::nullopt;
            return *std::move(value);
          },
          .write = write,
          .schema = std::move(schema)};
}

template <std::unsigned_integral N>
Type<N> Integer(N min, N max) {
  return Scalar<N>(
      Cat(min, " to ", max),
      [min, max](std::string_view text) -> tl::expected<N, std::string> {
        const auto value = ParseUnsigned(text);
        if (!value || *value < min || *value > max) return tl::unexpected(std::string());
        return static_cast<N>(*value);
      },
      [](const N& value) { return Cat(value); }, IntegerSchema(min, max));
}

template <NamedEnum E>
Type<E> EnumOf() {
  std::vector<std::string> names;
  for (const std::string_view name : NamesOf(E{})) names.emplace_back(name);
  return Scalar<E>(
      Join(names, ", ", " or "),
      [names](std::string_view text) -> tl::expected<E, std::string> {
        if (const auto value = EnumNamed<E>(text)) return *value;
        return tl::unexpected(DidYouMean(text, names));
      },
      [](const E& value) { return std::string(everstep::Name(value)); }, WordsSchema(names));
}

// One fixed word that stands for `value`.
template <class V>
Type<V> Word(std::string word, V value) {
  return Scalar<V>(
      WriteText(word),
      [word, value](std::string_view text) -> tl::expected<V, std::string> {
        if (text == word) return value;
        return tl::unexpected(DidYouMean(text, {word}));
      },
      [word](const V&) { return WriteText(word); }, WordsSchema({word}));
}

template <class V>
Type<std::vector<V>> ListOf(Type<V> item, std::size_t items_max, std::string example) {
  const std::string legal = Cat("a list such as ", example);
  return {.legal = legal,
          .read = [=](const Node& node, Problems& problems) -> std::optional<std::vector<V>> {
            if (node.kind != Node::Kind::list) return Refuse(node, problems, legal), std::nullopt;
            if (node.children.size() > items_max) {
              problems.push_back({.line = node.line,
                                  .column = node.column,
                                  .key = node.path,
                                  .found = Cat("a list of ", node.children.size()),
                                  .legal = Cat("at most ", items_max)});
              return std::nullopt;
            }
            std::vector<V> values;
            for (const Node& child : node.children)
              if (auto value = item.read(child, problems)) values.push_back(*std::move(value));
            if (values.size() != node.children.size()) return std::nullopt;
            return values;
          },
          .write =
              [=](const std::vector<V>& values) {
                std::vector<std::string> parts;
                for (const V& value : values) parts.push_back(item.write(value));
                return Cat('[', Join(parts), ']');
              },
          .schema = ListSchema(item.schema, items_max)};
}

template <class V>
Type<std::map<std::string, V>> MapOf(Type<V> item, std::string example) {
  const std::string legal = Cat("a mapping such as ", example);
  return {.legal = legal,
          .read = [=](const Node& node, Problems& problems) -> std::optional<std::map<std::string, V>> {
            if (node.kind != Node::Kind::mapping) return Refuse(node, problems, legal), std::nullopt;
            std::map<std::string, V> values;
            for (const Node& child : node.children)
              if (auto value = item.read(child, problems)) values.emplace(child.key, *std::move(value));
            if (values.size() != node.children.size()) return std::nullopt;
            return values;
          },
          .write =
              [=](const std::map<std::string, V>& values) {
                std::vector<std::string> parts;
                for (const auto& [key, value] : values) parts.push_back(Cat(WriteText(key), ": ", item.write(value)));
                return Cat('{', Join(parts), '}');
              },
          .schema = MapSchema(item.schema)};
}

// {key: value}: a mapping with this one key.
template <class V>
Type<V> Under(std::string key, std::string placeholder, Type<V> inner) {
  const std::string legal = Cat('{', key, ": ", placeholder, '}');
  return {.legal = legal,
          .read = [=](const Node& node, Problems& problems) -> std::optional<V> {
            if (node.children.size() != 1 || !node.Find(key)) return Refuse(node, problems, legal), std::nullopt;
            return inner.read(node.children.front(), problems);
          },
          .write = [=](const V& value) { return Cat('{', key, ": ", inner.write(value), '}'); },
          .schema = ObjectSchema({{.name = key, .schema = inner.schema, .required = true}})};
}

// The same text, another C++ type.
template <class To, class From>
Type<To> As(Type<From> type, std::function<To(From)> to, std::function<From(const To&)> from) {
  return {.legal = type.legal,
          .read = [=](const Node& node, Problems& problems) -> std::optional<To> {
            auto value = type.read(node, problems);
            return value ? std::optional<To>(to(*std::move(value))) : std::nullopt;
          },
          .write = [=](const To& value) { return type.write(from(value)); },
          .schema = type.schema};
}

// "auto or 1 to 8"; where the last of them is a choice itself: "auto, off, quick or full".
std::string LegalOf(const std::vector<std::string>& legals);

// One of several ways to write the same key; `covers` tells which one writes a given value.
template <class V>
struct Way {
  std::function<bool(const V&)> covers{};
  Type<V> type{};
};

template <class V>
Type<V> AnyOf(std::vector<Way<V>> ways) {
  std::vector<std::string> legals, schemas;
  for (const Way<V>& way : ways) {
    legals.push_back(way.type.legal);
    schemas.push_back(way.type.schema);
  }
  const std::string legal = LegalOf(legals);
  return {.legal = legal,
          .read = [=](const Node& node, Problems& problems) -> std::optional<V> {
            std::string next;
            for (const Way<V>& way : ways) {
              Problems own;
              if (auto value = way.type.read(node, own)) return value;
              if (next.empty() && !own.empty()) next = own.front().next;
            }
            return Refuse(node, problems, legal, next), std::nullopt;
          },
          .write =
              [=](const V& value) {
                for (const Way<V>& way : ways)
                  if (way.covers(value)) return way.type.write(value);
                return std::string();
              },
          .schema = AnyOfSchema(schemas)};
}

// `auto`, or a value.
template <class V>
Type<std::optional<V>> AutoOr(Type<V> type) {
  using Maybe = std::optional<V>;
  return AnyOf<Maybe>(
      {{[](const Maybe& value) { return !value; }, Word<Maybe>("auto", std::nullopt)},
       {[](const Maybe& value) { return value.has_value(); },
        As<Maybe, V>(
            type, [](V value) { return Maybe(std::move(value)); }, [](const Maybe& value) { return *value; })}});
}

}  // namespace everstep::yaml
