// The real SlowFiles: each check and each watch on a thread of its own, so that a hung mount hangs only what looks at it.
//
// Ready: one thread a call, at most `checks_max` at a time; a second call for a gang whose check is under way is answered by
// that check. Watch: one thread a gang, which looks every `scan_every`, and after Unwatch once more until nothing changes any
// longer. What they find goes to `post`, from those threads, one call at a time.
//
// The end: the destructor asks all threads to stop and waits until `stop_deadline` for them. A thread that is still inside a
// system call then (a mount that does not answer) is left behind: it holds nothing of its owner, and posts nothing any more.
// After the destructor `post` is never called.
//
// Thread: Ready, Watch, Unwatch and the destructor on the loop thread. They never block on a file system.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <variant>

#include "agent/checkpoint/worker.h"
#include "base/seam/slow_files.h"
#include "base/time.h"

namespace everstep {

struct SlowFilesOptions {
  Duration scan_every = 500ms;
  Duration stop_deadline = 2s;
  std::size_t checks_max = 64;
};

class RealSlowFiles : public SlowFiles {
 public:
  using Found = std::variant<GangChecked, CheckpointFound, CheckpointTorn>;
  // `post` must not block and must not call back.
  using Post = std::function<void(Found)>;

  explicit RealSlowFiles(Post post, SlowFilesOptions options = {});
  ~RealSlowFiles() override;
  RealSlowFiles(const RealSlowFiles&) = delete;
  RealSlowFiles& operator=(const RealSlowFiles&) = delete;

  void Ready(const GangSpec& spec) override;
  void Watch(const GangKey& gang, const CheckpointSpec& checkpoint) override;
  void Registered(const std::string& path) override;
  void Tear(const GangKey& gang, std::uint32_t rank) override;
  void Unwatch(const GangKey& gang) override;

 private:
  class Outlet;
  class Inbox;
  using Workers = std::map<GangKey, std::unique_ptr<Worker>>;

  const SlowFilesOptions options_;
  const std::shared_ptr<Outlet> outlet_;
  Workers checks_;
  Workers watches_;
  std::map<GangKey, std::shared_ptr<Inbox>> inboxes_;  // of watches_
};

}  // namespace everstep
