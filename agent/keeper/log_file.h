// One stream of one rank as files of bounded size: NAME, and NAME.1 (newer) … NAME.n (older) after rotation. Put together,
// oldest first, they are the bytes the rank wrote, cut at any byte.
//
// Beside each file lies its times, NAME.at (NAME.at.1 …): "when offset", a line for at most each second: what lies from that
// offset on was written at that time (nanoseconds of the wall clock, which may step) or later. They are rotated with it.
//
// A full or broken disk never stops a rank: bytes that cannot be written are dropped and counted, and a line in the file says
// so once writing works again: "[everstep: 4096 bytes lost: No space left on device]".
//
// Thread: one at a time (the keeper's disk thread). Blocks for as long as the disk does.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/real/fd.h"
#include "base/result.h"
#include "base/time.h"

namespace everstep {

struct LogLimits {
  std::uint64_t bytes_max = 64u << 20;  // of one file; at least 1
  std::uint32_t files_max = 4;          // rotated ones kept; 0: the file starts again from nothing
};

// The times of the file at `path`: path + ".at".
inline constexpr std::string_view kTimesSuffix = ".at";
inline constexpr Duration kTimesEvery = 1s;

class LogFile {
 public:
  // Nothing is created before the first Append.
  LogFile(std::string path, LogLimits limits) : path_(std::move(path)), limits_(limits) {}

  // An error the first time bytes are lost after all went well; the bytes are counted either way.
  Status Append(std::string_view bytes, WallTime now);
  std::uint64_t lost() const { return lost_in_all_; }

 private:
  Status Open();
  Status Rotate();
  Status Write(std::string_view bytes);
  void WriteTime(WallTime now);
  Status Lose(std::size_t bytes, Error error);

  std::string path_;
  LogLimits limits_;
  Fd fd_;
  std::optional<WallTime> time_written_{};  // of this file
  std::uint64_t size_ = 0;
  std::uint64_t lost_ = 0;  // since the last byte that was written
  std::uint64_t lost_in_all_ = 0;
  std::string why_lost_;
};

}  // namespace everstep
