// The completion scripts in the shells themselves.

#include "launcher/cli/completion.h"

#include <algorithm>
#include <fstream>

#include "base/text.h"
#include "tests/launcher/cli/program.h"

namespace everstep {
namespace {

class Completion : public ClusterTest {
 protected:
  // What bash would offer for the last of these words.
  std::string InBash(const std::vector<std::string>& words) {
    std::ofstream(File("everstep.bash")) << Everstep({"completion", "bash"}).out;
    std::string script =
        Cat("source ", File("everstep.bash"), "\ncompopt() { echo \"compopt $*\"; }\nCOMP_WORDS=('", EVERSTEP_PROGRAM, "'");
    for (const std::string& word : words) script += Cat(" '", word, "'");
    script += Cat(")\nCOMP_CWORD=", words.size(), "\n_everstep\nprintf '%s\\n' \"${COMPREPLY[@]}\"\n");
    const Ran ran = Program({"/bin/bash", "-u", "-c", script});
    EXPECT_EQ(ran.code, 0);
    EXPECT_EQ(ran.err, "") << Join(words, " ");
    return Trimmed(ran.out);
  }
  static std::string Trimmed(std::string out) {
    std::replace(out.begin(), out.end(), '\n', ' ');
    return std::string(Trim(out));
  }
};

TEST_F(Completion, BashOffersVerbsFlagsAndTheWordsThatAFlagTakes) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> rows = {
      {{"jo"}, "jobs job"},
      {{"--launcher", "n1:7450", "no"}, "nodes node"},
      {{"--launcher", "n1", ":", "7450", "no"}, "nodes node"},
      {{"--launcher", "=", "n1", ":", "7450", "no"}, "nodes node"},
      {{"jobs", "--w"}, "--watch"},
      {{"jobs", "--no"}, "--no-headers"},
      {{"jobs", "-o", ""}, "table wide json yaml jsonl"},
      {{"jobs", "--output", "="}, "table wide json yaml jsonl"},
      {{"jobs", "--output", "=", "y"}, "yaml"},
      {{"--color", "a"}, "auto always"},
      {{"jobs", "--color", "n"}, "never"},
      {{"schema", ""}, "job launcher agent"},
      {{"config", "view", ""}, "everstep launcher agent"},
      {{"completion", "f"}, "fish"},
      {{"ckpt", "v"}, "verify"},
      {{"ckpt", "verify", ""}, "compopt -o default"},
      {{"ckpt", "ls", "a", ""}, "compopt -o default"},
      {{"cancel", "-"}, "--now --dry-run -o --output -h --help --version --launcher --insecure --color"},
      {{"--h"}, "--help"},
      {{"man", "ev"}, "events"},
      {{"submit", "j"}, "compopt -o default"},
      {{"run", "--log-dir", "l"}, "compopt -o dirnames"},
      {{"run", "--stop-grace", ""}, ""},
      {{"run", "python3", "tr"}, "compopt -o default"},
      {{"run", "--nproc-per-node", ""}, "auto gpu cpu"}};
  for (const auto& [words, offered] : rows) EXPECT_EQ(InBash(words), offered) << Join(words, " ");
}

TEST_F(Completion, NamesOfHostsAndJobsAreAskedOfTheLauncherAndSilenceIsNoError) {
  Up("3");
  ASSERT_EQ(Everstep({"submit", "-"}, "command: [a]\nname: waits\nnodes: 9\n").code, 0);
  EXPECT_EQ(InBash({"node", ""}), "n1 n2 n3");
  EXPECT_EQ(InBash({"events", "--node", "n"}), "n1 n2 n3");
  EXPECT_EQ(InBash({"cancel", "w"}), "waits-1");
  EXPECT_EQ(InBash({"--launcher", "127.0.0.1", ":", "1", "node", ""}), "") << "nobody answers there";
  ASSERT_EQ(Everstep({"cancel", "waits"}).code, 0);
  EXPECT_EQ(InBash({"cancel", ""}), "") << "it has ended";
  EXPECT_EQ(InBash({"logs", ""}), "waits-1");
}

TEST_F(Completion, FishOffersTheSame) {
  std::ofstream(File("everstep.fish")) << Everstep({"completion", "fish"}).out;
  const std::vector<std::pair<std::string, std::string>> rows = {{"everstep jo", "job jobs"},
                                                                 {"everstep jobs --wat", "--watch"},
                                                                 {"everstep jobs -o j", "json jsonl"},
                                                                 {"everstep schema a", "agent"}};
  for (const auto& [line, offered] : rows) {
    const Ran ran =
        Program({"/usr/bin/fish", "--no-config", "-c", Cat("source ", File("everstep.fish"), "; complete -C '", line, "'")});
    EXPECT_EQ(ran.err, "");
    std::vector<std::string> words;
    for (const std::string& word : Split(ran.out, '\n'))
      if (!word.empty()) words.push_back(word.substr(0, word.find('\t')));
    std::sort(words.begin(), words.end());
    EXPECT_EQ(Join(words, " "), offered) << line;
  }
}

// A terminal of zsh's own, in which Tab is pressed.
TEST_F(Completion, ZshOffersTheSame) {
  std::ofstream(File("_everstep")) << Everstep({"completion", "zsh"}).out;
  // `awaited`: a part of what is offered. A shell that finds more keys waiting leaves the list out, so these come after it.
  const auto offered = [&](const std::string& line, const std::string& awaited) {
    const std::string script =
        Cat("zmodload zsh/zpty\nzpty shell zsh -f -i\n"
            "tell() { zpty -w shell \"$1\" }\n"
            "tell 'PS1=; unsetopt zle_bracketed_paste; LISTMAX=0; fpath=(",
            directory_,
            " $fpath); autoload -Uz compinit; compinit -u -D'\n"
            "tell 'zstyle \":completion:*\" list-separator \"|\"; bindkey \"^I\" list-choices; print -n REA; print DY'\n"
            "zpty -r -m shell out '*READY*'\n"
            "zpty -w -n shell $'",
            line,
            "\\t'\n"
            "zpty -r -m shell list '*",
            awaited,
            "*'\n"
            "zpty -w -n shell $'\\C-uprint -n EN; print DED\\n'\n"
            "zpty -r -m shell out '*ENDED*'\nprint -r -- $list$out\nzpty -d shell\n");
    return Program({"/usr/bin/zsh", "-f", "-c", script}).out;
  };
  const std::string verbs = offered("everstep jo", "list jobs");
  EXPECT_NE(verbs.find("jobs "), std::string::npos) << verbs;
  EXPECT_NE(verbs.find("list jobs"), std::string::npos) << verbs;
  const std::string formats = offered("everstep jobs -o ", "jsonl");
  EXPECT_NE(formats.find("jsonl"), std::string::npos) << formats;
  const std::string schemas = offered("everstep schema ", "launcher");
  EXPECT_NE(schemas.find("launcher"), std::string::npos) << schemas;
}

}  // namespace
}  // namespace everstep
