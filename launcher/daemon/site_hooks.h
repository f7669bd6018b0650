// Runs the site's hooks: the fence hook, which powers a lost host off, and the remedies, which reset, reboot or replace one in
// quarantine. Exit code 0 says that it is done. The outcome is an input (HookDone).
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

struct HookRun {
  NodeId node{};
  BootId boot{};
  std::optional<HealthAction> remedy{};  // nullopt: the fence hook
  std::vector<std::string> argv{};       // the node's name is appended
  Duration deadline{};                   // killed then, and counted as failed
};

class SiteHooks {
 public:
  virtual ~SiteHooks() = default;
  virtual void Run(HookRun run) = 0;
};

// Each hook runs as a child process in a group of its own, waited for by a thread of its own. The group is killed at the
// deadline.
class RealSiteHooks final : public SiteHooks {
 public:
  explicit RealSiteHooks(std::function<void(LauncherInput)> post);
  // Kills hooks under way: a launcher that ends does not wait for them. Their hosts are not known to be off.
  ~RealSiteHooks() override;
  void Run(HookRun run) override;

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
