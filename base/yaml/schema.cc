#include "base/yaml/schema.h"

#include "base/text.h"

namespace everstep::yaml {

std::string JsonQuote(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') out += '\\';
    if (byte < 0x20)
      out += Cat("\\u00", kHex[byte >> 4], kHex[byte & 15]);
    else
      out += c;
  }
  return out + '"';
}

std::string TextSchema(std::string_view pattern) {
  return pattern.empty() ? "{\"type\":\"string\"}" : Cat("{\"type\":\"string\",\"pattern\":", JsonQuote(pattern), '}');
}
std::string AnyScalarSchema() { return "{\"type\":[\"string\",\"number\",\"boolean\"]}"; }
std::string IntegerSchema(std::uint64_t min, std::uint64_t max) {
  // Quotes around it do not matter to the reader, so they must not to an editor: what fills in templates often writes them.
  return Cat("{\"type\":[\"integer\",\"string\"],\"minimum\":", min, ",\"maximum\":", max, ",\"pattern\":\"^[0-9]+$\"}");
}
std::string BoolSchema() { return "{\"type\":\"boolean\"}"; }
std::string WordsSchema(const std::vector<std::string>& words) {
  std::vector<std::string> quoted;
  for (const std::string& word : words) quoted.push_back(JsonQuote(word));
  return Cat("{\"enum\":[", Join(quoted, ","), "]}");
}
std::string DurationSchema() { return TextSchema("^[0-9]+(\\.[0-9]+)?(d|h|min|s|ms|us|ns)$"); }
std::string SizeSchema() { return TextSchema("^[0-9]+(\\.[0-9]+)?((Ti|Gi|Mi|Ki|T|G|M|k)?B)$"); }
std::string ListSchema(std::string_view item, std::size_t items_max) {
  return Cat("{\"type\":\"array\",\"maxItems\":", items_max, item.empty() ? "" : Cat(",\"items\":", item), '}');
}
std::string MapSchema(std::string_view value) {
  return Cat("{\"type\":\"object\"", value.empty() ? "" : Cat(",\"additionalProperties\":", value), '}');
}
std::string AnyOfSchema(const std::vector<std::string>& schemas) {
  std::vector<std::string> said;
  for (const std::string& schema : schemas) said.push_back(schema.empty() ? "true" : schema);
  return Cat("{\"anyOf\":[", Join(said, ","), "]}");
}

std::string ObjectSchema(const std::vector<SchemaProperty>& properties) {
  std::vector<std::string> parts, required;
  for (const SchemaProperty& property : properties) {
    std::string body = property.schema.size() > 2 ? property.schema.substr(1) : "}";  // "{}" and nothing: any value
    if (!property.about.empty()) body = Cat("\"description\":", JsonQuote(property.about), body == "}" ? "" : ",", body);
    parts.push_back(Cat(JsonQuote(property.name), ":{", body));
    if (property.required) required.push_back(JsonQuote(property.name));
  }
  return Cat("{\"type\":\"object\",\"additionalProperties\":false,",
             required.empty() ? "" : Cat("\"required\":[", Join(required, ","), "],"), "\"properties\":{", Join(parts, ","),
             "}}");
}

std::string PrettySchema(std::string_view title, std::string_view schema) {
  const std::string draft = Cat("http:", "//json-schema.org/draft-07/schema#");
  const std::string text = Cat("{\"$schema\":", JsonQuote(draft), ",\"title\":", JsonQuote(title), ",", schema.substr(1));
  std::string out, indent = "\n";
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    out += c;
    if (quoted) {
      if (c == '\\') out += text[++i];
      quoted = text[i] != '"' || c == '\\';
    } else if (c == '"') {
      quoted = true;
    } else if (c == '{' || c == '[') {
      const bool empty = text[i + 1] == '}' || text[i + 1] == ']';
      indent += "  ";
      if (!empty) out += indent;
    } else if (c == ',') {
      out += indent;
    } else if (c == ':') {
      out += ' ';
    }
    const char next = i + 1 < text.size() ? text[i + 1] : '\n';
    if (quoted || (next != '}' && next != ']')) continue;
    indent.resize(indent.size() - 2);
    if (c != '{' && c != '[') out += indent;
  }
  return out + '\n';
}

}  // namespace everstep::yaml
