#include "base/password_url.h"

namespace everstep {

namespace {

bool Letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// `rest` follows "://": user:password@ up to where a host name could no longer go on.
bool BeginsWithPassword(std::string_view rest) {
  const std::string_view authority = rest.substr(0, rest.find_first_of("/?# \t\r\n\"'"));
  const std::string_view user = authority.substr(0, authority.rfind('@'));
  if (user.size() == authority.size()) return false;  // no '@'
  const std::size_t colon = user.find(':');
  return colon != std::string_view::npos && colon + 1 < user.size();
}

}  // namespace

bool HoldsPasswordUrl(std::string_view value) {
  constexpr std::string_view kMark = "://";
  for (std::size_t at = value.find(kMark); at != std::string_view::npos; at = value.find(kMark, at + kMark.size())) {
    const bool scheme = at > 0 && (Letter(value[at - 1]) || (value[at - 1] >= '0' && value[at - 1] <= '9'));
    if (scheme && BeginsWithPassword(value.substr(at + kMark.size()))) return true;
  }
  return false;
}

}  // namespace everstep
