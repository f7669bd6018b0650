#include "launcher/cli/when.h"

#include <array>
#include <ctime>
#include <string>

#include "base/text.h"
#include "base/yaml/quantity.h"

namespace everstep {

namespace {

constexpr const char* kLegal =
    "a length such as 90s, 10min or 2h, or a time such as 10:30, 2026-11-26 10:30 or 2026-11-26T10:30:00Z";
constexpr std::int64_t kSecond = 1'000'000'000;

std::tm LocalDay(WallTime now) {
  const std::time_t seconds = now.ns / kSecond;
  std::tm day{};
  localtime_r(&seconds, &day);
  day.tm_hour = day.tm_min = day.tm_sec = 0;
  return day;
}

// Takes what `format` describes off the front of `text`; false: it is not there.
bool Take(std::string& text, const char* format, std::tm& time) {
  std::tm taken = time;  // strptime leaves half of it changed where it fails
  const char* end = ::strptime(text.c_str(), format, &taken);
  if (end == nullptr) return false;
  time = taken;
  text.erase(0, static_cast<std::size_t>(end - text.c_str()));
  return true;
}

// ".123456789"; json output has it, and a second is as fine as logs are timed.
void DropFraction(std::string& text) {
  if (!text.starts_with('.')) return;
  text.erase(0, std::min(text.find_first_not_of("0123456789", 1), text.size()));
}

}  // namespace

Result<When> ParseWhen(std::string_view text, WallTime now) {
  if (const Result<Duration> ago = ParseDuration(text); ago && *ago >= Duration(0)) return When{.ago = *ago};
  const auto bad = [text](const std::string& hint) {
    return Fail(ErrorCode::kInvalid, Cat("found \"", Clip(Printable(text), 60), "\", legal: ", kLegal), hint);
  };
  std::string rest(text);
  std::tm time = LocalDay(now);
  const bool day = Take(rest, "%Y-%m-%d", time);
  if (day && (rest.starts_with('T') || rest.starts_with(' '))) rest.erase(0, 1);
  if (!day && rest.find(':') == std::string::npos) return bad(ParseDuration(text) ? "" : ParseDuration(text).error().hint);
  if (!rest.empty() && !Take(rest, "%H:%M:%S", time) && !Take(rest, "%H:%M", time)) return bad({});
  DropFraction(rest);
  if (rest == "Z" && day) return When{.at = WallTime{::timegm(&time) * kSecond}};
  if (!rest.empty()) return bad({});
  time.tm_isdst = -1;
  return When{.at = WallTime{::mktime(&time) * kSecond}};
}

}  // namespace everstep
