// The program itself: what it says and how it exits when it is used wrongly, or when there is nobody to talk to.

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/real/fd.h"
#include "base/text.h"
#include "tests/launcher/cli/program.h"

namespace everstep {
namespace {

class CommandLine : public ProgramTest {};

TEST_F(CommandLine, EveryMistakeIsToldOnStderrWithTheWayOutAndIsNoCodeThatAJobOfRunCouldHave) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> rows{
      {{"jbos"}, "everstep: unknown verb jbos\n  did you mean `jobs`?\n"},
      {{"frobnicate"}, "everstep: unknown verb frobnicate\n  see everstep --help\n"},
      {{"jobs", "--al"}, "everstep jobs: unknown flag --al\n  did you mean `--all`?\n"},
      {{"jobs", "now"}, "everstep jobs: unexpected word now\n  see everstep jobs --help\n"},
      {{"jobs", "-o", "yaml"}, "everstep jobs: --output: yaml not in {table,json}\n  see everstep jobs --help\n"},
      {{"job"}, "everstep job: ID is required\n  see everstep job --help\n"},
      {{"run", "--nnode", "2", "train.py"}, "everstep run: unknown flag --nnode\n  did you mean `--nnodes`?\n"},
      {{"run", "--nnodes", "0", "train.py"},
       "everstep run: --nnodes: Value 0 not in range 1 to 16384\n  see everstep run --help\n"},
      {{"run", "--standalone", "train.py"},
       "everstep run: unknown flag --standalone\n  leave it out: Everstep places the ranks and chooses MASTER_ADDR and "
       "MASTER_PORT\n"},
      {{"run", "--rdzv_backend=c10d", "t.py"},
       "everstep run: unknown flag --rdzv-backend\n  leave it out: Everstep places the ranks and chooses MASTER_ADDR and "
       "MASTER_PORT\n"},
      {{"logs", "a", "--all", "--generation", "2"}, "everstep logs: --generation excludes --all\n  see everstep logs --help\n"},
      {{"up", "--nodes", "0"}, "everstep up: --nodes: Value 0 not in range 1 to 64\n  see everstep up --help\n"}};
  for (const auto& [words, err] : rows) {
    const Ran ran = Everstep(words);
    EXPECT_EQ(ran.code, words.front() == "run" ? 125 : 2) << Join(words, " ");
    EXPECT_EQ(ran.err, err);
    EXPECT_EQ(ran.out, "");
  }
}

TEST_F(CommandLine, HelpIsDataAndEveryVerbHasIt) {
  const Ran help = Everstep({"--help"});
  EXPECT_EQ(help.code, 0);
  EXPECT_EQ(help.err, "");
  for (const char* verb : {"up", "down", "run", "submit", "jobs", "job", "logs", "cancel", "wait", "explain", "nodes", "node",
                           "events", "version"}) {
    EXPECT_NE(help.out.find(Cat("\n  ", verb, ' ')), std::string::npos) << verb;
    const Ran one = Everstep({verb, "--help"});
    EXPECT_EQ(one.code, 0) << verb;
    EXPECT_TRUE(one.out.find(Cat("usage: everstep ", verb)) != std::string::npos) << one.out;
    EXPECT_EQ(one.out.find("{false}"), std::string::npos) << one.out;
    for (const std::string& line : Split(one.out, '\n')) EXPECT_LE(line.size(), 120u) << line;
  }
  EXPECT_EQ(help.out.find("supervise"), std::string::npos) << "not for people";
}

TEST_F(CommandLine, WithoutAVerbItShowsTheHelpAndFails) {
  const Ran ran = Everstep({});
  EXPECT_EQ(ran.code, 2);
  EXPECT_EQ(ran.out, "");
  EXPECT_NE(ran.err.find("usage: everstep VERB"), std::string::npos);
}

// Port 1 of the loopback: nobody serves there.
TEST_F(CommandLine, WithoutALauncherEveryVerbSaysSo) {
  for (const std::vector<std::string>& words : {std::vector<std::string>{"jobs"},
                                                {"job", "a"},
                                                {"nodes"},
                                                {"node", "n1"},
                                                {"events"},
                                                {"explain", "a"},
                                                {"cancel", "a"},
                                                {"logs", "a"}}) {
    std::vector<std::string> all{"--launcher", "127.0.0.1:1"};
    all.insert(all.end(), words.begin(), words.end());
    const Ran ran = Everstep(all);
    EXPECT_EQ(ran.code, 2) << Join(words, " ");
    EXPECT_EQ(ran.out, "");
    EXPECT_NE(ran.err.find("127.0.0.1:1"), std::string::npos) << ran.err;
  }
  EXPECT_EQ(Everstep({"run", "--launcher", "127.0.0.1:1", "--", "true"}).code, 125) << "not a code that the job could have";
}

TEST_F(CommandLine, TheAddressComesFromTheFlagThenTheVariable) {
  const Ran ran = Everstep({"jobs", "--launcher", "10.0.0.1:7450"});
  EXPECT_EQ(ran.code, 2);
  EXPECT_NE(ran.err.find("--insecure"), std::string::npos) << "plain text leaves this machine only on request: " << ran.err;
}

TEST_F(CommandLine, TheVariableForPlainTextIsReadAsTheDaemonsReadIt) {
  const std::vector<std::string> ask{"jobs", "--launcher", "192.0.2.1:1"};
  variables_ = {"EVERSTEP_INSECURE=false"};
  EXPECT_NE(Everstep(ask).err.find("--insecure"), std::string::npos);
  variables_ = {"EVERSTEP_INSECURE=yes"};
  const Ran ran = Everstep(ask);
  EXPECT_EQ(ran.code, 2);
  EXPECT_EQ(ran.err, "everstep: EVERSTEP_INSECURE: found \"yes\", legal: true or false\n");
  EXPECT_EQ(Everstep({"run", "true"}).code, 125);
  variables_ = {"EVERSTEP_INSECURE=true"};
  EXPECT_EQ(Everstep({"jobs", "--launcher", "no port"}).err.find("--insecure"), std::string::npos);
}

TEST_F(CommandLine, OutputThatWasLostIsNoSuccess) {
  const Fd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  out_ = full.get();
  for (const std::vector<std::string>& words : {std::vector<std::string>{"version", "--launcher", "127.0.0.1:1"}, {"--help"}}) {
    const Ran ran = Everstep(words);
    EXPECT_EQ(ran.code, 2);
    EXPECT_EQ(ran.err, "everstep: cannot write to stdout: No space left on device\n");
  }
  EXPECT_EQ(Everstep({"run", "--help"}).code, 125);
}

TEST_F(CommandLine, AReaderThatWentAwayIsNoNews) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  ::close(ends[0]);
  const Fd closed(ends[1]);
  out_ = closed.get();
  EXPECT_EQ(Everstep({"--help"}).err, "");
}

