#include "proto/convert.h"

#include "base/text.h"

namespace everstep::wire {

Fields FieldsNamed(const Descriptor* descriptor, const std::vector<std::string_view>& names) {
  Fields fields;
  for (const std::string_view name : names) {
    fields.push_back(descriptor->FindFieldByName(std::string(name)));
    Check(fields.back() != nullptr, Cat(std::string_view(descriptor->full_name()), " has no field ", name).c_str());
  }
  return fields;
}

Status Say(const Trouble& trouble) {
  if (!trouble) return {};
  std::string_view text = *trouble;
  if (text.starts_with('.')) text.remove_prefix(1);
  return Fail(ErrorCode::kInvalid, text.starts_with(':') ? Cat("message", text) : std::string(text));
}

namespace {

std::optional<std::string> UnknownIn(const Message& message, const std::string& path) {
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  const google::protobuf::UnknownFieldSet& unknown = reflection.GetUnknownFields(message);
  if (!unknown.empty()) return Cat(path, path.empty() ? "" : ".", "field ", unknown.field(0).number());
  std::vector<const FieldDescriptor*> set;
  reflection.ListFields(message, &set);
  for (const FieldDescriptor* field : set) {
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE || field->is_map()) continue;
    const std::string below = Cat(path, path.empty() ? "" : ".", std::string_view(field->name()));
    for (int i = 0; field->is_repeated() && i < reflection.FieldSize(message, field); ++i)
      if (auto found = UnknownIn(reflection.GetRepeatedMessage(message, field, i), below)) return found;
    if (field->is_repeated()) continue;
    if (auto found = UnknownIn(reflection.GetMessage(message, field), below)) return found;
  }
  return std::nullopt;
}

}  // namespace

}  // namespace everstep::wire

namespace everstep {

std::optional<std::string> UnknownField(const google::protobuf::Message& message) { return wire::UnknownIn(message, {}); }

}  // namespace everstep
