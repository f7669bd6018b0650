// Lines out of chunks: what ranks wrote arrives cut anywhere, from all ranks at once, and leaves in whole lines, each with the
// rank in front. A progress bar, which goes back to the start of its line ('\r') again and again, becomes a line a second.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "base/time.h"
#include "launcher/cli/terminal.h"
#include "launcher/rpc/logs.h"

namespace everstep {

struct LogLine {
  bool is_stderr = false;
  std::string text{};  // with its prefix and line end
};

class LogLines {
 public:
  using Wanted = std::function<bool(std::string_view line)>;  // without prefix and line end

  // `terminal` gives the colours of the prefix, "[rank 2 n3] ". `wanted`: only such lines; empty: all.
  LogLines(bool prefix, Terminal terminal, Wanted wanted = {})
      : prefix_(prefix), terminal_(terminal), wanted_(std::move(wanted)) {}

  // `chunk.bytes` is set.
  std::vector<LogLine> Take(const LogChunk& chunk, Time now);
  // What stands there without a line end, when no more will come.
  std::vector<LogLine> TakeRest();

 private:
  using Source = std::tuple<Generation, std::uint32_t, bool>;  // rank, is_stderr
  struct Pending {
    std::string node{};
    std::string text{};    // not ended yet
    bool redrawn = false;  // `text` ended in '\r': the next byte begins the line anew
    Time shown_at{};       // when a redrawn line was last let through
  };

  void Emit(const Source& source, Pending& pending, std::vector<LogLine>& lines);
  std::string Prefix(const Source& source, const Pending& pending) const;

  bool prefix_;
  Terminal terminal_;
  Wanted wanted_;
  std::map<Source, Pending> pending_{};
};

}  // namespace everstep
