// Job files that are wrong in every way we know: each is refused whole, before anybody is asked, with the place and the way
// out.

#include <fstream>

#include "base/text.h"
#include "tests/launcher/cli/program.h"

namespace everstep {
namespace {

struct BadFile {
  std::string name, text, problem;
};
class BadFiles : public ProgramTest, public testing::WithParamInterface<BadFile> {};

TEST_P(BadFiles, EndInExitCodeTwoAndNothingIsSubmitted) {
  const std::string path = File("job.yaml");
  std::ofstream(path, std::ios::binary) << GetParam().text;
  for (const std::vector<std::string>& words : {std::vector<std::string>{"lint"},
                                                {"submit", "--launcher", "127.0.0.1:1"},
                                                {"submit", "--dry-run", "--launcher", "127.0.0.1:1"}}) {
    std::vector<std::string> all = words;
    all.push_back(path);
    const Ran ran = Everstep(all);
    std::string problem = GetParam().problem;  // @: the file again
    for (std::size_t at; (at = problem.find("\n@")) != std::string::npos;) problem.replace(at + 1, 1, path);
    EXPECT_EQ(ran.code, 2) << words.front();
    EXPECT_EQ(ran.out, "");
    EXPECT_EQ(ran.err, Cat("everstep: ", path, ':', problem, "\n  everstep schema job prints every key and what is legal\n"));
  }
}

std::string Repeat(const std::string& piece, std::size_t times) {
  std::string text;
  for (std::size_t i = 0; i < times; ++i) text += piece;
  return text;
}

INSTANTIATE_TEST_SUITE_P(
    CommandLine, BadFiles,
    testing::ValuesIn(std::vector<BadFile>{
        {"DuplicateKey", "command: [a]\nnodes: 1\nnodes: 2\n", "3:1: nodes: found the key a second time; keep one of the two"},
        {"Tab", "command: [a]\nrestart:\n\tbudget: 3\n", "3:1: found a tab; use spaces; inside a text write \"\\t\""},
        {"NoAsAName", "name: no\ncommand: [a]\n",
         "1:7: name: found \"no\", legal: 1 to 63 of a-z, 0-9 and '-', not at either end; put the name into quotes: \"no\""},
        {"WrongType", "command: [a]\nnodes: [4]\n", "2:8: nodes: found a list, legal: 1 to 16384"},
        {"UnknownKey", "command: [a]\nnode: 4\n",
         "2:1: node: found an unknown key, legal: command, resume_args, name, nodes, processes_per_node, spares, hosts, "
         "workdir, env, "
         "env_from, priority, checkpoint, progress, preflight, restart, time_limit, stop_grace; did you mean `nodes`?"},
        {"CommandAsText", "command: python3 train.py --x 'a b'\n",
         "1:10: command: found \"python3 train.py --x 'a b'\", legal: a list such as [python3, train.py]; no shell splits it: "
         "write [python3, train.py, \"--x\", \"'a\", b']"},
        {"NoNodes", "command: [a]\nnodes: 0\n", "2:8: nodes: found \"0\", legal: 1 to 16384"},
        {"UnknownKeyBeforeTheMissingOne", "comand: [a]\nnodes: 0\n",
         "1:1: comand: found an unknown key, legal: command, resume_args, name, nodes, processes_per_node, spares, hosts, "
         "workdir, "
         "env, "
         "env_from, priority, checkpoint, progress, preflight, restart, time_limit, stop_grace; did you mean "
         "`command`?\n@:2:8: nodes: "
         "found \"0\", "
         "legal: 1 to 16384\n@:1:1: command: found nothing, legal: a list such as [python3, train.py]; add the key `command`"},
        {"OneCodeWithTwoMeanings", "command: [a]\nrestart: {exit_codes: {no_restart: [9], new_host: [8, 9]}}\n",
         "2:41: restart.exit_codes.new_host: found 9, which stands in no_restart too, legal: each code in one of the two"},
        {"Empty", "", "1:1: found an empty file; write at least one `key: value`"},
        {"NotUtf8", "command: [a]\nname: caf\xe9\n", "2:10: found bytes that are not UTF-8; save the file as UTF-8"},
        {"TenMegabytes", Repeat("#23456789\n", 1u << 20),
         "1:1: found more than 1 MiB, legal: at most 1 MiB; is it the right file?"},
        {"DeepNesting", "command: " + Repeat("[", 400) + Repeat("]", 400),
         "1:41: found deeper nesting, legal: at most 32 levels"},
        {"AliasBomb", "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\ncommand: *c\n",
         "1:4: found an anchor (&); write the value out where it is needed"},
        {"EnvValue", "command: [a]\nenv:\n  A: " + std::string(128u << 10, 'x') + "\n",
         "3:3: env.A: found 131072 bytes, legal: at most 131069 bytes"},
    }),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace everstep
