#include "proto/slot.h"

#include <cstring>

#include "base/check.h"
#include "base/text.h"

namespace everstep::wire {

namespace {

using google::protobuf::Reflection;

[[noreturn]] void Misfit(const FieldDescriptor* field) {
  Check(false, Cat(std::string_view(field->full_name()), ": its type does not fit the struct's").c_str());
  std::abort();
}

// Length of the valid UTF-8 sequence at the start of `s`; 0: there is none.
std::size_t SequenceLength(std::string_view s) {
  const auto at = [&](std::size_t i) { return i < s.size() ? static_cast<unsigned char>(s[i]) : 0u; };
  const auto tail = [&](std::size_t i) { return (at(i) & 0xc0u) == 0x80u; };
  const unsigned lead = at(0), next = at(1);
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead < 0xe0) return tail(1) ? 2 : 0;
  const bool three = lead >= 0xe0 && lead < 0xf0 && !(lead == 0xe0 && next < 0xa0) && !(lead == 0xed && next >= 0xa0);
  if (three) return tail(1) && tail(2) ? 3 : 0;
  const bool four = lead >= 0xf0 && lead < 0xf5 && !(lead == 0xf0 && next < 0x90) && !(lead == 0xf4 && next >= 0x90);
  if (four) return tail(1) && tail(2) && tail(3) ? 4 : 0;
  return 0;
}

// Eight bytes of ASCII at the start of `s`, which most text is made of.
bool StartsWithAscii8(std::string_view s) {
  std::uint64_t bytes = 0;
  if (s.size() < sizeof bytes) return false;
  std::memcpy(&bytes, s.data(), sizeof bytes);
  return (bytes & 0x8080808080808080u) == 0;
}

bool IsUtf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = StartsWithAscii8(text) ? 8 : SequenceLength(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

void PutString(const Slot& slot, std::string text) {
  const Reflection* reflection = slot.message.GetReflection();
  if (slot.repeated)
    reflection->AddString(&slot.message, slot.field, std::move(text));
  else
    reflection->SetString(&slot.message, slot.field, std::move(text));
}

}  // namespace

void Slot::PutBool(bool value) const {
  const Reflection* reflection = message.GetReflection();
  if (field->cpp_type() != FieldDescriptor::CPPTYPE_BOOL || repeated) Misfit(field);
  reflection->SetBool(&message, field, value);
}

void Slot::PutUnsigned(std::uint64_t value) const {
  const Reflection* reflection = message.GetReflection();
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_UINT32: {
      const auto narrow = static_cast<std::uint32_t>(value);
      Check(narrow == value, "a 64-bit number has a 64-bit field");
      return repeated ? reflection->AddUInt32(&message, field, narrow) : reflection->SetUInt32(&message, field, narrow);
    }
    case FieldDescriptor::CPPTYPE_UINT64:
      return repeated ? reflection->AddUInt64(&message, field, value) : reflection->SetUInt64(&message, field, value);
    default: Misfit(field);
  }
}

void Slot::PutSigned(std::int64_t value) const {
  if (field->cpp_type() != FieldDescriptor::CPPTYPE_INT64 || repeated) Misfit(field);
  message.GetReflection()->SetInt64(&message, field, value);
}

void Slot::PutEnum(int number) const {
  if (field->cpp_type() != FieldDescriptor::CPPTYPE_ENUM || repeated) Misfit(field);
  message.GetReflection()->SetEnumValue(&message, field, number);
}

bool Slot::PutText(std::string_view text) const {
  if (field->cpp_type() != FieldDescriptor::CPPTYPE_STRING) Misfit(field);
  const bool good = field->type() == FieldDescriptor::TYPE_BYTES || IsUtf8(text);
  PutString(*this, good ? std::string(text) : AsUtf8(text));
  return good;
}

bool Slot::PutPair(std::string_view key, std::string_view value) const {
  if (!field->is_map()) Misfit(field);
  Message& entry = *message.GetReflection()->AddMessage(&message, field);
  const bool good_key = Slot{entry, field->message_type()->map_key()}.PutText(key);
  const bool good_value = Slot{entry, field->message_type()->map_value()}.PutText(value);
  return good_key && good_value;
}

Message& Slot::PutMessage() const {
  if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) Misfit(field);
  const Reflection* reflection = message.GetReflection();
  return repeated ? *reflection->AddMessage(&message, field) : *reflection->MutableMessage(&message, field);
}

bool Source::Absent() const { return field->has_presence() && !message.GetReflection()->HasField(message, field); }

int Source::Size() const { return message.GetReflection()->FieldSize(message, field); }

bool Source::GetBool() const {
  if (field->cpp_type() != FieldDescriptor::CPPTYPE_BOOL || index >= 0) Misfit(field);
  return message.GetReflection()->GetBool(message, field);
}

std::uint64_t Source::GetUnsigned() const {
  const Reflection* reflection = message.GetReflection();
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_UINT32:
      return index >= 0 ? reflection->GetRepeatedUInt32(message, field, index) : reflection->GetUInt32(message, field);
    case FieldDescriptor::CPPTYPE_UINT64:
      return index >= 0 ? reflection->GetRepeatedUInt64(message, field, index) : reflection->GetUInt64(message, field);
    default: Misfit(field);
  }
}

std::int64_t Source::GetSigned() const {
  if (field->cpp_type() != FieldDescriptor::CPPTYPE_INT64 || index >= 0) Misfit(field);
  return message.GetReflection()->GetInt64(message, field);
}

int Source::GetEnum() const {
  if (field->cpp_type() != FieldDescriptor::CPPTYPE_ENUM || index >= 0) Misfit(field);
  return message.GetReflection()->GetEnumValue(message, field);
}

std::string Source::GetText() const {
  if (field->cpp_type() != FieldDescriptor::CPPTYPE_STRING) Misfit(field);
  const Reflection* reflection = message.GetReflection();
  return index >= 0 ? reflection->GetRepeatedString(message, field, index) : reflection->GetString(message, field);
}

std::pair<std::string, std::string> Source::GetPair() const {
  if (!field->is_map()) Misfit(field);
  const Message& entry = message.GetReflection()->GetRepeatedMessage(message, field, index);
  const Descriptor* type = field->message_type();
  return {Source{entry, type->map_key()}.GetText(), Source{entry, type->map_value()}.GetText()};
}

const Message& Source::GetMessage() const {
  if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) Misfit(field);
  const Reflection* reflection = message.GetReflection();
  return index >= 0 ? reflection->GetRepeatedMessage(message, field, index) : reflection->GetMessage(message, field);
}

const FieldDescriptor* MemberSet(const Message& message) {
  Check(message.GetDescriptor()->oneof_decl_count() == 1, "a variant's message has one oneof");
  return message.GetReflection()->GetOneofFieldDescriptor(message, message.GetDescriptor()->oneof_decl(0));
}

std::string IllegalEnum(const FieldDescriptor* field, int number) {
  const google::protobuf::EnumDescriptor* type = field->enum_type();
  const auto* first = type->value(1);
  const auto* last = type->value(type->value_count() - 1);
  return Cat(": found ", number, ", legal: ", first->number(), " (", first->name(), ") to ", last->number(), " (", last->name(),
             ")");
}

std::string AsUtf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = SequenceLength(text);
    if (length == 0)
      out += '?';
    else
      out += text.substr(0, length);
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return out;
}

}  // namespace everstep::wire
