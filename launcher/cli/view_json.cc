#include "launcher/cli/view_json.h"

#include <array>
#include <ctime>

#include "base/text.h"

namespace everstep {

std::string Rfc3339(WallTime at) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  const std::int64_t below = (at.ns % kSecond + kSecond) % kSecond;
  const std::time_t seconds = (at.ns - below) / kSecond;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  std::array<char, 64> text{};
  const std::size_t length = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S.", &utc);
  const std::string digits = Cat(below);
  return Cat(std::string_view(text.data(), length), std::string(9 - digits.size(), '0'), digits, 'Z');
}

}  // namespace everstep
