// A mapping as one item of a list, read by a table of its own.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/yaml/table.h"

namespace everstep::yaml {

// A mapping with the keys of `table`, as one item of a list.
template <class S>
Type<S> Item(Table<S> table) {
  return {.legal = Cat("a mapping with the keys ", Join(table.Names())),
          .read = [table](const Node& node, Problems& problems) -> std::optional<S> {
            const std::size_t before = problems.size();
            S item;
            ReadTable(table, node, item, problems);
            return problems.size() == before ? std::optional(item) : std::nullopt;
          },
          .write =
              [table](const S& item) {
                std::vector<std::string> parts;
                for (const Entry& entry : EntriesOf(table, item)) parts.push_back(Cat(entry.name, ": ", entry.value));
                return Cat('{', Join(parts), '}');
              }};
}

}  // namespace everstep::yaml
