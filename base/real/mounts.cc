#include "base/real/mounts.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <thread>

#include "base/text.h"

namespace everstep {

MountPlan::MountPlan(const RankMounts& mounts)
    : own(mounts.own), over(mounts.over), shown(mounts.shown), place(own + shown.substr(over.size())) {}

MountStage EnterMounts(const MountPlan& plan) {
  if (::unshare(CLONE_NEWNS) != 0) return MountStage::unshare;
  // A slave: what the host mounts later comes in, nothing goes out.
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0) return MountStage::keep_private;
  if (::mount(plan.shown.c_str(), plan.place.c_str(), nullptr, MS_BIND, nullptr) != 0) return MountStage::show;
  mount_attr read_only{};
  read_only.attr_set = MOUNT_ATTR_RDONLY;
  if (::syscall(SYS_mount_setattr, AT_FDCWD, plan.place.c_str(), 0u, &read_only, sizeof read_only) != 0)
    return MountStage::protect;
  // With what was just mounted inside.
  if (::mount(plan.own.c_str(), plan.over.c_str(), nullptr, MS_BIND | MS_REC, nullptr) != 0) return MountStage::cover;
  return MountStage::good;
}

Error MountError(const MountPlan& plan, MountStage stage, int error) {
  const auto failed = [error](std::string_view what, const std::string& path) { return FailErrno(error, what, path).value(); };
  switch (stage) {
    case MountStage::good: break;
    case MountStage::unshare:
    case MountStage::keep_private: {
      Error told = failed("give ranks", "a mount namespace of their own");
      if (error == EPERM) told.message += Cat(": this needs CAP_SYS_ADMIN, which uid ", ::geteuid(), " does not have here");
      return told;
    }
    case MountStage::show: return failed(Cat("mount ", plan.shown, " on"), plan.place);
    case MountStage::protect: {
      Error told = failed("make read-only", plan.place);
      if (error == ENOSYS) told.message += ": isolate: mount needs Linux 5.12 (mount_setattr)";
      return told;
    }
    case MountStage::cover: return failed(Cat("mount ", plan.own, " on"), plan.over);
  }
  return failed("mount", plan.over);
}

Status TryMounts(const MountPlan& plan) {
  MountStage stage = MountStage::good;
  int error = 0;
  std::thread([&] {
    stage = EnterMounts(plan);
    error = errno;
  }).join();
  if (stage == MountStage::good) return {};
  return Fail(MountError(plan, stage, error));
}

}  // namespace everstep
