// Runs the site's fence hook: a program that powers a host off and says so with exit code 0. Its outcome is an input
// (FenceDone).
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/real/fd.h"
#include "launcher/daemon/inputs.h"

namespace everstep {

class FenceHooks {
 public:
  virtual ~FenceHooks() = default;
  // `argv` with the node's name appended; killed and counted as failed after `deadline`.
  virtual void Run(const NodeId& node, const BootId& boot, std::vector<std::string> argv, Duration deadline) = 0;
};

// Each hook runs as a child process in a group of its own, waited for by a thread of its own. The group is killed at the
// deadline.
class RealFenceHooks final : public FenceHooks {
 public:
  explicit RealFenceHooks(std::function<void(LauncherInput)> post);
  // Kills hooks under way: a launcher that ends does not wait for them. Their hosts are not known to be off.
  ~RealFenceHooks() override;
  void Run(const NodeId& node, const BootId& boot, std::vector<std::string> argv, Duration deadline) override;

 private:
  struct Running {
    std::thread thread{};
    std::shared_ptr<std::atomic<bool>> done{};
  };
  const std::function<void(LauncherInput)> post_;
  Fd ending_;                     // readable: kill and return
  std::vector<Running> running_;  // those that are done are joined by the next Run
};

}  // namespace everstep