TEST_F(CommandLine, ABadJobFileIsRefusedBeforeAnybodyIsAsked) {
  const Ran ran = Everstep({"submit", "-"}, "command: [python3, train.py]\nnode: 4\nspares: many\n");
  EXPECT_EQ(ran.code, 2);
  EXPECT_EQ(ran.out, "");
  EXPECT_EQ(
      ran.err,
      "everstep: stdin:2:1: node: found an unknown key, legal: command, resume_args, name, nodes, processes_per_node, spares, "
      "workdir, env, env_from, priority, checkpoint, progress, restart, stop_grace; did you mean `nodes`?\n"
      "stdin:3:9: spares: found \"many\", legal: 0 to 16384\n");
  EXPECT_EQ(Everstep({"submit", "/nonexistent.yaml"}).err,
            "everstep: cannot open /nonexistent.yaml: No such file or directory\n");
}

TEST_F(CommandLine, RunRefusesWhatCannotBeAJob) {
  const Ran ran = Everstep({"run", "--nproc-per-node", "many", "--", "true"});
  EXPECT_EQ(ran.code, 125);
  EXPECT_EQ(ran.err, "everstep: --nproc-per-node: found \"many\", legal: 1 to 1024, auto, gpu or cpu\n");
}

TEST_F(CommandLine, ADangerousConfirmationNeedsAPersonOrYes) {
  const Ran ran = Everstep({"node", "n1", "--confirm-dead"});
  EXPECT_EQ(ran.code, 2);
  EXPECT_EQ(ran.err, "everstep: --confirm-dead asks for confirmation, and nobody is there to ask\n  add --yes\n");
}

TEST_F(CommandLine, DownWithoutAClusterHasNothingToDo) {
  const Ran ran = Everstep({"down"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.err, Cat("no cluster is up in ", directory_, "/.local/state/everstep/local\n"));
}

TEST_F(CommandLine, UpLeavesADirectoryAloneThatIsNotItsOwn) {
  std::filesystem::create_directory(File("mine"));
  std::ofstream(File("mine/thesis.txt")) << "dear";
  const Ran ran = Everstep({"up", "--state", File("mine")});
  EXPECT_EQ(ran.code, 2);
  EXPECT_TRUE(std::filesystem::exists(File("mine/thesis.txt")));
}

TEST_F(CommandLine, VersionNeedsNoLauncher) {
  const Ran ran = Everstep({"version", "--launcher", "127.0.0.1:1"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.out.substr(0, 10), "everstep  ");
  EXPECT_NE(ran.out.find("\nlauncher  none: "), std::string::npos);
}

}  // namespace
}  // namespace everstep
