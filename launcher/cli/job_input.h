// A job file as it is named on the command line: a path, or - for stdin.
#pragma once

#include <string>

#include "base/job_spec.h"
#include "base/result.h"
#include "launcher/cli/cli.h"

namespace everstep {

// Read and checked whole; relative paths in it start where the file is, or where the user stands.
Result<JobSpec> ReadJob(const Cli& cli, const std::string& file);

// What a submit of this job would do now, for --dry-run: its job file on stdout, and on stderr whether there are hosts for it.
Status ShowDryRun(const Cli& cli, const JobSpec& spec);

}  // namespace everstep
