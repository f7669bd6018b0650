#include "launcher/cli/live_lines.h"

#include "base/text.h"
#include "launcher/cli/terminal.h"

namespace everstep {

std::string Redrawn(std::size_t shown, const std::vector<std::string>& lines) {
  std::string text = shown > 0 ? Cat("\x1b[", shown, "A\r") : std::string();
  for (const std::string& line : lines) text += Cat(line, "\x1b[K\n");
  return text + "\x1b[J";
}

void LiveLines::Show(const std::vector<std::string>& lines) {
  if (lines == shown_) return;
  WriteErr(Redrawn(shown_.size(), lines));
  shown_ = lines;
}

}  // namespace everstep
