// The SQLite store on real files: who may open them, what a refusal leaves behind, and a launcher that is killed for real.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <map>

#include "launcher/store/open.h"
#include "tests/launcher/store/scenario.h"

namespace everstep {
namespace {

std::map<std::string, std::string> FilesIn(const std::string& directory) {
  std::map<std::string, std::string> files;
  for (const auto& file : std::filesystem::directory_iterator(directory)) {
    std::ifstream in(file.path(), std::ios::binary);
    files[file.path().filename()] = std::string(std::istreambuf_iterator<char>(in), {});
  }
  return files;
}

class RealFiles : public testing::Test {
 protected:
  std::unique_ptr<Store> Make() { return OpenStore("sqlite:" + directory_.path(), clock_).value(); }

  StillClock clock_;
  TemporaryDirectory directory_;
};

TEST_F(RealFiles, ASecondLauncherIsRefusedAndToldWhichProcessHasTheStore) {
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t holder = fork();
  if (holder == 0) {
    const auto store = Make();
    const char good = store->Open() ? 'y' : 'n';
    if (write(ready[1], &good, 1) == 1) pause();
    _exit(0);
  }
  char good = 0;
  ASSERT_EQ(read(ready[0], &good, 1), 1);
  ASSERT_EQ(good, 'y');
  const auto before = FilesIn(directory_.path());

  const auto refused = Make()->Open();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kConflict);
  EXPECT_EQ(refused.error().Str(), Cat("the state directory ", directory_.path(), " is in use by process ", holder,
                                       "; end that launcher first, or give this one a state_dir of its own"));
  EXPECT_EQ(FilesIn(directory_.path()), before);

  kill(holder, SIGKILL);
  waitpid(holder, nullptr, 0);
  EXPECT_EQ(Outcome(Make()->Open()), "good") << "a dead launcher holds nothing";
  close(ready[0]);
  close(ready[1]);
}

TEST_F(RealFiles, SpaceIsHeldBackForAFullDiskAndTakenOverByTheNextLauncher) {
  const std::string reserve = directory_.path() + "/everstep.reserve";
  for (int launcher = 0; launcher < 2; ++launcher) {
    const auto store = Make();
    ASSERT_EQ(Outcome(store->Open()), "good");
    ASSERT_EQ(std::filesystem::file_size(reserve), 16u << 20);
    EXPECT_EQ(FilesIn(directory_.path())["everstep.reserve"], std::string(16u << 20, '\0'));
  }
}

TEST_F(RealFiles, OneFlippedBitInTheWriteAheadLogIsRefusedAndEveryFileStaysAsItIs) {
  {
    const auto store = Make();
    ASSERT_TRUE(store->Open());
    ASSERT_TRUE(store->BeginEpoch(Epoch(1)));
    for (std::uint64_t i = 0; i < 100; ++i) ASSERT_TRUE(store->Append(LogIndex(i), Epoch(1), {Of({Cat("entry ", i + 1)})}));
  }
  const std::string wal = directory_.path() + "/everstep.db-wal";
  {
    std::fstream file(wal, std::ios::in | std::ios::out | std::ios::binary);
    const auto middle = static_cast<std::streamoff>(std::filesystem::file_size(wal) / 2);
    file.seekg(middle);
    const char byte = static_cast<char>(file.get());
    file.seekp(middle);
    file.put(static_cast<char>(byte ^ 1));
  }
  const auto before = FilesIn(directory_.path());
  const auto refused = Make()->Open();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kCorrupt);
  EXPECT_NE(refused.error().message.find("but entry 100 (commit 102) was acknowledged"), std::string::npos)
      << refused.error().Str();
  EXPECT_EQ(FilesIn(directory_.path()), before);
}

TEST_F(RealFiles, AFileThatIsNoDatabaseIsRefusedAndStaysAsItIs) {
  std::ofstream(directory_.path() + "/everstep.db") << "precious notes of somebody else, by no means a database\n";
  const auto before = FilesIn(directory_.path());
  const auto refused = Make()->Open();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(FilesIn(directory_.path()), before);
}

TEST_F(RealFiles, ALauncherKilledAgainAndAgainWhileItWritesLosesNoEntryThatItSaidWasDurable) {
  std::uint64_t told = 0;  // the highest index that a launcher called durable
  for (std::uint64_t epoch = 1; epoch <= 12; ++epoch) {
    int durable[2];
    ASSERT_EQ(pipe(durable), 0);
    const pid_t launcher = fork();
    if (launcher == 0) {
      const auto store = Make();
      const auto recovered = store->Open();
      if (!recovered || !store->BeginEpoch(Epoch(epoch))) _exit(1);
      for (std::uint64_t end = recovered->entries.size();;) {
        const auto appended =
            store->Append(LogIndex(end), Epoch(epoch), {Of({Cat("entry ", end + 1)}), Of({Cat("entry ", end + 2)})});
        if (!appended) _exit(1);
        end = appended->value;
        if (write(durable[1], &end, sizeof end) != sizeof end) _exit(1);
      }
    }
    close(durable[1]);
    for (std::uint64_t i = 0; i < 3 + epoch; ++i)
      ASSERT_EQ(read(durable[0], &told, sizeof told), static_cast<ssize_t>(sizeof told));
    kill(launcher, SIGKILL);
    waitpid(launcher, nullptr, 0);
    while (read(durable[0], &told, sizeof told) > 0) {
    }
    close(durable[0]);

    const auto recovered = Make()->Open();
    ASSERT_TRUE(recovered) << recovered.error().Str();
    ASSERT_GE(recovered->entries.size(), told);
    ASSERT_LE(recovered->entries.size(), told + 2) << "one group may be durable that nobody was told of";
    ASSERT_EQ(recovered->entries.size() % 2, 0u) << "half a group";
    for (std::size_t i = 0; i < recovered->entries.size(); ++i) ASSERT_EQ(recovered->entries[i], Cat("entry ", i + 1));
  }
}

}  // namespace
}  // namespace everstep
