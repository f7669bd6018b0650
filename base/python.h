// A command line that starts a Python program: where the interpreter's words end and the program's begin.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace everstep {

// `python3 -u train.py --epochs 3`: 2, as `train.py` or `-m` comes first of what is the program's. nullopt: no Python, none
// that is given a script or a module (-c, -, a prompt), or flags that are not known here.
std::optional<std::size_t> InterpreterWords(const std::vector<std::string>& command);

// "torch", "torch.distributed": what `import` takes.
bool ValidModule(std::string_view name);

// "ValueError: boom", "torch.cuda.OutOfMemoryError: CUDA out of memory.": how a traceback's last line begins.
bool NamesException(std::string_view line);

}  // namespace everstep
