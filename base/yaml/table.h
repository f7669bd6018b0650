// One table for each kind of file: the keys, and for each its type, range, default and one line of words. The same table reads
// the file, prints what is in force, and writes the shipped file with all defaults and comments (print.h).
//
//   const yaml::Table<Options> table{{
//       Required("command", &Options::command, ListOf(Text(), 10, "[ls, -l]"), "what to run"),
//       Key("grace", &Options::grace, DurationBetween(0s, 1h), "from SIGTERM to SIGKILL"),
//       Group("ports", {{Key("first", &Options::port_first, Integer<std::uint32_t>(1024, 65535), "lowest")}}, "for rank 0"),
//   }};
//   Result<Options> options = yaml::Read(table, text, "options.yaml");
//
// Defaults stand in the struct and nowhere else. Keys are read in the order of the table, whatever their order in the file: a
// key that sets several values (`profile`) comes first, and the keys after it win. A bad file is refused whole.
#pragma once

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.h"
#include "base/yaml/print.h"
#include "base/yaml/problem.h"
#include "base/yaml/schema.h"
#include "base/yaml/tree.h"
#include "base/yaml/types.h"
#include "base/yaml/typo.h"

namespace everstep::yaml {

template <class S>
struct Row {
  std::string name{};
  std::string doc{};    // one line for people, without a full stop
  std::string legal{};  // see Type
  bool required = false;
  std::function<void(const Node&, S&, Problems&)> read{};
  std::function<Entry(const S&)> entry{};  // name, doc and legal are filled in by EntriesOf
  std::string schema{};                    // see Type
};

template <class S>
struct Table {
  std::vector<Row<S>> keys{};

  const Row<S>* Find(std::string_view name) const {
    const auto found = std::find_if(keys.begin(), keys.end(), [&](const Row<S>& key) { return key.name == name; });
    return found == keys.end() ? nullptr : &*found;
  }
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const Row<S>& key : keys) names.push_back(key.name);
    return names;
  }
};

// ---- the rows ------------------------------------------------------------------------------------------------------------

// A value that is not simply one member.
template <class S, class V>
Row<S> KeyThrough(std::string name, std::function<V(const S&)> get, std::function<void(S&, V)> set, Type<V> type,
                  std::string doc) {
  return {.name = std::move(name),
          .doc = std::move(doc),
          .legal = type.legal,
          .read =
              [type, set](const Node& node, S& object, Problems& problems) {
                if (auto value = type.read(node, problems)) set(object, *std::move(value));
              },
          .entry = [type, get](const S& object) { return Entry{.value = type.write(get(object))}; },
          .schema = type.schema};
}

template <class S, class V>
Row<S> Key(std::string name, V S::*member, Type<V> type, std::string doc) {
  return KeyThrough<S, V>(
      std::move(name), [member](const S& object) { return object.*member; },
      [member](S& object, V value) { object.*member = std::move(value); }, std::move(type), std::move(doc));
}

template <class S, class V>
Row<S> Required(std::string name, V S::*member, Type<V> type, std::string doc) {
  Row<S> key = Key(std::move(name), member, std::move(type), std::move(doc));
  key.required = true;
  return key;
}

template <class S>
void ReadTable(const Table<S>& table, const Node& node, S& object, Problems& problems);
template <class S>
std::vector<Entry> EntriesOf(const Table<S>& table, const S& object);
template <class S>
std::string SchemaOf(const Table<S>& table);

// Keys of the same struct, one level deeper in the file.
template <class S>
Row<S> Group(std::string name, Table<S> table, std::string doc) {
  return {.name = std::move(name),
          .doc = std::move(doc),
          .read = [table](const Node& node, S& object, Problems& problems) { ReadTable(table, node, object, problems); },
          .entry = [table](const S& object) { return Entry{.inside = EntriesOf(table, object)}; },
          .schema = SchemaOf(table)};
}

