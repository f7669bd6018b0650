// What a program of another maker prints: nvidia-smi, dcgmi. Or what it has printed before, from a file.
//
// The program gets a process group of its own, which is killed at the deadline, and ends with the process that started it. What
// even SIGKILL does not end (D state, in the driver) is left behind, not waited for. Thread: any.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace everstep::health {

struct Printed {
  std::string out{}, err{};
  int code = 0;     // 128 and more: killed by a signal
  bool ran = true;  // false: it is a recorded file
};

inline constexpr std::size_t kPrintedMax = 8u << 20;

// `path`: absolute. A file that may be executed is run with `arguments`, any other is read. kNotFound: there is none; kTimeout;
// kExhausted: more than kPrintedMax bytes.
Result<Printed> PrintedBy(const std::string& path, const std::vector<std::string>& arguments, Duration patience);

// For who could not make sense of it: "ended with code 9: NVIDIA-SMI has failed …", or "printed nonsense: …".
std::string WhyNonsense(const Printed& printed, const std::string& nonsense);

}  // namespace everstep::health
