#include "health/probe/xml.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"

namespace everstep::health {

namespace {

constexpr int kDepthMax = 32;
constexpr std::string_view kBlank = " \t\r\n";

std::string Unquoted(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, char>, 5> kEntities = {std::pair("&amp;", '&'), std::pair("&lt;", '<'),
                                                                          std::pair("&gt;", '>'), std::pair("&quot;", '"'),
                                                                          std::pair("&apos;", '\'')};
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    bool found = false;
    for (const auto& [entity, c] : kEntities) {
      if (!text.substr(i).starts_with(entity)) continue;
      out += c;
      i += entity.size();
      found = true;
      break;
    }
    if (!found) out += text[i++];
  }
  return out;
}

class XmlReader {
 public:
  explicit XmlReader(std::string_view text) : text_(text) {}

  Result<XmlElement> Whole() {
    EVERSTEP_TRY(SkipOther());
    EVERSTEP_ASSIGN(XmlElement element, Element(0));
    EVERSTEP_TRY(SkipOther());
    if (at_ != text_.size()) return Bad("the end");
    return element;
  }

 private:
  tl::unexpected<Error> Bad(std::string_view expected) const {
    return Fail(ErrorCode::kInvalid, Cat("no XML: expected ", expected, " at byte ", at_));
  }
  bool Take(std::string_view what) {
    if (!text_.substr(at_).starts_with(what)) return false;
    at_ += what.size();
    return true;
  }
  void SkipBlank() { at_ = std::min(text_.find_first_not_of(kBlank, at_), text_.size()); }

  // Blanks, <?…?>, <!DOCTYPE …> and comments.
  Status SkipOther() {
    for (;;) {
      SkipBlank();
      const std::string_view rest = text_.substr(at_);
      const char* end = rest.starts_with("<!--") ? "-->"
                        : rest.starts_with("<?") ? "?>"
                        : rest.starts_with("<!") ? ">"
                                                 : nullptr;
      if (!end) return {};
      const std::size_t close = text_.find(end, at_);
      if (close == std::string_view::npos) return Bad(end);
      at_ = close + std::string_view(end).size();
    }
  }

  std::string Name() {
    const std::size_t end = std::min(text_.find_first_of(" \t\r\n/>=<", at_), text_.size());
    const std::size_t begin = std::exchange(at_, end);
    return std::string(text_.substr(begin, end - begin));
  }

  // Up to its '>'. true: it was "/>", so that nothing is in it.
  Result<bool> Head(XmlElement& element) {
    if (!Take("<")) return Bad("an element");
    element.name = Name();
    if (element.name.empty()) return Bad("a name");
    for (;;) {
      SkipBlank();
      if (Take("/>")) return true;
      if (Take(">")) return false;
      const std::string key = Name();
      if (key.empty() || !Take("=")) return Bad("an attribute");
      const char quote = at_ < text_.size() ? text_[at_] : ' ';
      const std::size_t close = quote == '"' || quote == '\'' ? text_.find(quote, at_ + 1) : std::string_view::npos;
      if (close == std::string_view::npos) return Bad("a quoted value");
      element.attributes[key] = Unquoted(text_.substr(at_ + 1, close - at_ - 1));
      at_ = close + 1;
    }
  }

  Result<XmlElement> Element(int depth) {
    XmlElement element;
    if (depth > kDepthMax) return Bad("fewer elements in one another");
    EVERSTEP_ASSIGN(const bool empty, Head(element));
    for (std::string text; !empty;) {
      const std::size_t next = text_.find('<', at_);
      if (next == std::string_view::npos) return Bad(Cat("</", element.name, '>'));
      const std::size_t begin = std::exchange(at_, next);
      text += text_.substr(begin, next - begin);
      if (Take("</")) {
        if (Name() != element.name) return Bad(Cat("</", element.name, '>'));
        SkipBlank();
        if (!Take(">")) return Bad(">");
        element.text = Unquoted(Trim(text));
        break;
      }
      EVERSTEP_TRY(SkipOther());
      if (text_.substr(at_).starts_with("</")) continue;
      if (at_ < text_.size() && text_[at_] != '<') continue;
      EVERSTEP_ASSIGN(XmlElement child, Element(depth + 1));
      element.children.push_back(std::move(child));
    }
    return element;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

const XmlElement* XmlElement::At(std::string_view path) const {
  const XmlElement* at = this;
  for (const std::string& step : Split(path, '/')) {
    const XmlElement* found = nullptr;
    for (const XmlElement& child : at->children)
      if (!found && child.name == step) found = &child;
    if (!found) return nullptr;
    at = found;
  }
  return at;
}

std::string XmlElement::TextAt(std::string_view path) const {
  const XmlElement* found = At(path);
  return found ? found->text : std::string();
}

Result<XmlElement> ParseXml(std::string_view text) { return XmlReader(text).Whole(); }

}  // namespace everstep::health
