// The writer's thread: who writes does not wait, the newest value wins.
#include "agent/daemon/disk_writer.h"

#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <vector>

#include "tests/fakes/memory_files.h"

namespace everstep {
namespace {

// A disk that holds its first write until it is let go.
class StuckFiles : public MemoryFiles {
 public:
  Status Write(const std::string& path, const std::string& bytes) override {
    if (writes == 0) {
      reached.set_value();
      go.get_future().wait();
    }
    return MemoryFiles::Write(path, bytes);
  }
  std::promise<void> reached{};
  std::promise<void> go{};
};

TEST(DiskWriter, WhoeverWritesDoesNotWaitAndOfWhatWaitsOnlyTheNewestIsWritten) {
  StuckFiles files;
  std::vector<std::uint64_t> numbers;
  std::promise<void> last;
  {
    DiskWriter writer(files, [&](const StateWritten& written) {
      EXPECT_TRUE(written.status);
      EXPECT_EQ(written.path, "/s/a");
      numbers.push_back(written.number);
      if (written.number == 4) last.set_value();
    });
    writer.Write("/s/a", 1, "one");
    files.reached.get_future().wait();
    for (std::uint64_t i = 2; i <= 4; ++i) writer.Write("/s/a", i, "newer");
    EXPECT_EQ(files.files.count("/s/a"), 0u);
    files.go.set_value();
    last.get_future().wait();
  }
  EXPECT_EQ(numbers, (std::vector<std::uint64_t>{1, 4}));
  EXPECT_EQ(files.writes, 2u);
}

TEST(DiskWriter, AnErrorComesBackWithItsWrite) {
  MemoryFiles files;
  files.write_error = Error{ErrorCode::kIo, "cannot sync", ""};
  std::promise<StateWritten> told;
  DiskWriter writer(files, [&](StateWritten written) { told.set_value(std::move(written)); });
  writer.Write("/s/b", 7, "x");
  const StateWritten written = told.get_future().get();
  EXPECT_EQ(written.number, 7u);
  ASSERT_FALSE(written.status);
  EXPECT_EQ(written.status.error().message, "cannot sync");
}

}  // namespace
}  // namespace everstep
