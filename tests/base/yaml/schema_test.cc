#include "base/yaml/schema.h"

#include <gtest/gtest.h>

#include "base/yaml/table.h"

namespace everstep::yaml {
namespace {

struct Sub {
  std::string dir{};
};
struct Thing {
  std::vector<std::string> command{};
  std::uint32_t nodes = 1;
  Duration grace = 60s;
  std::optional<Sub> sub{};
};

const Table<Thing>& Things() {
  static const Table<Thing> table{{
      Required("command", &Thing::command, ListOf(Text(), 4, "[a]"), "argv"),
      Key("nodes", &Thing::nodes, Integer<std::uint32_t>(1, 9), "whole hosts"),
      Key("grace", &Thing::grace, DurationBetween(0s, 1h), "say \"please\""),
      Nested("sub", &Thing::sub, Table<Sub>{{Key("dir", &Sub::dir, OrEmpty(Path()), "")}}, "more"),
  }};
  return table;
}

TEST(Schema, SaysOfEachKeyWhatTheTableSays) {
  EXPECT_EQ(PrettySchema("thing", SchemaOf(Things())),
            R"({
  "$schema": "http:)"
            R"(//json-schema.org/draft-07/schema#",
  "title": "thing",
  "type": "object",
  "additionalProperties": false,
  "required": [
    "command"
  ],
  "properties": {
    "command": {
      "description": "argv. Legal: a list such as [a]",
      "type": "array",
      "maxItems": 4,
      "items": {
        "type": [
          "string",
          "number",
          "boolean"
        ]
      }
    },
    "nodes": {
      "description": "whole hosts. Legal: 1 to 9. Default: 1",
      "type": [
        "integer",
        "string"
      ],
      "minimum": 1,
      "maximum": 9,
      "pattern": "^[0-9]+$"
    },
    "grace": {
      "description": "say \"please\". Legal: 0s to 1h. Default: 1min",
      "type": "string",
      "pattern": "^[0-9]+(\\.[0-9]+)?(d|h|min|s|ms|us|ns)$"
    },
    "sub": {
      "description": "more",
      "type": "object",
      "additionalProperties": false,
      "properties": {
        "dir": {
          "description": ". Legal: a path or \"\". Default: \"\"",
          "anyOf": [
            {
              "type": "string",
              "pattern": "^[^~$]"
            },
            {
              "enum": [
                ""
              ]
            }
          ]
        }
      }
    }
  }
}
)");
}

TEST(Schema, TextsAreQuotedAsJson) { EXPECT_EQ(JsonQuote("a\"b\\c\n\x01"), R"("a\"b\\c\u000a\u0001")"); }

}  // namespace
}  // namespace everstep::yaml
