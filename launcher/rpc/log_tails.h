// The last output of every rank, kept here so that a host that is gone does not take its last words along: at most 64 KiB of
// each stream, read from the agents every two seconds while their gangs run. Soft state: a restarted launcher reads it again
// from the hosts that still are. No byte of it passes the loop.
//
// Where a host has more than eight ranks, and all of them are loud, it is less of each.
//
// Memory: at most 256 MiB in all, and 1,024 gangs that have ended: the oldest of those go first; beyond 4,096 streams of gangs
// that run each is kept shorter.
//
// Cost: a call to each host with a gang that runs every two seconds, or every millisecond times their number if that is more;
// a loud rank is read 64 KiB at a time, whatever it wrote meanwhile.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "base/ids.h"
#include "base/messages.h"
#include "base/time.h"

namespace everstep {

// Where the end of a stream is, as the agent's log_files.h counts.
struct LogTail {
  std::string bytes{};
  std::uint64_t file = 0;
  std::uint64_t end = 0;  // offset in `file` behind the last byte
};

struct GangTails {
  Duration age{0};                                              // since they were read last
  std::map<std::pair<std::uint32_t, bool>, LogTail> streams{};  // by rank and is_stderr; none is empty
};

class LogTails {
 public:
  struct Limits {
    std::size_t stream_bytes = 64u << 10;
    std::size_t all_bytes = 256u << 20;
    std::size_t ended_max = 1024;  // gangs
    Duration every = 2s;
  };
  explicit LogTails(bool insecure) : LogTails(insecure, Limits()) {}
  LogTails(bool insecure, Limits limits);
  // Close() was called, or nothing was heard.
  ~LogTails();

  // All: any thread.
  // What a host reports, and where its agent is reached. A host that does not answer any more is asked for ten minutes, ever
  // less often, and then no more until it is heard of again; what was read stays.
  void Heard(const NodeId& node, const std::string& address, const Report& report);
  // nullopt: nothing is known.
  std::optional<GangTails> Of(const NodeId& node, const GangKey& gang) const;
  // Ends all readings and waits for them, at most a second. While gRPC's server still stands.
  void Close();

 private:
  class Watched;
  class Table;
  const std::shared_ptr<Table> table_;
};

}  // namespace everstep
