#include "base/python.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace everstep {
namespace {

TEST(Python, TheInterpretersWordsEndWhereTheScriptOrTheModuleBegins) {
  struct Row {
    std::string command;
    std::optional<std::size_t> words;
  };
  const Row rows[] = {
      {"python3 train.py", 1},
      {"/opt/venv/bin/python3.11 -u -X dev train.py -m x", 4},
      {"python -uB -Wignore -m pkg.train --epochs 3", 3},
      {"python3 --check-hash-based-pycs never train.py", 3},
      {"python3 -c print(1)", std::nullopt},
      {"python3 -", std::nullopt},
      {"python3 -i train.py", std::nullopt},
      {"python3 -x train.py", std::nullopt},
      {"python3 -um train", std::nullopt},
      {"python3 -m", std::nullopt},
      {"python3", std::nullopt},
      {"python3-config --libs", std::nullopt},
      {"pythonic train.py", std::nullopt},
      {"torchrun train.py", std::nullopt},
      {"./a.out", std::nullopt},
  };
  for (const Row& row : rows) EXPECT_EQ(InterpreterWords(Split(row.command, ' ')), row.words) << row.command;
  EXPECT_EQ(InterpreterWords({}), std::nullopt);
}

TEST(Python, AModuleIsNamedAsImportNamesIt) {
  for (const char* good : {"torch", "torch.distributed", "_private", "a1.b_2"}) EXPECT_TRUE(ValidModule(good)) << good;
  for (const char* bad : {"", ".torch", "torch.", "a..b", "1a", "a-b", "a b", "os;evil"}) EXPECT_FALSE(ValidModule(bad)) << bad;
}

}  // namespace
}  // namespace everstep
