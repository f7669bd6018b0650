// What the files of the catalogue have in common: lists of mappings, and numbers in the unit of a check.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "base/text.h"
#include "base/yaml/table.h"
#include "health/core/rule.h"

namespace everstep::health {

// A mapping with the keys of `table`, as one item of a list.
template <class S>
yaml::Type<S> Item(yaml::Table<S> table) {
  return {.legal = Cat("a mapping with the keys ", Join(table.Names())),
          .read = [table](const yaml::Node& node, yaml::Problems& problems) -> std::optional<S> {
            const std::size_t before = problems.size();
            S item;
            yaml::ReadTable(table, node, item, problems);
            return problems.size() == before ? std::optional(item) : std::nullopt;
          },
          .write =
              [table](const S& item) {
                std::vector<std::string> parts;
                for (const yaml::Entry& entry : yaml::EntriesOf(table, item))
                  parts.push_back(Cat(entry.name, ": ", entry.value));
                return Cat('{', Join(parts), '}');
              }};
}

// "16GiB", "90s", "85": the error says what is legal.
tl::expected<double, std::string> NumberText(std::string_view text, Unit unit);

// A rule of this check from a file; empty: none. The error begins with `place`, for yaml::WithPlace.
Result<std::optional<Rule>> RuleFrom(const std::string& text, Unit unit, const std::string& place);

}  // namespace everstep::health
