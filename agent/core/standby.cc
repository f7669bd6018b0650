#include "agent/core/standby.h"

#include "base/python.h"

namespace everstep {

std::optional<KeeperStandby> StandbyFor(const KeeperStart& now_running, const std::vector<std::string>& modules) {
  KeeperStandby standby{.workdir = now_running.workdir};
  for (const RankCommand& rank : now_running.ranks) {
    const std::optional<std::size_t> words = InterpreterWords(rank.argv);
    if (!words) return std::nullopt;
    RankCommand waiting = rank;
    waiting.progress_file.clear();
    waiting.argv.resize(*words);
    waiting.argv.insert(waiting.argv.end(), {"-c", std::string(StandbyProgram())});
    waiting.argv.insert(waiting.argv.end(), modules.begin(), modules.end());
    standby.interpreter_words = static_cast<std::uint32_t>(*words);
    standby.ranks.push_back(std::move(waiting));
  }
  return standby;
}

}  // namespace everstep
