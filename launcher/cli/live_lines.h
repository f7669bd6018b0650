// Some lines at the end of a terminal that change in place, on stderr. Used by one thread.
#pragma once

#include <string>
#include <vector>

namespace everstep {

class LiveLines {
 public:
  // In place of those that stand there. REQUIRES: each fits the terminal's width, all its height.
  void Show(const std::vector<std::string>& lines);
  void Erase() { Show({}); }

 private:
  std::vector<std::string> shown_{};
};

// What is written for it: up over the old lines, over each of them, and away with what is left.
std::string Redrawn(std::size_t shown, const std::vector<std::string>& lines);

}  // namespace everstep
