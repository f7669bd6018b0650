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

}  // namespace everstep::wire
