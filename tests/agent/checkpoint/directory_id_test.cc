#include "agent/checkpoint/directory_id.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <set>
#include <thread>

#include "tests/agent/checkpoint/fixtures.h"

namespace everstep {
namespace {

TEST(DirectoryIdOf, TheSameDirectoryIsTheSameWhoeverAsksAndHoweverManyAtOnce) {
  const TempDir shared, other;
  std::vector<std::string> seen(8);
  {
    std::vector<std::jthread> hosts;
    for (std::string& id : seen) hosts.emplace_back([&id, &shared] { id = DirectoryId(shared.path()); });
  }
  EXPECT_EQ(std::set<std::string>(seen.begin(), seen.end()).size(), 1u);
  EXPECT_EQ(seen[0].size(), 32u);
  EXPECT_NE(DirectoryId(other.path()), seen[0]);
  EXPECT_EQ(Names(shared / ".everstep"), std::vector<std::string>{"id"}) << "whoever came second leaves nothing";
}

TEST(DirectoryIdOf, NothingIsMadeWhereThereIsNoDirectoryAndGarbageIsNoName) {
  const TempDir dir;
  EXPECT_EQ(DirectoryId(dir / "missing"), "");
  EXPECT_FALSE(std::filesystem::exists(dir / "missing"));
  EXPECT_EQ(DirectoryId("/proc"), "");
  std::filesystem::create_directory(dir / ".everstep");
  Overwrite(dir / ".everstep/id", "half");
  EXPECT_EQ(DirectoryId(dir.path()), "") << "somebody else's";
}

}  // namespace
}  // namespace everstep
