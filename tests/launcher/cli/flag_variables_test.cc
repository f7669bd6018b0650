// A variable for every flag of every verb, and the ways to ask for help and to be told what was misspelt.

#include <fstream>

#include "base/text.h"
#include "tests/launcher/cli/program.h"

namespace everstep {
namespace {

class FlagVariables : public ProgramTest {};

TEST_F(FlagVariables, AFlagThatIsNotGivenIsTakenFromItsVariableAndOneThatIsGivenWins) {
  const std::vector<std::string> run{"run", "--launcher", "127.0.0.1:1", "--", "true"};
  EXPECT_NE(Everstep(run).err.find("connection refused"), std::string::npos);
  variables_ = {"EVERSTEP_RUN_NPROC_PER_NODE=many"};
  EXPECT_NE(Everstep(run).err.find("--nproc-per-node: found \"many\""), std::string::npos) << "it was taken";
  EXPECT_EQ(Everstep({"run", "--nproc-per-node", "2", "--launcher", "127.0.0.1:1", "--", "true"}).err.find("many"),
            std::string::npos);
  std::ofstream(File("mine-7")) << "own format";
  variables_ = {"EVERSTEP_CKPT_GLOB=mine-*"};
  EXPECT_NE(Everstep({"ckpt", "ls", directory_}).out.find("matches mine-*"), std::string::npos) << "also of a verb in a verb";
  EXPECT_EQ(Everstep({"ckpt", "ls", directory_, "--marker", "x"}).out.find("matches"), std::string::npos)
      << "what excludes a flag that was given is passed over";
}

TEST_F(FlagVariables, AnErrorNamesTheVariable) {
  variables_ = {"EVERSTEP_RUN_NNODES=0"};
  const Ran range = Everstep({"run", "--", "true"});
  EXPECT_EQ(range.code, 125);
  EXPECT_EQ(
      range.err,
      "everstep: EVERSTEP_RUN_NNODES: found \"0\", legal: 1 to 16384\n  the variable of a flag takes what the flag takes\n");
  variables_ = {"EVERSTEP_LOGS_FOLLOW=yes"};
  EXPECT_EQ(Everstep({"logs", "a"}).err, "everstep: EVERSTEP_LOGS_FOLLOW: found \"yes\", legal: true, false, 1 or 0\n");
}

TEST_F(FlagVariables, ConfigViewShowsThoseThatAreSet) {
  variables_ = {"EVERSTEP_RUN_NNODES=3", "EVERSTEP_NO_HEADERS=1"};
  const std::string out = Everstep({"config", "view"}).out;
  EXPECT_NE(out.find("no-headers    true            EVERSTEP_NO_HEADERS\n"), std::string::npos) << out;
  EXPECT_NE(out.find("run --nnodes  3               EVERSTEP_RUN_NNODES\n"), std::string::npos) << out;
}

TEST_F(FlagVariables, HelpAndManualSayHowTheyAreCalled) {
  EXPECT_NE(Everstep({"jobs", "--help"}).out.find("from its variable, EVERSTEP_JOBS_FLAG."), std::string::npos);
  EXPECT_NE(Everstep({"man", "jobs"}).out.find("from its variable, EVERSTEP_JOBS_FLAG."), std::string::npos);
}

class AskingForHelp : public ProgramTest {};

TEST_F(AskingForHelp, TheVersionIsAFlagToo) {
  const Ran ran = Everstep({"--version"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_TRUE(ran.out.starts_with("everstep ")) << ran.out;
  EXPECT_EQ(ran.err, "");
}

TEST_F(AskingForHelp, HelpIsAVerbToo) {
  EXPECT_EQ(Everstep({"help", "jobs"}).out, Everstep({"jobs", "--help"}).out);
  EXPECT_EQ(Everstep({"help", "ckpt", "verify"}).out, Everstep({"ckpt", "verify", "--help"}).out);
  EXPECT_EQ(Everstep({"help"}).out, Everstep({"--help"}).out);
  const Ran typo = Everstep({"help", "jbos"});
  EXPECT_EQ(typo.code, 2);
  EXPECT_EQ(typo.err, "everstep: unknown verb jbos\n  did you mean `jobs`?\n");
}

TEST_F(AskingForHelp, TheWordThatWasMisspeltIsNamed) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> rows{
      {{"events", "x", "--jb"}, "everstep events: unknown flag --jb\n  did you mean `--job`?\n"},
      {{"events", "--jb", "x"}, "everstep events: unknown flag --jb\n  did you mean `--job`?\n"},
      {{"-o", "json", "jobs"}, "everstep: -o comes after the verb\n  everstep jobs -o json\n"},
      {{"--tail", "5", "logs", "a"}, "everstep: --tail comes after the verb\n  everstep VERB --tail\n"},
      {{"ckpt", "verfiy"}, "everstep ckpt: unknown verb verfiy\n  did you mean `verify`?\n"},
      {{"ckpt"}, "everstep ckpt: ls or verify is required\n  see everstep ckpt --help\n"},
      {{"ckpt", "ls", "--glb", "x"}, "everstep ckpt ls: unknown flag --glb\n  did you mean `--glob`?\n"}};
  for (const auto& [words, err] : rows) {
    const Ran ran = Everstep(words);
    EXPECT_EQ(ran.code, 2) << Join(words, " ");
    EXPECT_EQ(ran.err, err);
  }
}

}  // namespace
}  // namespace everstep
