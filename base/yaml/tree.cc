#include "base/yaml/tree.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <optional>
#include <set>
#include <sstream>

#include "base/check.h"
#include "base/text.h"

namespace everstep::yaml {

namespace {

// Length of the UTF-8 sequence at the start of `s`; 0: not UTF-8 (too long a form and surrogates included).
std::size_t Utf8Length(std::string_view s) {
  const auto at = [&](std::size_t i) { return i < s.size() ? static_cast<unsigned char>(s[i]) : 0u; };
  const auto tail = [&](std::size_t i) { return (at(i) & 0xc0u) == 0x80u; };
  const unsigned lead = at(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead < 0xe0) return tail(1) ? 2 : 0;
  if (lead >= 0xe0 && lead < 0xf0) {
    const bool shortest = lead != 0xe0 || at(1) >= 0xa0, surrogate = lead == 0xed && at(1) >= 0xa0;
    return shortest && !surrogate && tail(1) && tail(2) ? 3 : 0;
  }
  if (lead < 0xf0 || lead > 0xf4) return 0;
  const bool in_range = (lead != 0xf0 || at(1) >= 0x90) && (lead != 0xf4 || at(1) < 0x90);
  return in_range && tail(1) && tail(2) && tail(3) ? 4 : 0;
}

// What is wrong with the bytes, before they are read as YAML.
std::optional<Problem> BadBytes(std::string_view text) {
  if (text.size() > kBytesMax)
    return Problem{.found = "more than 1 MiB", .legal = "at most 1 MiB", .next = "is it the right file?"};
  std::uint32_t line = 1, column = 1;
  const auto here = [&](std::string found, std::string next) {
    return Problem{.line = line, .column = column, .found = std::move(found), .next = std::move(next)};
  };
  while (!text.empty()) {
    const std::size_t length = Utf8Length(text);
    const auto c = static_cast<unsigned char>(text.front());
    if (length == 0) return here("bytes that are not UTF-8", "save the file as UTF-8");
    if (c == '\t') return here("a tab", "use spaces; inside a text write \"\\t\"");
    if ((c < 0x20 && c != '\n' && c != '\r') || c == 0x7f) return here("a control character", "remove it");
    column = c == '\n' ? 1 : column + 1;
    if (c == '\n') ++line;
    text.remove_prefix(length);
  }
  return std::nullopt;
}

// Builds the tree from the parser's events; stops listening at the first problem.
class Builder : public YAML::EventHandler {
 public:
  Node root{};
  std::optional<Problem> problem{};

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { Open(mark, "", anchor, Node::Kind::nothing, ""); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { Refuse(mark, Alias()); }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, const std::string& value) override {
    Open(mark, tag, anchor, Node::Kind::scalar, value);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Open(mark, tag, anchor, Node::Kind::list, "");
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    Open(mark, tag, anchor, Node::Kind::mapping, "");
  }
  void OnSequenceEnd() override { Close(); }
  void OnMapEnd() override { Close(); }

  static Problem Alias() {
    return {.found = "an alias (*)", .next = "write the value out; a text that begins with * needs quotes"};
  }

 private:
  // A list or mapping whose end has not been seen. In a mapping, keys and values come in turns.
  struct Frame {
    Node node{};
    std::set<std::string> keys{};
    std::optional<Node> key{};  // whose value comes next
  };

  void Refuse(const YAML::Mark& mark, Problem what) {
    if (problem) return;
    what.line = static_cast<std::uint32_t>(mark.line + 1);
    what.column = static_cast<std::uint32_t>(mark.column + 1);
    problem = std::move(what);
  }

  void Open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, Node::Kind kind, const std::string& text) {
    if (problem) return;
    if (anchor != 0) return Refuse(mark, {.found = "an anchor (&)", .next = "write the value out where it is needed"});
    if (tag.size() > 1) return Refuse(mark, {.found = Cat("the tag ", Clip(tag, 64)), .next = "leave it out"});
    if (frames_.size() >= kDepthMax)
      return Refuse(mark, {.found = "deeper nesting", .legal = Cat("at most ", kDepthMax, " levels")});
    Node node{.kind = kind,
              .quoted = kind == Node::Kind::scalar && tag == "!",
              .line = static_cast<std::uint32_t>(mark.line + 1),
              .column = static_cast<std::uint32_t>(mark.column + 1),
              .text = text};
    if (!frames_.empty() && frames_.back().node.kind == Node::Kind::mapping && !frames_.back().key)
      return Key(mark, std::move(node));
    Name(node);
    if (kind == Node::Kind::list || kind == Node::Kind::mapping)
      frames_.push_back({.node = std::move(node)});
    else
      Add(std::move(node));
  }

  void Key(const YAML::Mark& mark, Node node) {
    Frame& frame = frames_.back();
    if (node.kind != Node::Kind::scalar || node.text.empty())
      return Refuse(mark, {.key = frame.node.path, .found = Cat(node.Describe(), " as a key"), .legal = "a word"});
    if (!frame.keys.insert(node.text).second)
      return Refuse(mark, {.key = Path(frame, node.text), .found = "the key a second time", .next = "keep one of the two"});
    frame.key = std::move(node);
  }

