#include "launcher/cli/argv.h"

#include <algorithm>

namespace everstep {

SplitArgv SplitCommand(const std::vector<std::string>& words, const std::function<bool(std::string_view flag)>& takes_value) {
  SplitArgv split;
  auto word = words.begin();
  while (word != words.end() && word->size() > 1 && word->front() == '-' && *word != "--") {
    std::string flag = *word++;
    const std::size_t equals = flag.find('=');
    if (flag.starts_with("--"))
      std::replace(flag.begin(), flag.begin() + static_cast<std::ptrdiff_t>(std::min(equals, flag.size())), '_', '-');
    const bool takes_next = equals == std::string::npos && takes_value(flag) && word != words.end();
    if (takes_next && flag.starts_with("--")) flag += '=' + *word++;  // joined: the value may look like a flag
    split.ours.push_back(std::move(flag));
    if (takes_next && !split.ours.back().starts_with("--")) split.ours.push_back(*word++);
  }
  if (word != words.end() && *word == "--") ++word;
  split.command.assign(word, words.end());
  return split;
}

}  // namespace everstep
