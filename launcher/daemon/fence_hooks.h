// Runs the site's fence hook: a program that powers a host off and says so with exit code 0. Its outcome is an input
// (FenceDone).
#pragma once

#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "launcher/daemon/inputs.h"

namespace everstep {

class FenceHooks {
 public:
  virtual ~FenceHooks() = default;
  // `argv` with the node's name appended; killed and counted as failed after `deadline`.
  virtual void Run(const NodeId& node, const BootId& boot, std::vector<std::string> argv, Duration deadline) = 0;
};

// Each hook runs as a child process, waited for by a thread of its own.
class RealFenceHooks final : public FenceHooks {
 public:
  explicit RealFenceHooks(std::function<void(LauncherInput)> post) : post_(std::move(post)) {}
  // Waits for hooks under way: their outcome must not be lost.
  ~RealFenceHooks() override;
  void Run(const NodeId& node, const BootId& boot, std::vector<std::string> argv, Duration deadline) override;

 private:
  const std::function<void(LauncherInput)> post_;
  std::vector<std::thread> running_;
};

}  // namespace everstep
