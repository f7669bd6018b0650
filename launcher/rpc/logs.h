// What the ranks wrote, as it travels from the agents through the launcher to the CLI: on connections of its own, never through
// the loop. Chunks of one rank and stream arrive in the order written; those of different ranks interleave.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/fields.h"
#include "base/ids.h"
#include "base/time.h"

namespace everstep {

struct LogsRequest {
  JobId job{};                                // or a job's name
  std::vector<std::uint32_t> ranks{};         // empty: all
  bool follow = false;                        // go on with what is written, through restarts, until the job has ended
  std::optional<std::uint32_t> tail_lines{};  // begin with the last so many lines of each stream; nullopt: with the first kept
  std::optional<Generation> generation{};     // nullopt: the current one; cannot be combined with `follow`
  std::optional<Duration> within{};           // begin with what was written so long ago, by each host's own clock
  std::optional<WallTime> since{};            // begin with what was written then; not with `within`
  friend bool operator==(const LogsRequest&, const LogsRequest&) = default;
};
EVERSTEP_FIELDS(LogsRequest, job, ranks, follow, tail_lines, generation, within, since)

// Either output (`bytes` set, cut anywhere: also within a line or a character) or a remark by Everstep about what is missing or
// begins now (`note` set: "n2: no answer, its last lines may be missing").
struct LogChunk {
  std::uint32_t rank = 0;
  NodeId node{};
  Generation generation{};
  bool is_stderr = false;
  std::string bytes{};
  std::string note{};
  friend bool operator==(const LogChunk&, const LogChunk&) = default;
};
EVERSTEP_FIELDS(LogChunk, rank, node, generation, is_stderr, bytes, note)

}  // namespace everstep
