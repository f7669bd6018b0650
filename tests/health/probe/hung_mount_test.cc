// A real mount that hangs: FUSE whose server never answers. Mounted in a namespace of the probe's own process, and gone with
// it.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>

#include "base/text.h"
#include "health/probe/probes.h"
#include "health/scan/runner.h"
#include "tests/health/probe/tree.h"

namespace everstep::health {
namespace {

bool MountSilence(const std::string& directory) {
  if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return false;
  const int server = ::open("/dev/fuse", O_RDWR | O_CLOEXEC);  // open as long as this process lives, and never read
  if (server < 0) return false;
  const std::string options = Cat("fd=", server, ",rootmode=40000,user_id=0,group_id=0");
  return ::mount("silence", directory.c_str(), "fuse", 0, options.c_str()) == 0;
}

TEST(HungMount, AFileSystemThatNeverAnswersIsToldWithTheCallThatWaitsForIt) {
  Tree tree("== /data/nothing\n\n");
  const std::string data = tree.root() + "/data";
  const Probe probe{.name = "mount", .scope = data, .deadline = 2s, .run = [&](Sink& sink) {
                      if (!MountSilence(data)) return sink.Word("skip", "", "this needs CAP_SYS_ADMIN and /dev/fuse", "");
                      ProbeMount(Root("/"), data, PathUse::checkpoint, sink);
                    }};
  const ProbeResult result = RunProbes({probe}).at(0);
  if (!result.readings.empty() && result.readings.front().check == "skip") GTEST_SKIP() << *result.readings.front().word;
  EXPECT_TRUE(result.timed_out);
  EXPECT_EQ(result.broken, Cat("no answer within 2 s, waiting for statvfs(", data, ")"));
  ASSERT_EQ(result.readings.size(), 2u);  // what the mount table tells needs no answer
  EXPECT_EQ(result.readings[0].word, "rw");
  EXPECT_EQ(result.readings[1].word, "remote");
}

}  // namespace
}  // namespace everstep::health
