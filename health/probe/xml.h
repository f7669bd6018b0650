// XML as programs print it: elements, attributes and text as a tree. No namespaces, no DTD, and no entities but the five that
// every text has.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace everstep::health {

struct XmlElement {
  std::string name{};
  std::map<std::string, std::string> attributes{};
  std::string text{};  // without that of the elements in it, trimmed
  std::vector<XmlElement> children{};

  // The first child of that name, its child and so on: At("pci/replay_counter"). nullptr: there is none.
  const XmlElement* At(std::string_view path) const;
  // Its text; empty: there is none.
  std::string TextAt(std::string_view path) const;
};

// The outermost element. kInvalid: it is none, with what was found at which byte. Cost: linear.
Result<XmlElement> ParseXml(std::string_view text);

}  // namespace everstep::health
