// The program itself: what it says and how it exits when it is used wrongly, or when there is nobody to talk to.

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/real/fd.h"
#include "base/text.h"
#include "launcher/config/job_file.h"
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
      {{"jobs", "-o", "yml"},
       "everstep jobs: --output: found \"yml\", legal: table, wide, json, yaml or jsonl; did you mean `yaml`?\n"
       "  see everstep jobs --help\n"},
      {{"jobs", "--max", "many"}, "everstep jobs: --max: found \"many\", legal: 1 to 10000\n  see everstep jobs --help\n"},
      {{"jobs", "--color", "yes"},
       "everstep jobs: --color: found \"yes\", legal: auto, always or never\n  see everstep jobs --help\n"},
      {{"logs", "a", "--rank", "-1"},
       "everstep logs: --rank: found \"-1\", legal: numbers such as 0,1 or 0-3\n  see everstep logs --help\n"},
      {{"job"}, "everstep job: JOB is required\n  see everstep job --help\n"},
      {{"run", "--nnode", "2", "train.py"}, "everstep run: unknown flag --nnode\n  did you mean `--nnodes`?\n"},
      {{"run", "--nnodes", "0", "train.py"},
       "everstep run: --nnodes: found \"0\", legal: 1 to 16384\n  see everstep run --help\n"},
      {{"run", "--nnodes", "2:4", "train.py"},
       "everstep run: --nnodes: found \"2:4\", but jobs that grow and shrink are not there yet: write --nnodes 4\n"
       "  see everstep run --help\n"},
      {{"run", "--numa-binding", "node", "train.py"}, "everstep run: unknown flag --numa-binding\n  see everstep run --help\n"},
      {{"logs", "a", "--all", "--generation", "2"}, "everstep logs: --generation excludes --all\n  see everstep logs --help\n"},
      {{"node", "n1", "--dry-run"}, "everstep node: --dry-run requires --confirm-dead\n  see everstep node --help\n"},
      {{"schema", "jobs"},
       "everstep schema: WHICH: found \"jobs\", legal: job, launcher or agent; did you mean `job`?\n"
       "  see everstep schema --help\n"},
      {{"man", "rum"}, "everstep: unknown verb rum\n  did you mean `run`?\n"},
      {{"up", "--nodes", "0"}, "everstep up: --nodes: found \"0\", legal: 1 to 64\n  see everstep up --help\n"}};
  for (const auto& [words, err] : rows) {
    const Ran ran = Everstep(words);
    EXPECT_EQ(ran.code, words.front() == "run" ? 125 : 2) << Join(words, " ");
    EXPECT_EQ(ran.err, err);
    EXPECT_EQ(ran.out, "");
  }
}

TEST_F(CommandLine, FlagsOfTorchrunAreUnderstoodAndWhatHasNoEffectIsSaid) {
  const Ran ran = Everstep({"run", "--launcher", "127.0.0.1:1", "--standalone", "--nproc_per_node=2", "--rdzv_backend", "c10d",
                            "--master-port=29500", "--monitor_interval", "5", "--run_path", "--logs-specs", "default",
                            "--virtual-local-rank", "-t", "3", "--no_python", "a.py"});
  EXPECT_EQ(ran.code, 125) << "nobody is there";
  EXPECT_EQ(
      ran.err.substr(0, ran.err.find("everstep: ")),
      "--standalone, --rdzv-backend and --master-port have no effect: the launcher places the ranks, and chooses MASTER_ADDR "
      "and MASTER_PORT anew for each start\n"
      "--monitor-interval has no effect: the end of a rank is seen at once\n"
      "--run-path has no effect: each rank is a program of its own\n"
      "--virtual-local-rank has no effect: every rank sees its own LOCAL_RANK\n"
      "--logs-specs has no effect: the hosts keep all output: everstep logs\n"
      "without --log-dir nothing is filed here; the hosts keep all output: everstep logs\n");
}

TEST_F(CommandLine, HelpIsDataAndEveryVerbHasIt) {
  const Ran help = Everstep({"--help"});
  EXPECT_EQ(help.code, 0);
  EXPECT_EQ(help.err, "");
  for (const char* verb : {"check", "up",     "down",   "run",    "init",       "lint",      "top",    "submit",  "jobs",
                           "job",   "logs",   "cancel", "wait",   "explain",    "incidents", "drain",  "undrain", "nodes",
                           "node",  "events", "config", "schema", "completion", "man",       "version"}) {
    EXPECT_NE(help.out.find(Cat("\n  ", verb, ' ')), std::string::npos) << verb;
    const Ran one = Everstep({verb, "--help"});
    EXPECT_EQ(one.code, 0) << verb;
    EXPECT_TRUE(one.out.find(Cat("usage: everstep ", verb)) != std::string::npos) << one.out;
    EXPECT_EQ(one.out.find("{false}"), std::string::npos) << one.out;
    for (const std::string& line : Split(one.out, '\n')) EXPECT_LE(line.size(), 120u) << line;
  }
  for (const char* hidden : {"supervise", "names"})
    EXPECT_EQ(help.out.find(Cat("\n  ", hidden)), std::string::npos) << "not for people";
}

