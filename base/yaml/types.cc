#include "base/yaml/types.h"

#include <algorithm>
#include <array>

#include "base/ids.h"
#include "base/messages.h"
#include "base/yaml/quantity.h"

namespace everstep::yaml {

namespace {

// Words that one YAML reader takes as text and another as true, false or nothing.
constexpr std::array<std::string_view, 10> kAmbiguous{"no", "yes", "on", "off", "true", "false", "null", "n", "y", "~"};

bool Ambiguous(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return std::find(kAmbiguous.begin(), kAmbiguous.end(), lower) != kAmbiguous.end();
}

// Would the bare text read as something else, or not at all?
bool NeedsQuotes(std::string_view text) {
  if (text.empty() || Ambiguous(text) || text.front() == ' ' || text.back() == ' ' || text.back() == ':') return true;
  if (std::string_view("-?:,[]{}#&*!|>'\"%@`").find(text.front()) != std::string_view::npos) return true;
  if (text.find(": ") != std::string_view::npos || text.find(" #") != std::string_view::npos) return true;
  return std::any_of(text.begin(), text.end(), [](char c) {
    return std::string_view(",[]{}\"\\").find(c) != std::string_view::npos || static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
}

std::string Escaped(char c) {
  switch (c) {
    case '"': return "\\\"";
    case '\\': return "\\\\";
    case '\n': return "\\n";
    case '\t': return "\\t";
    case '\r': return "\\r";
    default: break;
  }
  const auto byte = static_cast<unsigned char>(c);
  constexpr std::string_view kHex = "0123456789abcdef";
  if (byte < 0x20 || byte == 0x7f) return Cat("\\x", kHex[byte >> 4], kHex[byte & 15]);
  return std::string(1, c);
}

// A text of at most `bytes_max` bytes, or the reason why it is not.
std::optional<std::string> ReadText(const Node& node, Problems& problems, std::string_view legal) {
  if (node.kind == Node::Kind::scalar) return node.text;
  std::string next;
  if (node.kind == Node::Kind::nothing) next = "write \"\" for an empty text, \"null\" for that word";
  const bool placeholder =
      node.kind == Node::Kind::mapping && node.children.size() == 1 && node.children.front().kind == Node::Kind::nothing;
  if (placeholder) next = Cat("quote it: \"{", Printable(node.children.front().key), "}\"");
  Refuse(node, problems, legal, next);
  return std::nullopt;
}

std::string WhyNoPath(std::string_view text) {
  if (text.starts_with('~')) return "write the path out: ~ is the shell's";
  if (text.starts_with('$')) return "write the path out: variables are the shell's";
  return {};
}

bool GoodPath(std::string_view text) {
  return !text.empty() && text.size() <= limit::kPathBytes && text.find('\0') == std::string_view::npos &&
         WhyNoPath(text).empty();
}

}  // namespace

void Refuse(const Node& node, Problems& problems, std::string_view legal, std::string next) {
  problems.push_back({.line = node.line,
                      .column = node.column,
                      .key = node.path,
                      .found = node.Describe(),
                      .legal = std::string(legal),
                      .next = std::move(next)});
}

std::string WriteText(std::string_view text) {
  if (!NeedsQuotes(text)) return std::string(text);
  std::string out = "\"";
  for (const char c : text) out += Escaped(c);
  return out + '"';
}

Type<std::string> Text() {
  const std::string legal = "a text";
  return {.legal = legal,
          .read = [legal](const Node& node, Problems& problems) { return ReadText(node, problems, legal); },
          .write = [](const std::string& text) { return WriteText(text); },
          .schema = AnyScalarSchema()};
}

Type<std::string> Name() {
  const std::string legal = "1 to 63 of a-z, 0-9 and '-', not at either end";
  return {.legal = legal,
          .read = [legal](const Node& node, Problems& problems) -> std::optional<std::string> {
            if (node.kind == Node::Kind::scalar && !node.quoted && Ambiguous(node.text))
              return Refuse(node, problems, legal, Cat("put the name into quotes: \"", node.text, '"')), std::nullopt;
            if (node.kind == Node::Kind::scalar && ValidName(node.text)) return node.text;
            return Refuse(node, problems, legal), std::nullopt;
          },
          .write = [](const std::string& text) { return WriteText(text); },
          .schema = TextSchema("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")};
}

Type<std::string> Path() {
  return Scalar<std::string>(
      "a path",
      [](std::string_view text) -> tl::expected<std::string, std::string> {
        if (GoodPath(text)) return std::string(text);
        return tl::unexpected(WhyNoPath(text));
      },
      [](const std::string& text) { return WriteText(text); }, TextSchema("^[^~$]"));
}

Type<std::string> OrEmpty(Type<std::string> type) {
  return AnyOf<std::string>({{[](const std::string& text) { return !text.empty(); }, std::move(type)},
                             {[](const std::string& text) { return text.empty(); }, Word<std::string>("", "")}});
}

Type<std::string> HostPort() {
  return Scalar<std::string>(
      "HOST:PORT such as 10.0.0.1:7450",
      [](std::string_view text) -> tl::expected<std::string, std::string> {
        const std::size_t colon = text.rfind(':');
        if (colon == std::string_view::npos) return tl::unexpected(std::string("add a port"));
        const auto port = ParseUnsigned(text.substr(colon + 1));
        const std::string_view host = text.substr(0, colon);
        const bool bare_v6 = host.find(':') != std::string_view::npos && !(host.starts_with('[') && host.ends_with(']'));
        if (bare_v6) return tl::unexpected(std::string("put an IPv6 address into brackets: [::1]:7450"));
        if (host.empty() || host.size() > 255 || host.find_first_of(" /@") != std::string_view::npos || !port || *port > 65535)
          return tl::unexpected(std::string());
        return std::string(text);
      },
      [](const std::string& text) { return WriteText(text); }, TextSchema(":[0-9]+$"));
}

Type<bool> Bool() {
  return Scalar<bool>(
      "true or false",
      [](std::string_view text) -> tl::expected<bool, std::string> {
        if (text == "true" || text == "false") return text == "true";
        for (const std::string_view yes : {"yes", "on", "True", "TRUE", "y", "Yes", "1"})
          if (text == yes) return tl::unexpected(std::string("write true"));
        for (const std::string_view no : {"no", "off", "False", "FALSE", "n", "No", "0"})
          if (text == no) return tl::unexpected(std::string("write false"));
        return tl::unexpected(std::string());
      },
      [](const bool& value) { return std::string(value ? "true" : "false"); }, BoolSchema());
}

Type<Duration> DurationBetween(Duration min, Duration max) {
  return Scalar<Duration>(
      Cat(WriteDuration(min), " to ", WriteDuration(max)),
      [min, max](std::string_view text) -> tl::expected<Duration, std::string> {
        const auto value = ParseDuration(text);
        if (!value) return tl::unexpected(value.error().hint);
        if (*value < min || *value > max) return tl::unexpected(std::string());
        return *value;
      },
      [](const Duration& value) { return WriteDuration(value); }, DurationSchema());
}

Type<std::uint64_t> SizeBetween(std::uint64_t min, std::uint64_t max) {
  return Scalar<std::uint64_t>(
      Cat(WriteSize(min), " to ", WriteSize(max)),
      [min, max](std::string_view text) -> tl::expected<std::uint64_t, std::string> {
        const auto value = ParseSize(text);
        if (!value) return tl::unexpected(value.error().hint);
        if (*value < min || *value > max) return tl::unexpected(std::string());
        return *value;
      },
      [](const std::uint64_t& value) { return WriteSize(value); }, SizeSchema());
}

std::string LegalOf(const std::vector<std::string>& legals) {
  const bool choice = !legals.empty() && legals.back().find(" or ") != std::string::npos;
  return choice ? Join(legals, ", ") : Join(legals, ", ", " or ");
}

}  // namespace everstep::yaml