// Keys of a struct that is a member.
template <class S, class Sub>
Row<S> Nested(std::string name, Sub S::*member, Table<Sub> table, std::string doc) {
  return {.name = std::move(name),
          .doc = std::move(doc),
          .read = [table, member](const Node& node, S& object,
                                  Problems& problems) { ReadTable(table, node, object.*member, problems); },
          .entry = [table, member](const S& object) { return Entry{.inside = EntriesOf(table, object.*member)}; },
          .schema = SchemaOf(table)};
}

// The same where the key may be missing as a whole.
template <class S, class Sub>
Row<S> Nested(std::string name, std::optional<Sub> S::*member, Table<Sub> table, std::string doc) {
  return {.name = std::move(name),
          .doc = std::move(doc),
          .read = [table, member](const Node& node, S& object,
                                  Problems& problems) { ReadTable(table, node, (object.*member).emplace(), problems); },
          .entry =
              [table, member](const S& object) {
                return Entry{.inside = EntriesOf(table, (object.*member).value_or(Sub{})),
                             .absent = !(object.*member).has_value()};
              },
          .schema = SchemaOf(table)};
}

// ---- reading and printing ------------------------------------------------------------------------------------------------

template <class S>
void ReadTable(const Table<S>& table, const Node& node, S& object, Problems& problems) {
  constexpr std::size_t kEnough = 100;  // more problems than anybody reads
  if (node.kind != Node::Kind::mapping) return Refuse(node, problems, Cat("a mapping with the keys ", Join(table.Names())));
  for (const Node& child : node.children) {
    if (table.Find(child.key) || problems.size() >= kEnough) continue;
    problems.push_back({.line = child.key_line,
                        .column = child.key_column,
                        .key = child.path,
                        .found = "an unknown key",
                        .legal = Join(table.Names()),
                        .next = DidYouMean(child.key, table.Names())});
  }
  for (const Row<S>& key : table.keys) {
    if (const Node* child = node.Find(key.name)) {
      key.read(*child, object, problems);
    } else if (key.required) {
      problems.push_back({.line = node.line,
                          .column = node.column,
                          .key = node.path.empty() ? key.name : Cat(node.path, '.', key.name),
                          .found = "nothing",
                          .legal = key.legal,
                          .next = Cat("add the key `", key.name, '`')});
    }
  }
}

// The struct as the file says, on top of `object`. `file` is its name in errors, `finish` completes and checks across keys: an
// error of its that begins with "key: " gets the place of that key. See AsError (problem.h) for the error.
template <class S>
Result<S> Read(const Table<S>& table, std::string_view text, std::string_view file, S object = {},
               const std::function<Status(S&)>& finish = {}) {
  const auto root = Parse(text);
  if (!root) return Fail(AsError(file, {root.error()}));
  Problems problems;
  ReadTable(table, *root, object, problems);
  if (!problems.empty()) return Fail(AsError(file, std::move(problems)));
  if (!finish) return object;
  if (Status good = finish(object); !good) return Fail(WithPlace(std::move(good).error(), *root, file));
  return object;
}

template <class S>
std::vector<Entry> EntriesOf(const Table<S>& table, const S& object) {
  std::vector<Entry> entries;
  for (const Row<S>& key : table.keys) {
    Entry entry = key.entry(object);
    entry.name = key.name;
    entry.doc = key.doc;
    entry.legal = key.legal;
    entries.push_back(std::move(entry));
  }
  return entries;
}

// The keys as a schema for editors, each with its words, what is legal, and its default.
template <class S>
std::string SchemaOf(const Table<S>& table) {
  std::vector<SchemaProperty> properties;
  const S defaults{};
  for (const Row<S>& key : table.keys) {
    const std::string value = key.required ? std::string() : key.entry(defaults).value;
    properties.push_back({.name = key.name,
                          .about = Cat(key.doc, key.legal.empty() ? "" : Cat(". Legal: ", key.legal),
                                       value.empty() ? "" : Cat(". Default: ", value)),
                          .schema = key.schema,
                          .required = key.required});
  }
  return ObjectSchema(properties);
}

}  // namespace everstep::yaml
