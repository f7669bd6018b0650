#include "tests/launcher/cli/program.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/real/clock.h"
#include "base/real/proc.h"
#include "base/text.h"
#include "launcher/cli/local_cluster.h"

namespace everstep {

void ProgramTest::SetUp() {
  std::string name = testing::TempDir() + "everstep_program_XXXXXX";
  ASSERT_NE(mkdtemp(name.data()), nullptr);
  directory_ = name;
}

void ProgramTest::TearDown() { std::filesystem::remove_all(directory_); }

Ran ProgramTest::Everstep(std::vector<std::string> words, const std::string& input) {
  words.insert(words.begin(), EVERSTEP_PROGRAM);
  return Program(std::move(words), input);
}

Ran ProgramTest::Program(std::vector<std::string> words, const std::string& input) {
  std::ofstream(File("in")) << input;
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  std::string home = Cat("HOME=", directory_), path = "PATH=/usr/bin:/bin";
  std::vector<char*> environment{home.data(), path.data()};
  for (std::string& variable : variables_) environment.push_back(variable.data());
  environment.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 0, File("in").c_str(), O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, 1, File("out").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (out_ >= 0) posix_spawn_file_actions_adddup2(&files, out_, 1);
  posix_spawn_file_actions_addopen(&files, 2, File("err").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  pid_t pid = 0;
  Ran ran;
  if (posix_spawn(&pid, argv.front(), &files, nullptr, argv.data(), environment.data()) == 0) {
    int status = 0;
    waitpid(pid, &status, 0);
    ran = {.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), .out = Read("out"), .err = Read("err")};
  }
  posix_spawn_file_actions_destroy(&files);
  return ran;
}

std::string ProgramTest::Read(const std::string& name) const {
  std::ifstream in(File(name));
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

void ClusterTest::TearDown() {  // whatever a test that failed has left
  Everstep({"down", "--now"});
  EXPECT_EQ(Join(Left()), "");
  ProgramTest::TearDown();
}

void ClusterTest::Up(const std::string& nodes) {
  const Ran up = Everstep({"up", "--nodes", nodes});
  ASSERT_EQ(up.code, 0) << up.err << LogTail(Directory() + "/launcher.log", 20) << LogTail(Directory() + "/n1.log", 20);
}

std::vector<std::string> ClusterTest::Left(const std::string& word) const {
  std::vector<std::string> left;
  for (const ProcessStat& process : AllProcesses()) {
    std::string line = ReadKernelFile(Cat("/proc/", process.pid, "/cmdline")).value_or("");
    std::replace(line.begin(), line.end(), '\0', ' ');
    if (process.state != 'Z' && (line.find(directory_) != std::string::npos || line.find(word) != std::string::npos))
      left.push_back(Cat(process.pid, ": ", line));
  }
  return left;
}

bool ClusterTest::Eventually(const std::function<bool()>& holds) {
  RealClock clock;
  for (const Time deadline = clock.Now() + 60s; !holds(); ::poll(nullptr, 0, 50))
    if (clock.Now() > deadline) return false;
  return true;
}

}  // namespace everstep
