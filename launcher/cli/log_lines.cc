#include "launcher/cli/log_lines.h"

#include <array>

#include "base/text.h"

namespace everstep {

namespace {
constexpr std::size_t kLineMax = 64u << 10;  // a longer line is broken here
constexpr Duration kRedrawEvery = 1s;
}  // namespace

std::vector<LogLine> LogLines::Take(const LogChunk& chunk, Time now) {
  std::vector<LogLine> lines;
  for (auto old = pending_.begin(); old != pending_.end() && std::get<0>(old->first) < chunk.generation;) {
    if (!old->second.text.empty()) Emit(old->first, old->second, lines);  // the last words of a gang that is gone
    old = pending_.erase(old);
  }
  const Source source{chunk.generation, chunk.rank, chunk.is_stderr};
  Pending& pending = pending_[source];
  pending.node = chunk.node.value;
  for (const char c : chunk.bytes) {
    if (c == '\n') {
      Emit(source, pending, lines);
      continue;
    }
    if (pending.redrawn) {
      pending.redrawn = false;
      if (now - pending.shown_at >= kRedrawEvery) {
        Emit(source, pending, lines);
        pending.shown_at = now;
      }
      pending.text.clear();
    }
    if (c == '\r')
      pending.redrawn = !pending.text.empty();
    else
      pending.text += c;
    if (pending.text.size() >= kLineMax) Emit(source, pending, lines);
  }
  return lines;
}

std::vector<LogLine> LogLines::TakeRest() {
  std::vector<LogLine> lines;
  for (auto& [source, pending] : pending_)
    if (!pending.text.empty()) Emit(source, pending, lines);
  return lines;
}

void LogLines::Emit(const Source& source, Pending& pending, std::vector<LogLine>& lines) {
  if (!wanted_ || wanted_(pending.text))
    lines.push_back({.is_stderr = std::get<2>(source), .text = Cat(Prefix(source, pending), pending.text, '\n')});
  pending.text.clear();
  pending.redrawn = false;
}

std::string LogLines::Prefix(const Source& source, const Pending& pending) const {
  if (!prefix_) return {};
  constexpr std::array kColours{Style::cyan, Style::green, Style::yellow};  // red is for what went wrong
  const std::uint32_t rank = std::get<1>(source);
  return Cat(Paint(terminal_, kColours[rank % kColours.size()], Cat("[rank ", rank, ' ', pending.node, ']')), ' ');
}

}  // namespace everstep
