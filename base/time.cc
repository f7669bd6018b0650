#include "base/time.h"

#include "base/text.h"

namespace everstep {

namespace {
// `ns` in units of `unit` with one decimal, dropped when it is 0 or the number has two digits.
std::string Decimal(std::int64_t ns, std::int64_t unit) {
  const std::int64_t tenths = (ns * 10 + unit / 2) / unit;
  if (tenths >= 100 || tenths % 10 == 0) return Cat((tenths + (tenths >= 100 ? 5 : 0)) / 10);
  return Cat(tenths / 10, '.', tenths % 10);
}
std::string Two(std::int64_t big, std::string_view big_unit, std::int64_t small, std::string_view small_unit) {
  if (small == 0) return Cat(big, ' ', big_unit);
  return Cat(big, ' ', big_unit, ' ', small, ' ', small_unit);
}
}  // namespace

std::string Show(Duration d) {
  const std::int64_t ns = d.count();
  if (ns < 0) return Cat('-', Show(-d));
  if (ns == 0) return "0 s";
  constexpr std::int64_t kMs = 1'000'000, kS = 1000 * kMs;
  if (ns < 1000) return Cat(ns, " ns");
  if (ns < kMs) return Cat(Decimal(ns, 1000), " us");
  if (ns < kS) return Cat(Decimal(ns, kMs), " ms");
  if (ns < 60 * kS) return Cat(Decimal(ns, kS), " s");
  const std::int64_t s = ns / kS;
  if (s < 3600) return Two(s / 60, "min", s % 60, "s");
  if (s < 86400) return Two(s / 3600, "h", s % 3600 / 60, "min");
  return Two(s / 86400, "d", s % 86400 / 3600, "h");
}

}  // namespace everstep
