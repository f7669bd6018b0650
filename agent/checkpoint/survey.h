// What lies at a path, without reading it: the files of a checkpoint with size, inode and modification time.
//
// Two equal surveys of one path say that nobody wrote to it between them, provided that the first was not taken within the same
// clock tick (up to 10 ms) as a write: the watch therefore lets a scan interval pass before it trusts one.
//
// Thread: any. Cost: one lstat a file.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace everstep {

struct SurveyFile {
  std::string name{};  // relative to the surveyed path; empty: the path itself is the file
  std::uint64_t size = 0;
  std::uint64_t inode = 0;
  std::int64_t mtime_ns = 0;
  friend bool operator==(const SurveyFile&, const SurveyFile&) = default;
};

struct Survey {
  bool directory = false;
  std::vector<SurveyFile> files{};         // sorted by name
  std::vector<std::string> directories{};  // below a surveyed directory, parents before children
  friend bool operator==(const Survey&, const Survey&) = default;

  const SurveyFile* Find(std::string_view name) const;  // nullptr: no such file
};

// A regular file, or a directory with all below it, but for leftovers inside (LeftoverName). kNotFound: it is not there (any
// more). kInvalid: it holds what no checkpoint should: a symbolic link, a device, a name that is not printable UTF-8; or it is
// too deep. kExhausted: more than limit::kCheckpointFiles files.
Result<Survey> SurveyOf(const std::string& path);

// root + "/" + name; root where `name` is empty.
std::string PathIn(const std::string& root, const std::string& name);

// Names of half-written files by convention: *.tmp, *.partial, *~, and what NFS leaves of deleted ones (.nfs*).
bool LeftoverName(std::string_view name);

// Names of what may be a checkpoint in a checkpoint directory, sorted: regular files and directories that are no leftovers and
// do not begin with a dot. At most 65536: kExhausted beyond.
Result<std::vector<std::string>> SourcesIn(const std::string& directory);

}  // namespace everstep
