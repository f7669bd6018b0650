// The file that $EVERSTEP_PROGRESS names, for scripts that want to say how far they are without printing it. The contract:
//
//   {"step": 120, "steps_total": 5000, "loss": 2.31}
//
// One JSON object on a line; `step` is needed, the others may be missing, unknown keys are passed over. The script may replace
// the file (write another one beside it, then rename it) or append lines to it: the last whole line counts. It is looked at
// once a second, so there is no use in writing it more often. What it says wins over everything that is printed.
//
// Only the last 4 KiB are read. No file, an empty one, a torn line, or something that is no regular file tells nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/progress/told.h"

namespace everstep {

// Which state of the file was read last.
struct FileStamp {
  std::uint64_t inode = 0;
  std::int64_t mtime_ns = 0;
  std::uint64_t size = 0;
  friend bool operator==(const FileStamp&, const FileStamp&) = default;
};

// What the file says; nullopt: nothing, or it is as it was at `last`. Blocks for as long as the disk does.
std::optional<Told> LookAtProgressFile(const std::string& path, FileStamp& last);

// The same for its last bytes; `cut`: their beginning may be the middle of a line.
std::optional<Told> ReadProgressText(std::string_view text, bool cut);

}  // namespace everstep