TEST_F(CommandLine, AJobFileToBeginWithIsGoodHasEveryKeyAndReplacesNothing) {
  const std::string file = File("first.yaml");
  const Ran made = Everstep({"init", file});
  EXPECT_EQ(made.code, 0) << made.err;
  EXPECT_EQ(made.err, Cat("wrote ", file, "; next: everstep lint ", file, '\n'));
  for (const yaml::Entry& entry : yaml::EntriesOf(JobFileTable(), JobSpec{}))
    EXPECT_NE(Read("first.yaml").find(Cat('\n', entry.name, ':')), std::string::npos) << entry.name;
  const Ran lint = Everstep({"lint", file});
  EXPECT_EQ(lint.code, 0) << lint.err;
  EXPECT_NE(lint.out.find("good: train on 1 host"), std::string::npos) << lint.out;
  EXPECT_EQ(Everstep({"init", "-"}).out.substr(0, 20), Read("first.yaml").substr(0, 20));
  const Ran again = Everstep({"init", file});
  EXPECT_EQ(again.code, 2);
  EXPECT_EQ(again.err, Cat("everstep: ", file, " is there already\n  name another file, or - for stdout\n"));
}

TEST_F(CommandLine, HelpShowsArgumentsThatMayBeLeftOutInBrackets) {
  EXPECT_NE(Everstep({"incidents", "--help"}).out.find("usage: everstep incidents [JOB] [flags]\n"), std::string::npos);
  EXPECT_NE(Everstep({"job", "--help"}).out.find("usage: everstep job JOB [flags]\n"), std::string::npos);
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

TEST_F(CommandLine, WaitSaysThatNobodyAnswersWhenItBeginsAndWhenItGivesUp) {
  const Ran ran = Everstep({"wait", "train-1", "--timeout", "700ms", "--launcher", "127.0.0.1:1"});
  EXPECT_EQ(ran.code, 124);
  EXPECT_EQ(ran.err,
            "the launcher does not answer (no launcher at 127.0.0.1:1: connection refused), trying again\n"
            "nobody answered within 700ms: whether train-1 has ended is not known\n");
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
  EXPECT_EQ(ran.err, "everstep: EVERSTEP_INSECURE: found \"yes\", legal: true, false, 1 or 0\n");
  EXPECT_EQ(Everstep({"run", "true"}).code, 125);
  variables_ = {"EVERSTEP_INSECURE=true"};
  EXPECT_EQ(Everstep({"jobs", "--launcher", "no port"}).err.find("--insecure"), std::string::npos);
}

TEST_F(CommandLine, EachFlagOfAllVerbsHasAVariableAndTheFlagWins) {
  variables_ = {"EVERSTEP_LAUNCHER=127.0.0.1:2", "EVERSTEP_OUTPUT=jsonl", "EVERSTEP_COLOR=never", "EVERSTEP_NO_HEADERS=true"};
  EXPECT_EQ(Everstep({"config", "view", "-o", "wide", "--launcher", "127.0.0.1:1"}).out,
            "launcher    127.0.0.1:1  --launcher\n"
            "insecure    false        default\n"
            "color       never        EVERSTEP_COLOR\n"
            "output      wide         --output\n"
            "no-headers  true         EVERSTEP_NO_HEADERS\n");
  EXPECT_EQ(Split(Everstep({"config", "view"}).out, '\n').front(),
            R"({"key":"launcher","value":"127.0.0.1:2","from":"EVERSTEP_LAUNCHER"})");
  variables_ = {"EVERSTEP_OUTPUT=yml"};
  const Ran ran = Everstep({"config", "view"});
  EXPECT_EQ(ran.code, 2);
  EXPECT_EQ(ran.err,
            "everstep: EVERSTEP_OUTPUT: found \"yml\", legal: table, wide, json, yaml or jsonl\n  did you mean `yaml`?\n");
}

TEST_F(CommandLine, TheDaemonsSettingsAreShownWithWhereTheyComeFrom) {
  std::ofstream(File("l.yaml")) << "profile: fast\ncluster: lab\ndetection:\n  beat_every: 400ms\n";
  variables_ = {"EVERSTEP_LISTEN=127.0.0.1:0"};
  const Ran table = Everstep({"config", "view", "launcher", "--config", File("l.yaml")});
  EXPECT_EQ(table.code, 0) << table.err;
  const std::vector<std::pair<std::string, std::string>> rows = {{"cluster", "lab " + File("l.yaml") + ":2"},
                                                                 {"listen", "127.0.0.1:0 EVERSTEP_LISTEN"},
                                                                 {"detection.beat_every", "400ms " + File("l.yaml") + ":4"},
                                                                 {"detection.lost_after", "3.3s derived"},
                                                                 {"history", "90d default"}};
  for (const auto& [key, rest] : rows) {
    std::string found;
    for (const std::string& line : Split(table.out, '\n'))
      if (line.starts_with(key + " ")) {
        std::vector<std::string> words = Split(line, ' ');
        std::erase(words, "");
        found = Cat(words.at(1), ' ', words.back());
      }
    EXPECT_EQ(found, rest) << table.out;
  }
  const std::string wanted = Cat(R"({"key":"cluster","value":"lab","from":")", File("l.yaml"), ":2\"}");
  EXPECT_NE(Everstep({"config", "view", "launcher", "--config", File("l.yaml"), "-o", "json"}).out.find(wanted),
            std::string::npos);
  const std::string lines = Everstep({"config", "view", "launcher", "--config", File("l.yaml"), "-o", "jsonl"}).out;
  EXPECT_NE(lines.find(wanted + '\n'), std::string::npos) << lines;
  EXPECT_EQ(lines.find("\\\"\\\""), std::string::npos) << "an empty text is one: " << lines;
  EXPECT_NE(Everstep({"config", "view", "agent", "-o", "yaml"}).out.find("\nlauncher: 127.0.0.1:7450"), std::string::npos);
  std::ofstream(File("l.yaml")) << "lost_after: 3s\n";
  const Ran bad = Everstep({"config", "view", "launcher", "--config", File("l.yaml")});
  EXPECT_EQ(bad.code, 2);
  EXPECT_NE(bad.err.find("l.yaml:1:1: lost_after: found an unknown key"), std::string::npos) << bad.err;
}

