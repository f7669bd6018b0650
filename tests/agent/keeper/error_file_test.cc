// What torch's @record leaves in a rank's error file.
#include "agent/keeper/error_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "base/messages.h"
#include "base/text.h"
#include "tests/agent/keeper/host.h"

namespace everstep {
namespace {

TEST(ErrorFile, TheMessageIsItsFirstLine) {
  const std::pair<std::string, std::string> cases[] = {
      // As torch 1.13 and 2.x write it.
      {R"({"message": {"message": "ValueError: boom", "extraInfo": {"py_callstack": "Traceback (most recent call last):\n  File \"t.py\", line 3, in main\nValueError: boom\n", "timestamp": "1795413203"}}})",
       "ValueError: boom"},
      {R"({"message": "boom"})", "boom"},
      {R"({"message": {"message": "RuntimeError: CUDA error: device-side assert triggered\nCUDA kernel errors might be asynchronous", "extraInfo": {}}})",
       "RuntimeError: CUDA error: device-side assert triggered"},
      {R"({"message": {"message": "  \n "}})", ""},
      {R"({"message": {"message": {"message": "too deep"}}})", ""},
      {R"({"message": 7})", ""},
      {R"({"error": "boom"})", ""},
      {R"(["message"])", ""},
      {R"({"message": {"message": "cut sh)", ""},
      {"", ""},
      {"no JSON", ""},
      {Cat(R"({"message": ")", std::string(5000, 'x'), R"("})"), Cat(std::string(1021, 'x'), "…")},
      {"{\"message\": \"red \\u001b[31m\"}", "red ?[31m"},
  };
  for (const auto& [text, message] : cases) EXPECT_EQ(ErrorMessage(text), message) << text.substr(0, 80);
}

TEST(ErrorFile, StandsLastInTheTailOnceAndWithinItsLimit) {
  EXPECT_EQ(TailWith("", "ValueError: boom"), "ValueError: boom");
  EXPECT_EQ(TailWith("a\nb", ""), "a\nb");
  EXPECT_EQ(TailWith("Traceback\nValueError: boom", "ValueError: boom"), "Traceback\nValueError: boom");
  EXPECT_EQ(TailWith("ValueError: boom\nwandb: bye", "ValueError: boom"), "ValueError: boom\nwandb: bye\nValueError: boom");
  const std::string full = Cat(std::string(2000, 'a'), '\n', std::string(2000, 'b'));
  const std::string with = TailWith(full, std::string(1000, 'm'));
  EXPECT_EQ(with, Cat(std::string(2000, 'b'), '\n', std::string(1000, 'm')));
  EXPECT_LE(TailWith(std::string(limit::kTailBytes, 'a'), "m").size(), limit::kTailBytes);
}

class ErrorFiles : public Host {};

TEST_F(ErrorFiles, WhatIsNoFileOfItsOwnIsNotRead) {
  std::filesystem::create_symlink("/etc/passwd", root_ + "/link");
  ASSERT_EQ(::mkfifo((root_ + "/pipe").c_str(), 0600), 0);
  std::ofstream(root_ + "/huge") << R"({"message": ")" << std::string(2u << 20, 'x') << "\"}";
  for (const char* name : {"/link", "/pipe", "/huge", "/none", ""}) EXPECT_EQ(ReadErrorFile(root_ + name), "") << name;
}

TEST_F(ErrorFiles, ARanksOwnWordsAreThereWithItsEndThoughStderrSaysSomethingElseLast) {
  RankCommand fails = Shell(0, R"(echo '{"message": {"message": "ValueError: boom"}}' > $TORCHELASTIC_ERROR_FILE
                                  echo 'RuntimeError: Connection reset by peer' >&2; exit 3)");
  fails.env.push_back("TORCHELASTIC_ERROR_FILE=" + root_ + "/error-0.json");
  RankCommand silent = Shell(1, "echo 'KeyError: x' >&2; exit 4");
  silent.env.push_back("TORCHELASTIC_ERROR_FILE=" + root_ + "/error-1.json");
  Run({fails, silent});
  const KeeperStatus end = AwaitPhase(KeeperPhase::empty);
  ASSERT_EQ(end.ranks.size(), 2u);
  ASSERT_TRUE(end.ranks[0].exit && end.ranks[1].exit);
  EXPECT_EQ(end.ranks[0].exit->code, 3u);
  EXPECT_EQ(end.ranks[0].exit->tail, "RuntimeError: Connection reset by peer\nValueError: boom");
  EXPECT_EQ(end.ranks[1].exit->tail, "KeyError: x");
}

}  // namespace
}  // namespace everstep
