#include "base/real/poll.h"

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/resource.h>

#include "base/real/fd.h"

namespace everstep {
namespace {

TEST(PollOrPause, TellsWhatIsReady) {
  const Fd rung(eventfd(1, EFD_CLOEXEC)), quiet(eventfd(0, EFD_CLOEXEC));
  std::vector<pollfd> fds{{quiet.get(), POLLIN, POLLIN}, {rung.get(), POLLIN, 0}};
  EXPECT_EQ(PollOrPause(fds, -1), 1);
  EXPECT_EQ(fds[0].revents, 0);
  EXPECT_EQ(fds[1].revents, POLLIN);
}

// poll() itself refuses then, with EINVAL, which once ended an agent.
TEST(PollOrPause, AnOpenFileLimitBelowWhatItWatchesIsWaitedOut) {
  const Fd rung(eventfd(1, EFD_CLOEXEC));
  std::vector<pollfd> fds{{rung.get(), POLLIN, 0}};
  rlimit files{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &files), 0);
  const rlimit none{.rlim_cur = 0, .rlim_max = files.rlim_max};
  ::setrlimit(RLIMIT_NOFILE, &none);
  const int meanwhile = PollOrPause(fds, -1);
  ::setrlimit(RLIMIT_NOFILE, &files);
  EXPECT_EQ(meanwhile, 0);
  EXPECT_EQ(fds[0].revents, 0);
  EXPECT_EQ(PollOrPause(fds, -1), 1);
}

}  // namespace
}  // namespace everstep
