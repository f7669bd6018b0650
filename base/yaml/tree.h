// A YAML text as a tree that remembers where everything stood. A strict subset of YAML is accepted, the part that reads the
// same to everybody; refused are: duplicate keys, anchors and aliases, tags, tabs, more than one document, an empty file, bytes
// that are not UTF-8, control characters, more than 1 MiB, nesting deeper than 32.
//
// Scalars stay text: types.h says what they mean, never YAML's own guess.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "base/yaml/problem.h"

namespace everstep::yaml {

struct Node {
  enum class Kind { nothing, scalar, list, mapping };  // nothing: `key:` alone, ~ or null

  Kind kind = Kind::nothing;
  bool quoted = false;  // scalar: in quotes, or a block of lines
  std::uint32_t line = 1;
  std::uint32_t column = 1;
  std::string path{};            // "checkpoint.dir", "command[2]"; empty: the root
  std::string text{};            // scalar
  std::string key{};             // of an entry of a mapping; where it stands:
  std::uint32_t key_line = 1;    //
  std::uint32_t key_column = 1;  //
  std::vector<Node> children{};  // of a list or mapping, in file order

  // The entry of a mapping, or nullptr.
  const Node* Find(std::string_view name) const;
  // "four" (in quotes, clipped), "a list", "a mapping", "nothing": for problems.
  std::string Describe() const;
};

inline constexpr std::size_t kBytesMax = 1u << 20;
inline constexpr std::size_t kDepthMax = 32;

// The tree, or the first thing that is wrong. Cost: O(bytes × log keys).
tl::expected<Node, Problem> Parse(std::string_view text);

// An error about a value, "checkpoint.dir: …", with the place of that key (or of the nearest one around it) in front.
Error WithPlace(Error error, const Node& root, std::string_view file);

}  // namespace everstep::yaml
