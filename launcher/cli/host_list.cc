#include "launcher/cli/host_list.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "base/text.h"

namespace everstep {

namespace {

constexpr std::string_view kExample = "a list such as n[0-3,7]";
constexpr std::size_t kDigitsMax = 9;

std::string Padded(std::uint64_t value, std::size_t width) {
  const std::string digits = Cat(value);
  return std::string(width > digits.size() ? width - digits.size() : 0, '0') + digits;
}

// One text, read from the left.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  Result<std::vector<std::string>> Read() {
    std::vector<std::string> names;
    do {
      EVERSTEP_TRY(Item(names));
    } while (Take(','));
    if (at_ < text_.size()) return Bad("',' or the end");
    return names;
  }

 private:
  // Everything up to the next comma outside brackets: pieces of text and ranges in turns, all combined.
  Status Item(std::vector<std::string>& names) {
    std::vector<std::string> made{""};
    const std::size_t begin = at_;
    while (at_ < text_.size() && text_[at_] != ',' && text_[at_] != ']') {
      std::vector<std::string> pieces;
      if (Take('[')) {
        EVERSTEP_TRY(Ranges(pieces));
      } else {
        const std::size_t end = std::min(text_.find_first_of("[],", at_), text_.size());
        pieces.emplace_back(text_.substr(at_, end - at_));
        at_ = end;
      }
      if (names.size() + made.size() * pieces.size() > kHostListMax) return TooMany();
      std::vector<std::string> longer;
      for (const std::string& head : made)
        for (const std::string& piece : pieces) longer.push_back(head + piece);
      made = std::move(longer);
    }
    if (at_ == begin) return Bad("a name");
    names.insert(names.end(), made.begin(), made.end());
    return {};
  }

  // "0-3,7]"
  Status Ranges(std::vector<std::string>& pieces) {
    do {
      const std::size_t begin = at_;
      EVERSTEP_ASSIGN(const std::uint64_t first, Digits());
      const std::size_t width = at_ - begin;
      std::uint64_t last = first;
      if (Take('-')) {
        const std::size_t place = at_;
        EVERSTEP_ASSIGN(last, Digits());
        if (last < first) {
          at_ = place;
          return Bad(Cat("at least ", first));
        }
      }
      if (last - first >= kHostListMax - pieces.size()) return TooMany();
      for (std::uint64_t number = first; number <= last; ++number) pieces.push_back(Padded(number, width));
    } while (Take(','));
    if (!Take(']')) return Bad("',', '-' or ']'");
    return {};
  }

  Result<std::uint64_t> Digits() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && IsDigit(text_[at_])) ++at_;
    const auto number = ParseUnsigned(text_.substr(begin, at_ - begin));
    if (number && at_ - begin <= kDigitsMax) return *number;
    at_ = begin;
    return Bad(Cat("a number of at most ", kDigitsMax, " digits"));
  }

  bool Take(char c) {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  tl::unexpected<Error> Bad(std::string_view legal) const {
    const std::string found = at_ < text_.size() ? Cat('\'', Printable(text_.substr(at_, 1)), '\'') : "the end";
    return Fail(ErrorCode::kInvalid,
                Cat('"', Clip(Printable(text_), 80), "\": found ", found, " at character ", at_ + 1, ", legal: ", legal),
                Cat("write ", kExample));
  }
  tl::unexpected<Error> TooMany() const {
    return Fail(ErrorCode::kInvalid, Cat('"', Clip(Printable(text_), 80), "\": found more than ", kHostListMax, " names"));
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

// The last number in a name with what stands around it; no digits: there is none, or one too long to count with.
struct Parts {
  std::string head{}, digits{}, tail{};
};

Parts PartsOf(const std::string& name) {
  std::size_t end = name.size();
  while (end > 0 && !IsDigit(name[end - 1])) --end;
  std::size_t begin = end;
  while (begin > 0 && IsDigit(name[begin - 1])) --begin;
  if (begin == end || end - begin > kDigitsMax) return {.head = name};
  return {.head = name.substr(0, begin), .digits = name.substr(begin, end - begin), .tail = name.substr(end)};
}

bool Padded(const Parts& parts) { return parts.digits.size() > 1 && parts.digits.front() == '0'; }

std::string RangesText(const std::set<std::uint64_t>& numbers, std::size_t width) {
  std::vector<std::string> ranges;
  for (auto at = numbers.begin(); at != numbers.end();) {
    const std::uint64_t first = *at;
    std::uint64_t last = first;
    while (++at != numbers.end() && *at == last + 1) last = *at;
    ranges.push_back(first == last ? Padded(first, width) : Cat(Padded(first, width), '-', Padded(last, width)));
  }
  return Join(ranges, ",");
}

}  // namespace

Result<std::vector<std::string>> ExpandHostList(std::string_view text) { return ExpandHostLists({std::string(text)}); }

Result<std::vector<std::string>> ExpandHostLists(const std::vector<std::string>& texts) {
  std::vector<std::string> all;
  std::set<std::string> seen;
  for (const std::string& text : texts) {
    EVERSTEP_ASSIGN(std::vector<std::string> names, Reader(text).Read());
    for (std::string& name : names)
      if (seen.insert(name).second) all.push_back(std::move(name));
    if (all.size() > kHostListMax) return Fail(ErrorCode::kInvalid, Cat("found more than ", kHostListMax, " names"));
  }
  return all;
}

std::string FoldHostList(const std::vector<std::string>& names) {
  using Around = std::pair<std::string, std::string>;  // head, tail
  std::set<std::pair<Around, std::size_t>> padded;     // widths: 10 goes with 08 and 09, not with 8 and 9
  for (const std::string& name : names)
    if (const Parts parts = PartsOf(name); Padded(parts)) padded.insert({{parts.head, parts.tail}, parts.digits.size()});
  std::map<std::pair<Around, std::size_t>, std::set<std::uint64_t>> groups;
  for (const std::string& name : names) {
    const Parts parts = PartsOf(name);
    const Around around{parts.head, parts.tail};
    const bool by_width = padded.contains({around, parts.digits.size()});
    auto& numbers = groups[{around, by_width ? parts.digits.size() : 1}];
    if (const auto number = ParseUnsigned(parts.digits)) numbers.insert(*number);
  }
  std::vector<std::string> lists;
  for (const auto& [group, numbers] : groups) {
    const auto& [head, tail] = group.first;
    const bool one = numbers.size() <= 1;
    lists.push_back(Cat(head, one ? "" : "[", RangesText(numbers, group.second), one ? "" : "]", tail));
  }
  return Join(lists, ",");
}

Result<std::vector<std::uint32_t>> ExpandRankList(std::string_view text) {
  const std::string legal = Cat("found \"", Clip(Printable(text), 60), "\", legal: numbers such as 0,1 or 0-3");
  const auto words = ExpandHostList(Cat('[', text, ']'));
  if (!words) return Fail(ErrorCode::kInvalid, legal);
  std::vector<std::uint32_t> ranks;
  for (const std::string& word : *words) {
    const auto number = ParseUnsigned(word);
    if (!number || *number > UINT32_MAX) return Fail(ErrorCode::kInvalid, legal);
    ranks.push_back(static_cast<std::uint32_t>(*number));
  }
  return ranks;
}

}  // namespace everstep
