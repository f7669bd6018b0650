// `everstep-agent scan`: the command line around a scan, for cron, Slurm's HealthCheckProgram and prolog, CI and people.
//
//   exit codes: 0 nothing is bad · 1 a check fails (with --strict also one that warns or cannot be read) · 2 misused, or it
//   could not run; with --nagios 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN, also where it was misused or could not run
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "health/scan/report_text.h"
#include "health/scan/scan.h"

namespace everstep::health {

struct ScanCommand {
  ScanOptions options{};
  bool json = false, nagios = false, all = false, strict = false, report_only = false;
  bool unknown_blocks = false;  // of preflight
  std::size_t report_max = kReportBytesMax;
  std::string print{};  // write this and exit with 0: the help
  std::string feed{};   // of a monitor, for an agent: the file of its memory
  std::string boot{};   // of a monitor: instead of the kernel's boot id
};

// Behind "scan".
Result<ScanCommand> ScanCommandFrom(int argc, const char* const* argv);

// As the kernel calls this host; "?" where it does not say.
std::string HostName();

// Writes to stdout, errors to stderr; the exit code. REQUIRES: one thread.
int RunScanCommand(int argc, const char* const* argv);

// What a preflight says on stderr, behind "everstep-agent: ". "FAIL check: why" for each that fails, and where the unknown
// blocks for what could not be read; else one line, "UNKNOWN 3 checks: kernel.log, gpu.nvml, …". What one look can never tell
// is no finding.
std::vector<std::string> PreflightFindings(const ScanReport& report, bool unknown_blocks);

// "preflight [flags of scan] [-- PROGRAM ARGUMENT…]": a scan, and then PROGRAM, from the directory of this one, in its place.
// With a FAIL among its findings it is not started, and the exit code is 2. Without a PROGRAM: 0.
int RunPreflightCommand(int argc, const char* const* argv);

}  // namespace everstep::health
