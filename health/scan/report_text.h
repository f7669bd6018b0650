// A scan's report as people, programs and Nagios read it.
#pragma once

#include <string>

#include "health/core/alarms.h"
#include "health/scan/scan.h"

namespace everstep::health {

// What is bad first, with evidence and what to do; what could not be read, gathered by reason; then one line of counts. `all`:
// every check, also the good ones and those that do not apply.
std::string ReportText(const ScanReport& report, bool all);

// A line of JSON for each verdict:
// {"v":1,"host","check","scope","status","value","limit","why","evidence","remedy","action"}, and "measured" where hosts are
// compared by a number
std::string ReportJson(const ScanReport& report, const std::string& host);

// An alarm that was raised or is over, as a line of JSON:
// {"v":1,"host","raised","check","scope","status","value","limit","why","evidence","remedy","action","looks"}
std::string AlarmJson(const AlarmChange& change, const std::string& host);

// One line, "HEALTH CRITICAL - 2 checks fail: gpu.count, …", and its exit code.
std::string ReportNagios(const ScanReport& report);
inline constexpr int kNagiosOk = 0, kNagiosWarning = 1, kNagiosCritical = 2, kNagiosUnknown = 3;
int NagiosCode(const ScanReport& report);

}  // namespace everstep::health
