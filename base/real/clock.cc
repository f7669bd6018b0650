#include "base/real/clock.h"

#include <ctime>

#include "base/check.h"

namespace everstep {

namespace {
std::int64_t Read(clockid_t clock) {
  timespec now{};
  Check(clock_gettime(clock, &now) == 0, "the kernel has CLOCK_BOOTTIME and CLOCK_REALTIME");
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}
}  // namespace

Time RealClock::Now() { return AtNanoseconds(Read(CLOCK_BOOTTIME)); }
WallTime RealClock::Wall() { return WallTime{Read(CLOCK_REALTIME)}; }

}  // namespace everstep
