// A scan's report as people, programs and Nagios read it.
#pragma once

#include <string>

#include "health/core/alarms.h"
#include "health/scan/scan.h"

namespace everstep::health {

// What is bad first, with evidence and what to do; what could not be read, gathered by reason; then one line of counts. `all`:
// every check, also the good ones and those that do not apply.
// Cut at a line within `bytes_max`, and then says so; the counts are always there.
inline constexpr std::size_t kReportBytesMax = 1u << 20;
std::string ReportText(const ScanReport& report, bool all, std::size_t bytes_max = kReportBytesMax);

// A line of JSON for each verdict:
// {"v":1,"host","check","scope","status","value","limit","why","evidence","remedy","action"}, and "measured" where hosts are
// compared by a number. Where they are more than `bytes_max`, the gravest stay, and a line of the check scan.report, unknown,
// says how many are left out.
std::string ReportJson(const ScanReport& report, const std::string& host, std::size_t bytes_max = kReportBytesMax);

// An alarm that was raised or is over, as a line of JSON:
// {"v":1,"host","raised","check","scope","status","value","limit","why","evidence","remedy","action","looks"}
std::string AlarmJson(const AlarmChange& change, const std::string& host);

// One line, "HEALTH CRITICAL - 2 checks fail: gpu.count, …", and its exit code.
std::string ReportNagios(const ScanReport& report);
inline constexpr int kNagiosOk = 0, kNagiosWarning = 1, kNagiosCritical = 2, kNagiosUnknown = 3;
int NagiosCode(const ScanReport& report);

}  // namespace everstep::health
