// The half of the converter that does not know the struct's types: places in a protobuf message to put a value to or get one
// from. The field's kind must fit; all else is a broken invariant, found by tests/proto.
#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace everstep::wire {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// A field to set, or a repeated field to append to.
struct Slot {
  Message& message;
  const FieldDescriptor* field;
  bool repeated = false;

  void PutBool(bool value) const;
  void PutUnsigned(std::uint64_t value) const;
  void PutSigned(std::int64_t value) const;
  void PutEnum(int number) const;
  // False: the field is a `string` but the text is not UTF-8; '?' was put for each byte that was not.
  bool PutText(std::string_view text) const;
  // To a map of texts; the result as for PutText.
  bool PutPair(std::string_view key, std::string_view value) const;
  Message& PutMessage() const;
};

// A field, or one element of a repeated field.
struct Source {
  const Message& message;
  const FieldDescriptor* field;
  int index = -1;  // -1: the field is not repeated

  bool Absent() const;  // never for a field without presence
  int Size() const;     // of the repeated field
  bool GetBool() const;
  std::uint64_t GetUnsigned() const;
  std::int64_t GetSigned() const;
  int GetEnum() const;
  std::string GetText() const;
  std::pair<std::string, std::string> GetPair() const;
  const Message& GetMessage() const;
};

// The member that is set in the only oneof of `message`; nullptr: none.
const FieldDescriptor* MemberSet(const Message& message);

// ": found 9, legal: 1 (GANG_PHASE_PREPARING) to 6 (GANG_PHASE_EMPTY)"
std::string IllegalEnum(const FieldDescriptor* field, int number);

// Replaces every byte that is not part of valid UTF-8 (RFC 3629: no overlong forms, no surrogates) by '?'.
std::string AsUtf8(std::string_view text);

}  // namespace everstep::wire
