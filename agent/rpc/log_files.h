// The files a gang's ranks wrote on this host, read piece by piece:
//
//   <log_dir>/<job>/<generation>/<rank>.out   now being written; so is <rank>.err
//   <log_dir>/<job>/<generation>/<rank>.out.1, .out.2, …   rotated away by renaming; higher numbers are older
//   <log_dir>/<job>/<generation>/<rank>.out.at, .out.at.1, …   when what was written: "nanoseconds offset", a line for each
//   second
//
// A reader's place is a file, known by inode and time of birth, and an offset. Renaming changes neither, so it goes on where it
// was, across rotations. If its file is gone, it goes on with the oldest that is left and is told so.
//
// Thread: any, nothing is kept between calls. Blocks for as long as the disk does. Cost: a directory listing and what is read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/fields.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"

namespace everstep {

struct LogPlace {
  std::uint32_t rank = 0;
  bool is_stderr = false;
  std::uint64_t file = 0;    // inode and time of birth, mixed: inodes alone are soon used again
  std::uint64_t offset = 0;  // of the next byte
  friend bool operator==(const LogPlace&, const LogPlace&) = default;
};
EVERSTEP_FIELDS(LogPlace, rank, is_stderr, file, offset)

struct ReadLog {
  JobId job{};
  Generation generation{};
  std::vector<std::uint32_t> ranks{};         // empty: all that are here
  std::vector<LogPlace> places{};             // a stream not named here starts as tail_lines says
  std::optional<std::uint32_t> tail_lines{};  // nullopt: with the first byte kept
  std::optional<std::uint32_t> tail_bytes{};  // of every stream, named in `places` or not: no more than the last so many
  std::optional<Duration> within{};           // as tail_lines: not what was written longer ago than that, to the second
  std::optional<WallTime> since{};            // as tail_lines: not what was written before that
  Duration wait{0};                           // for log_reader.h
  std::uint32_t bytes_max = 0;                // of all pieces together; 0, or too many: kLogReplyBytes
};
EVERSTEP_FIELDS(ReadLog, job, generation, ranks, places, tail_lines, tail_bytes, within, since, wait, bytes_max)

struct LogPiece {
  std::uint32_t rank = 0;
  bool is_stderr = false;
  std::string bytes{};
  std::string note{};  // what is missing before `bytes`
  friend bool operator==(const LogPiece&, const LogPiece&) = default;
};
EVERSTEP_FIELDS(LogPiece, rank, is_stderr, bytes, note)

struct LogRead {
  std::vector<LogPiece> pieces{};  // by rank, stdout before stderr; several of one stream in order
  std::vector<LogPlace> places{};  // of every stream found, for the next call
  bool more = false;               // full: the next call gets something at once
  friend bool operator==(const LogRead&, const LogRead&) = default;
};
EVERSTEP_FIELDS(LogRead, pieces, places, more)

inline constexpr std::size_t kLogReplyBytes = 1u << 20;
inline constexpr std::size_t kLogPieceBytes = 64u << 10;

// What is there now. kInvalid: `job` is no name (nothing but a name and numbers gets into a path). No such gang here: an empty
// answer, as its ranks may not have written yet.
Result<LogRead> ReadLogFiles(const std::string& log_dir, const ReadLog& query);

}  // namespace everstep
