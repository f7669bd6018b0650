// A JSON text as a tree, for readers that check it (codec.h). Strings and keys are bytes, as DecodeBytes (bytes.h) gives them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"

namespace everstep {

struct JsonMember;

struct JsonValue {
  using Array = std::vector<JsonValue>;
  using Object = std::vector<JsonMember>;  // in the order of the text, no key twice
  // A whole number is signed when below zero, else unsigned; one that fits neither, or has a fraction, is a double.
  std::variant<std::nullptr_t, bool, std::int64_t, std::uint64_t, double, std::string, Array, Object> is{};
};

struct JsonMember {
  std::string key{};
  JsonValue value{};
};

struct JsonLimits {
  std::size_t bytes_max = 64u << 20;  // of the text
  std::size_t values_max = 4u << 20;  // scalars, arrays and objects together
  std::size_t depth_max = 64;         // of nested arrays and objects
};

// Strict RFC 8259: no comments, no trailing text, no key twice in an object. kInvalid names line and column, kExhausted the
// limit. Cost: linear, about 50 bytes of memory a value.
Result<JsonValue> ParseJson(std::string_view text, const JsonLimits& limits = {});

// What was found, for error messages: `"runing"`, `-3`, `an array`. Long strings are clipped.
std::string Describe(const JsonValue& value);

}  // namespace everstep
