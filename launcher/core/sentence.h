// The sentences that facts carry: one line, printable, at most limit::kWhyBytes, however long and strange the words of hosts,
// scripts and users in them are. What Everstep itself says comes whole: foreign words are cut first.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/messages.h"
#include "base/text.h"

namespace everstep {

// `text` as one printable line of at most `bytes_max` bytes.
std::string OneLine(std::string_view text, std::size_t bytes_max);

template <class... Parts>
std::string Sentence(const Parts&... parts) {
  return OneLine(Cat(parts...), limit::kWhyBytes);
}

// What a host, a script or a user said, short enough to stand inside a sentence.
inline std::string Said(std::string_view words) { return OneLine(words, 300); }

// "ann@login1", or "an unknown user".
inline std::string Who(std::string_view by) { return by.empty() ? "an unknown user" : OneLine(by, 100); }

// "n1, n2 and n3"; many: "n1, n2, … and 92 more".
std::string NamesOf(const std::vector<NodeId>& nodes);

// "a; b; c"; many: the first eight "and 92 more".
std::string FirstOf(std::vector<std::string> parts, std::string_view between = "; ");

}  // namespace everstep
