#include "base/torchrun.h"

#include <algorithm>
#include <string_view>

namespace everstep {

bool IsTorchrun(const std::vector<std::string>& command) {
  if (command.empty()) return false;
  const std::string_view program = std::string_view(command.front()).substr(command.front().rfind('/') + 1);
  if (program == "torchrun") return true;
  if (!program.starts_with("python")) return false;
  const auto module = std::find(command.begin(), command.end(), "-m");  // python's own flags may stand before it
  if (module == command.end() || module + 1 == command.end()) return false;
  const bool after_script =
      std::any_of(command.begin() + 1, module, [](std::string_view word) { return !word.starts_with('-'); });
  return !after_script && (*(module + 1) == "torch.distributed.run" || *(module + 1) == "torch.distributed.launch");
}

}  // namespace everstep
