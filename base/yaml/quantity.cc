#include "base/yaml/quantity.h"

#include <array>
#include <limits>

#include "base/text.h"

namespace everstep {

namespace {

struct Unit {
  std::string_view name;
  std::int64_t base;  // nanoseconds, or bytes
};
constexpr std::array<Unit, 7> kTimes{{{"d", 86'400'000'000'000},
                                      {"h", 3'600'000'000'000},
                                      {"min", 60'000'000'000},
                                      {"s", 1'000'000'000},
                                      {"ms", 1'000'000},
                                      {"us", 1'000},
                                      {"ns", 1}}};
constexpr std::array<Unit, 9> kSizes{{{"TiB", 1ll << 40},
                                      {"GiB", 1ll << 30},
                                      {"MiB", 1ll << 20},
                                      {"KiB", 1ll << 10},
                                      {"TB", 1'000'000'000'000},
                                      {"GB", 1'000'000'000},
                                      {"MB", 1'000'000},
                                      {"kB", 1'000},
                                      {"B", 1}}};

// What people write instead, with what we would like to read.
struct Habit {
  std::string_view wrote, write;
};
constexpr std::array<Habit, 12> kHabits{{{"m", "min"},
                                         {"M", "MiB"},
                                         {"sec", "s"},
                                         {"seconds", "s"},
                                         {"minutes", "min"},
                                         {"hours", "h"},
                                         {"hr", "h"},
                                         {"days", "d"},
                                         {"K", "KiB"},
                                         {"G", "GiB"},
                                         {"KB", "kB"},
                                         {"T", "TiB"}}};

template <std::size_t N>
const Unit* Find(const std::array<Unit, N>& units, std::string_view name) {
  for (const Unit& unit : units)
    if (unit.name == name) return &unit;
  return nullptr;
}

// "1.5" × base, exact, or nullopt: overflow, a remainder, or more digits than a fraction may have.
std::optional<std::int64_t> Times(std::string_view number, std::int64_t base) {
  const std::size_t dot = number.find('.');
  const std::string_view fraction = dot == std::string_view::npos ? std::string_view("0") : number.substr(dot + 1);
  const auto whole = ParseUnsigned(number.substr(0, dot)), part = ParseUnsigned(fraction);
  if (!whole || !part || fraction.size() > 9) return std::nullopt;
  std::int64_t scale = 1;
  for (std::size_t i = 0; i < fraction.size(); ++i) scale *= 10;
  std::int64_t value = 0, rest = 0;
  if (*whole > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return std::nullopt;
  if (__builtin_mul_overflow(static_cast<std::int64_t>(*whole), base, &value)) return std::nullopt;
  if (__builtin_mul_overflow(static_cast<std::int64_t>(*part), base, &rest) || rest % scale != 0) return std::nullopt;
  if (__builtin_add_overflow(value, rest / scale, &value)) return std::nullopt;
  return value;
}

template <std::size_t N>
Result<std::int64_t> Parse(std::string_view text, const std::array<Unit, N>& units, std::string_view usual) {
  const std::string found = Cat('"', Clip(Printable(text), 60), '"');
  const std::size_t digits = text.find_first_not_of("0123456789.");
  const std::string_view number = text.substr(0, digits);
  if (number.empty()) return Fail(ErrorCode::kInvalid, found);
  if (digits == std::string_view::npos) return Fail(ErrorCode::kInvalid, found, Cat("write a unit: ", number, usual));
  const std::string_view name = Trim(text.substr(digits));
  const Unit* unit = Find(units, name);
  if (!unit) {
    for (const Habit& habit : kHabits)
      if (habit.wrote == name && Find(units, habit.write))
        return Fail(ErrorCode::kInvalid, found, Cat("write ", number, habit.write));
    return Fail(ErrorCode::kInvalid, found);
  }
  if (name.data() != text.data() + digits) return Fail(ErrorCode::kInvalid, found, Cat("write ", number, name));
  if (const auto value = Times(number, unit->base)) return *value;
  return Fail(ErrorCode::kInvalid, found);
}

}  // namespace

Result<Duration> ParseDuration(std::string_view text) {
  EVERSTEP_ASSIGN(const std::int64_t ns, Parse(text, kTimes, "s"));
  return Duration(ns);
}

Result<std::uint64_t> ParseSize(std::string_view text) {
  EVERSTEP_ASSIGN(const std::int64_t bytes, Parse(text, kSizes, "MiB"));
  return static_cast<std::uint64_t>(bytes);
}

std::string WriteDuration(Duration d) {
  const std::int64_t ns = d.count();
  if (ns == 0) return "0s";
  if (ns > 1'000'000'000 && ns % 1'000'000'000 != 0 && ns % 100'000'000 == 0)  // 3.3s reads better than 3300ms
    return Cat(ns / 1'000'000'000, '.', ns / 100'000'000 % 10, 's');
  for (const Unit& unit : kTimes)
    if (ns % unit.base == 0) return Cat(ns / unit.base, unit.name);
  return {};
}

std::string WriteSize(std::uint64_t bytes) {
  if (bytes == 0) return "0B";
  for (const Unit& unit : kSizes)
    if (bytes % static_cast<std::uint64_t>(unit.base) == 0)
      return Cat(bytes / static_cast<std::uint64_t>(unit.base), unit.name);
  return {};
}

}  // namespace everstep