TEST_F(CommandLine, LintChecksAFileWithoutALauncherAndTellsTheTimeBudget) {
  const Ran good = Everstep({"lint", "-"}, "command: [python3, train.py]\nnodes: 4\nspares: 1\nstop_grace: 90s\n");
  EXPECT_EQ(good.code, 0) << good.err;
  EXPECT_TRUE(good.out.starts_with("stdin: good: job on 4 hosts and 1 spare, a rank for each accelerator, else one\n"))
      << good.out;
  EXPECT_NE(good.out.find("lost 5 s later"), std::string::npos) << good.out;
  EXPECT_NE(good.out.find("SIGTERM, at most 1 min 30 s, SIGKILL"), std::string::npos) << good.out;
  EXPECT_NE(good.out.find("note: no checkpoint"), std::string::npos) << good.out;
  std::ofstream(File("fast.yaml")) << "profile: fast\n";
  EXPECT_NE(Everstep({"lint", "-", "--config", File("fast.yaml")}, "command: [a]\n").out.find("lost 3.3 s later"),
            std::string::npos);

  std::ofstream(File("good.yaml")) << "command: [a]\n";
  std::ofstream(File("bad.yaml")) << "command: python3 train.py\nnodes: 0\n";
  const Ran mixed = Everstep({"lint", File("good.yaml"), File("bad.yaml")});
  EXPECT_EQ(mixed.code, 2);
  EXPECT_NE(mixed.out.find("good.yaml: good"), std::string::npos) << "the others are told all the same";
  EXPECT_EQ(mixed.err,
            Cat("everstep: ", File("bad.yaml"), ":1:10: command: found \"python3 train.py\", legal: a list such as ",
                "[python3, train.py]; no shell splits it: write [python3, train.py]\n", File("bad.yaml"),
                ":2:8: nodes: found \"0\", legal: 1 to 16384\n  everstep schema job prints every key and what is legal\n"));
}

TEST_F(CommandLine, SchemasArePrintedForEveryFile) {
  for (const char* which : {"job", "launcher", "agent"}) {
    const Ran ran = Everstep({"schema", which});
    EXPECT_EQ(ran.code, 0) << ran.err;
    EXPECT_NE(ran.out.find("\"additionalProperties\": false"), std::string::npos) << ran.out;
  }
}

TEST_F(CommandLine, TheSchemaOfAJobRefusesWhatLintRefuses) {
  const std::string schema = Everstep({"schema", "job"}).out;
  EXPECT_NE(schema.find("\"minItems\": 1"), std::string::npos) << "command: []";
  EXPECT_NE(schema.find("\"minLength\": 1"), std::string::npos) << "command: [\"\"]";
  EXPECT_NE(schema.find("\"pattern\": \"^[^=]{1,255}$\""), std::string::npos) << "env: {\"A=B\": x}";
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
      "hosts, workdir, env, env_from, priority, checkpoint, progress, preflight, restart, time_limit, stop_grace; did you mean "
      "`nodes`?\n"
      "stdin:3:9: spares: found \"many\", legal: 0 to 16384\n"
      "  everstep schema job prints every key and what is legal\n");
  EXPECT_EQ(Everstep({"submit", "/nonexistent.yaml"}).err,
            "everstep: cannot read /nonexistent.yaml: No such file or directory\n");
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
