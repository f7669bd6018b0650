// What the kernel said about a rank that died.
#include "agent/keeper/kernel_log.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <fstream>

#include "base/text.h"
#include "tests/agent/keeper/host.h"

namespace everstep {
namespace {

class KernelLogOf : public Host {
 protected:
  std::int64_t at_ = 567'890;  // the kernel's clock, microseconds
  void Says(const std::string& line) {
    std::ofstream(root_ + "/kmsg", std::ios::app) << "4,1234," << at_ << ",-;" << line << '\n';
  }
};

TEST_F(KernelLogOf, LinesSinceItWasOpenedAboutTheProcessOrTheHostAreTold) {
  Says("python3[42]: segfault at 0 ip 0000 sp 0000 error 4 in old.so");
  KernelLog log(root_ + "/kmsg");
  ASSERT_TRUE(log.Open());
  EXPECT_EQ(log.About(42, at_), "");
  Says("eth0: link becomes ready");
  Says("python3[42]: segfault at 0 ip 0000 sp 0000 error 4 in new.so[7f12+100]\n SUBSYSTEM=I/O error");
  Says("python3[43]: segfault at 0 ip 0000 sp 0000 error 4 in other.so");
  at_ += 2 * KernelLog::kAtThatMoment;
  Says("NVRM: Xid (PCI:0000:3b:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus.");
  Says("NVRM: Xid (PCI:0000:3b:00): 31, pid=43, name=python3, MMU Fault");
  EXPECT_EQ(log.About(42, at_),
            "python3[42]: segfault at 0 ip 0000 sp 0000 error 4 in new.so[7f12+100]\n"
            "NVRM: Xid (PCI:0000:3b:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus.");
  Says("Out of memory: Killed process 4 (python3) total-vm:1kB");
  EXPECT_EQ(log.About(42, at_).find("Killed"), std::string::npos);
  EXPECT_TRUE(log.About(4, at_).ends_with("Killed process 4 (python3) total-vm:1kB"));
  for (int i = 0; i < 100; ++i) Says(Cat("Buffer I/O error on dev sda1, logical block ", i, std::string(300, '.')));
  EXPECT_LE(log.About(42, at_).size(), limit::kKernelBytes);
  EXPECT_NE(log.About(42, at_).find("logical block 99"), std::string::npos);
}

TEST_F(KernelLogOf, WhatWasSaidOfTheHostLongAgoIsNoCauseAndACrashOfAThreadIsOneForAMoment) {
  Says("");
  KernelLog log(root_ + "/kmsg");
  ASSERT_TRUE(log.Open());
  Says("mce: [Hardware Error]: Machine check events logged");
  Says("python3[42]: segfault at 0 ip 0000 sp 0000 error 4 in main.so");
  EXPECT_NE(log.About(42, at_ + KernelLog::kAtThatTime), "");
  EXPECT_EQ(log.About(42, at_ + KernelLog::kAtThatTime + 1), "python3[42]: segfault at 0 ip 0000 sp 0000 error 4 in main.so");
  at_ += 2 * KernelLog::kAtThatTime;
  Says("autograd[57]: segfault at 0 ip 0000 sp 0000 error 4 in thread.so");
  EXPECT_EQ(log.About(50, at_ + KernelLog::kAtThatMoment), "autograd[57]: segfault at 0 ip 0000 sp 0000 error 4 in thread.so");
  EXPECT_EQ(log.About(50, at_ + KernelLog::kAtThatMoment, {57}), "") << "the crash of another rank";
  EXPECT_EQ(log.About(50, at_ + KernelLog::kAtThatMoment + 1), "");
}

TEST_F(KernelLogOf, WhatCannotBeReadIsSaidAndNothingIsGuessed) {
  KernelLog log(root_ + "/none");
  const Status opened = log.Open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().message, Cat("cannot read the kernel's log ", root_, "/none: No such file or directory"));
  EXPECT_EQ(log.About(42, at_), "");
  KernelLog no_log("");
  EXPECT_TRUE(no_log.Open());
}

TEST_F(KernelLogOf, ARankThatASignalKilledTakesTheKernelsWordsAlongAndOneThatExitsDoesNot) {
  Says("NVRM: Xid (PCI:0000:3b:00): 79, GPU has fallen off the bus, long ago");
  options_.kernel_log = root_ + "/kmsg";
  const std::string dies = "echo up; while [ ! -e $0/go ]; do sleep 0.02; done; ";
  const KeeperStatus running = Run({Shell(0, dies + "kill -SEGV $$"), Shell(1, dies + "exit 1")});
  ASSERT_TRUE(Eventually([&] { return LogOf(0, "out") == "up\n"; }));  // by then the kernel's log is open
  Says(Cat("sh[", running.ranks[0].pid, "]: segfault at 0 ip 0000 sp 0000 error 4 in libtorch.so[7f12+100]"));
  std::filesystem::create_directory(root_ + "/go");
  const KeeperStatus status = AwaitPhase(KeeperPhase::empty);
  EXPECT_EQ(status.ranks[0].exit->signal, static_cast<std::uint32_t>(SIGSEGV));
  EXPECT_EQ(status.ranks[0].exit->kernel,
            Cat("sh[", running.ranks[0].pid, "]: segfault at 0 ip 0000 sp 0000 error 4 in libtorch.so[7f12+100]"));
  EXPECT_EQ(status.ranks[1].exit->kernel, "");
}

}  // namespace
}  // namespace everstep
