// Every way in which `everstep` ends, in one table.

#include <fstream>

#include "base/text.h"
#include "tests/launcher/cli/program.h"

namespace everstep {
namespace {

struct Row {
  int code;
  std::vector<std::string> words;
};

class ExitCodes : public ClusterTest {
 protected:
  std::vector<Row> Good() const {
    const std::string nobody = "--launcher=127.0.0.1:1";
    return {
        {0, {"--help"}},
        {0, {"run", "--help"}},
        {0, {"version", nobody}},
        {0, {"config", "view"}},
        {0, {"schema", "job"}},
        {0, {"completion", "bash"}},
        {0, {"man", "run"}},
        {0, {"lint", File("good.yaml")}},
        {0, {"jobs"}},
        {0, {"jobs", "--all", "-o", "yaml"}},
        {0, {"job", "seven"}},
        {0, {"job", "seven-1", "--watch"}},
        {0, {"explain", "waits"}},
        {0, {"incidents"}},
        {0, {"incidents", "seven-1"}},
        {0, {"drain", "--dry-run", "n2"}},
        {0, {"drain", "n2", "--reason", "a fan"}},
        {0, {"undrain", "n[1-2]", "--dry-run"}},
        {0, {"undrain", "n2"}},
        {0, {"nodes", "n[1-2]", "-o", "wide"}},
        {0, {"node", "n1"}},
        {0, {"events"}},
        {0, {"events", "--job", "seven-1", "-f"}},
        {0, {"logs", "seven-1"}},
        {0, {"submit", "--dry-run", File("good.yaml")}},
        {0, {"cancel", "--dry-run", "waits"}},
        {0, {"down", "--dry-run"}},
        {0, {"run", "--", "true"}},
        {0, {"run", "--dry-run", "--", "false"}},
        {0, {"wait", "true-3"}},
    };
  }
  // Misused, or it could not run.
  std::vector<Row> CouldNotRun() const {
    const std::string nobody = "--launcher=127.0.0.1:1";
    return {
        {2, {}},
        {2, {"frobnicate"}},
        {2, {"jobs", "--frobnicate"}},
        {2, {"jobs", "-o", "xml"}},
        {2, {"jobs", nobody}},
        {2, {"submit", File("none.yaml")}},
        {2, {"submit", File("bad.yaml")}},
        {2, {"lint", File("bad.yaml")}},
        {2, {"lint", File("good.yaml"), File("bad.yaml")}},
        {2, {"job", "nobody-1"}},
        {2, {"cancel", "nobody-1"}},
        {2, {"cancel", "seven-1"}},
        {2, {"cancel", "--dry-run", "seven-1"}},
        {2, {"wait", "nobody-1"}},
        {2, {"wait", "waits", "--timeout", "5"}},
        {2, {"logs", "seven-1", "--rank", "9"}},
        {2, {"logs", "seven-1", "--grep", "("}},
        {2, {"nodes", "n[1-9]"}},
        {2, {"nodes", "n[1"}},
        {2, {"node", "n9"}},
        {2, {"drain", "n[1,9]"}},
        {2, {"undrain", "n9"}},
        {2, {"incidents", "nobody-1"}},
        {2, {"node", "n1", "--confirm-dead"}},
        {2, {"node", "n1", "--confirm-dead", "--dry-run"}},
        {2, {"events", "--job", "nobody-1"}},
        {2, {"events", "--node", "n9"}},
        {2, {"events", "--node", "n9", "-f"}},
        {2, {"up"}},
    };
  }
  static std::vector<Row> OfJobs() {
    const std::string nobody = "--launcher=127.0.0.1:1";
    return {
        // 124: a time-out
        {124, {"wait", "waits", "--timeout", "100ms"}},
        {124, {"wait", "true-3", "waits", "--timeout", "100ms"}},
        // run and wait: the job's own code, 128 and the signal, 125 when run itself was misused or failed
        {7, {"wait", "seven-1"}},
        {7, {"wait", "true-3", "seven-1"}},
        {3, {"run", "--max-restarts", "0", "--", "sh", "-c", "exit 3"}},
        {128 + 9, {"run", "--max-restarts", "0", "--", "sh", "-c", "kill -9 $$"}},
        {125, {"run"}},
        {125, {"run", "--frobnicate", "--", "true"}},
        {125, {"run", nobody, "--", "true"}},
        {125, {"run", "--tee", "5", "--", "true"}},
        {0, {"cancel", "waits"}},
        {128 + 15, {"wait", "waits-2"}},
        {0, {"down"}},
        {0, {"down"}},
        {2, {"jobs"}},
    };
  }

  void Play(const std::vector<Row>& rows) {
    for (const Row& row : rows) {
      const Ran ran = Everstep(row.words);
      EXPECT_EQ(ran.code, row.code) << "everstep " << Join(row.words, " ") << '\n' << ran.out << ran.err;
      const bool told = !ran.err.empty();
      EXPECT_TRUE(told || (row.code != 2 && row.code != 125)) << Join(row.words, " ") << ": without a word";
    }
  }
};

TEST_F(ExitCodes, AreTheSameForEveryVerb) {
  Up("2");
  ASSERT_EQ(Everstep({"run", "--max-restarts", "0", "--name", "seven", "--", "sh", "-c", "exit 7"}).code, 7);
  ASSERT_EQ(Everstep({"submit", "-"}, "command: [a]\nname: waits\nnodes: 3\n").code, 0);
  std::ofstream(File("good.yaml")) << "command: [\"true\"]\nname: dry\n";
  std::ofstream(File("bad.yaml")) << "command: true\n";
  Play(Good());
  Play(CouldNotRun());
  Play(OfJobs());
}

}  // namespace
}  // namespace everstep
