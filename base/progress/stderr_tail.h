// The last lines of a rank's stderr, for RankExit::tail: at most limit::kTailBytes, whole lines where one fits, safe to print.
// Progress bars that redraw their line with '\r' count as their last state; colour codes are taken out. Of a line that is
// too long there are both ends; of an exception whose message is too long, its first line and the end.
//
// Thread: its owner's. Cost: keeps 64 KiB.
#pragma once

#include <string>
#include <string_view>

namespace everstep {

class StderrTail {
 public:
  void Append(std::string_view bytes);
  // Without a newline at the end.
  std::string Text() const;

 private:
  std::string kept_;
  bool cut_ = false;  // bytes before kept_ are gone
};

// Of a tail, the lines in which a probe says what it has measured, and those of an agent's scan that fails a host though it was
// told to go on: all that is kept of a rank that ended well.
std::string FiguresIn(std::string_view tail);

}  // namespace everstep
