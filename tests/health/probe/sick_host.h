// A host that is healthy but for what a test changes, scanned in this process with a clock of the test's own.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "health/scan/scan.h"
#include "tests/health/probe/tree.h"

namespace everstep::health {

struct Changes {
  std::string files{};    // sections of a tree (tree.h)
  std::string nvml{};     // lines on top of captured/nvml
  std::string log{};      // lines of the kernel, appended to its log an hour before the look
  std::string between{};  // sections: what changes between the two looks
  std::string nvml_between{};
};

// The look-alike of NVML, told to answer from this file.
void NvmlAnswersFrom(const std::string& path);

class SickHost {
 public:
  SickHost() : tree_(TreeText("healthy.tree")) {}
  // Healthy again afterwards.
  ScanReport Scan(const Changes& changes, const ScanOptions& options = {});

 private:
  Tree tree_;
};

// Of a host that is used once.
ScanReport ScanOf(const Changes& changes, const ScanOptions& options = {});

// "FAIL gpu.count", "WARN GPU 1 at 0000:2A:00: gpu.temperature": all that is not OK.
std::vector<std::string> Bad(const ScanReport& report);

}  // namespace everstep::health
