#include "tests/launcher/cli/program.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/text.h"

namespace everstep {

void ProgramTest::SetUp() {
  std::string name = testing::TempDir() + "everstep_program_XXXXXX";
  ASSERT_NE(mkdtemp(name.data()), nullptr);
  directory_ = name;
}

void ProgramTest::TearDown() { std::filesystem::remove_all(directory_); }

Ran ProgramTest::Everstep(std::vector<std::string> words, const std::string& input) {
  std::ofstream(File("in")) << input;
  words.insert(words.begin(), EVERSTEP_PROGRAM);
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
  if (posix_spawn(&pid, EVERSTEP_PROGRAM, &files, nullptr, argv.data(), environment.data()) == 0) {
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

}  // namespace everstep
