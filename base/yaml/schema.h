// JSON Schema (draft 7) out of the same tables that read the files, for editors: completion, words and errors while typing.
// A schema says less than the reader: what holds between keys it does not know.
//
// Each function gives one schema as compact JSON text; PrettySchema lays out the whole.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace everstep::yaml {

std::string JsonQuote(std::string_view text);

// A text; `pattern` is a regular expression or empty.
std::string TextSchema(std::string_view pattern = {});
// A text as YAML files have it, where a bare 3 or true is a text too.
std::string AnyScalarSchema();
std::string IntegerSchema(std::uint64_t min, std::uint64_t max);
std::string BoolSchema();
std::string WordsSchema(const std::vector<std::string>& words);
std::string DurationSchema();
std::string SizeSchema();
std::string ListSchema(std::string_view item, std::size_t items_max);
std::string MapSchema(std::string_view value);
std::string AnyOfSchema(const std::vector<std::string>& schemas);

struct SchemaProperty {
  std::string name{};
  std::string about{};
  std::string schema{};  // empty: anything
  bool required = false;
};
// A mapping with these keys and no others.
std::string ObjectSchema(const std::vector<SchemaProperty>& properties);

// The whole: with its title, over lines, two blanks a level.
std::string PrettySchema(std::string_view title, std::string_view schema);

}  // namespace everstep::yaml
