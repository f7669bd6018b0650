// The job file: YAML, one table (JobFileTable) with every key, its type, range, default and words. Only `command` is required.
//
// Paths that are not absolute, and a missing workdir, are taken from `directory`: where the file is, or where the user stands
// when it came through a pipe.
#pragma once

#include <string>
#include <string_view>

#include "base/job_spec.h"
#include "base/result.h"
#include "base/yaml/table.h"

namespace everstep {

const yaml::Table<JobSpec>& JobFileTable();

// `file` is its name in errors, `directory` an absolute path. All of it is checked, ValidateJob included; every error names
// file, line, column and key (see yaml::AsError).
Result<JobSpec> ReadJobFile(std::string_view text, std::string_view file, std::string_view directory);

// A job file that reads back as the same spec.
std::string WriteJobFile(const JobSpec& spec);

}  // namespace everstep