  static std::string Path(const Frame& frame, std::string_view key) {
    const std::string name = Clip(Printable(key), 64);
    return frame.node.path.empty() ? name : Cat(frame.node.path, '.', name);
  }

  // Gives the node its path, and its key in a mapping.
  void Name(Node& node) {
    if (frames_.empty()) return;
    Frame& frame = frames_.back();
    if (frame.node.kind == Node::Kind::list) {
      node.path = Cat(frame.node.path, '[', frame.node.children.size(), ']');
      return;
    }
    node.key = frame.key->text;
    node.key_line = frame.key->line;
    node.key_column = frame.key->column;
    node.path = Path(frame, node.key);
    if (node.kind == Node::Kind::nothing) {  // the parser saw it at the next token, lines below
      node.line = node.key_line;
      node.column = node.key_column;
    }
    frame.key.reset();
  }

  void Add(Node node) {
    if (frames_.empty())
      root = std::move(node);
    else
      frames_.back().node.children.push_back(std::move(node));
  }

  void Close() {
    if (problem) return;
    Node done = std::move(frames_.back().node);
    frames_.pop_back();
    Add(std::move(done));
  }

  std::vector<Frame> frames_{};
};

// The parser's own words, where they help nobody, with what usually is meant.
Problem Explain(const YAML::Exception& e) {
  Problem problem{.line = static_cast<std::uint32_t>(e.mark.line + 1), .column = static_cast<std::uint32_t>(e.mark.column + 1)};
  const std::string_view said = e.msg;
  if (said.find("anchor is not defined") != std::string_view::npos) {
    problem.found = Builder::Alias().found;
    problem.next = Builder::Alias().next;
    return problem;
  }
  problem.found = Cat("text that is not YAML (", said, ")");
  if (said == "illegal map value") problem.next = "a text that holds `: ` needs quotes";
  if (said == "unknown token") problem.next = "a text that begins with @, ` or % needs quotes";
  if (said.find("end of map not found") != std::string_view::npos)
    problem.next = "keys of one level begin in the same column; text goes after `key: `";
  if (said.find("flow not found") != std::string_view::npos) problem.next = "close the bracket, or quote the text before it";
  return problem;
}

}  // namespace

const Node* Node::Find(std::string_view name) const {
  for (const Node& child : children)
    if (kind == Kind::mapping && child.key == name) return &child;
  return nullptr;
}

// Lines of a block become one: each problem is a line.
static std::string OneLine(std::string_view text) { return Join(Split(Printable(Clip(text, 60)), '\n'), "\\n"); }

std::string Node::Describe() const {
  switch (kind) {
    case Kind::nothing: return "nothing";
    case Kind::scalar: return Cat('"', OneLine(text), '"');
    case Kind::list: return "a list";
    case Kind::mapping: return "a mapping";
  }
  return "nothing";
}

tl::expected<Node, Problem> Parse(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);  // a byte order mark, from Windows editors
  if (auto bad = BadBytes(text)) return tl::unexpected(*std::move(bad));
  std::istringstream stream{std::string(text)};
  Builder builder;
  try {  // yaml-cpp throws; nothing of it leaves this function
    YAML::Parser parser(stream);
    if (!parser.HandleNextDocument(builder))
      return tl::unexpected(Problem{.found = "an empty file", .next = "write at least one `key: value`"});
    if (builder.problem) return tl::unexpected(*std::move(builder.problem));
    Builder second;
    if (parser.HandleNextDocument(second))
      return tl::unexpected(Problem{.line = second.root.line,
                                    .column = second.root.column,
                                    .found = "a second document",
                                    .next = "one file, one document: remove what follows `---`"});
  } catch (const YAML::Exception& e) {
    return tl::unexpected(builder.problem ? *std::move(builder.problem) : Explain(e));
  }
  if (builder.root.kind == Node::Kind::nothing)
    return tl::unexpected(Problem{.found = "an empty file", .next = "write at least one `key: value`"});
  return std::move(builder.root);
}

Error WithPlace(Error error, const Node& root, std::string_view file) {
  const std::string_view path = std::string_view(error.message).substr(0, error.message.find(": "));
  const Node* node = &root;
  for (bool deeper = true; deeper;) {  // down the path, as far as the file has it
    deeper = false;
    for (const Node& child : node->children)
      if (path.starts_with(child.path) &&
          (path.size() == child.path.size() || path[child.path.size()] == '.' || path[child.path.size()] == '[')) {
        node = &child;
        deeper = true;
        break;
      }
  }
  const bool entry = !node->key.empty();
  error.message =
      Cat(file, ':', entry ? node->key_line : node->line, ':', entry ? node->key_column : node->column, ": ", error.message);
  return error;
}

}  // namespace everstep::yaml
