#include "base/yaml/table.h"

#include <gtest/gtest.h>

namespace everstep::yaml {
namespace {

EVERSTEP_ENUM(Colour, red, green)

struct Limits {
  std::uint32_t restarts = 10;
  Duration window = 6h;
  friend bool operator==(const Limits&, const Limits&) = default;
};
struct Store {
  std::string dir{};
  std::optional<std::string> glob{};
  friend bool operator==(const Store&, const Store&) = default;
};
struct Thing {
  std::string name = "job";
  std::vector<std::string> command{};
  std::uint32_t nodes = 1;
  std::optional<std::uint32_t> ranks{};
  bool quick = true;
  Duration grace = 60s;
  std::uint64_t bytes = 64u << 20;
  Colour colour = Colour::red;
  std::map<std::string, std::string> env{};
  std::string address = "127.0.0.1:7450";
  std::uint32_t port_first = 20000;
  Limits limits{};
  std::optional<Store> store{};
  friend bool operator==(const Thing&, const Thing&) = default;
};

const Table<Thing>& Things() {
  using Glob = std::optional<std::string>;
  static const Table<Limits> limits{{
      Key("restarts", &Limits::restarts, Integer<std::uint32_t>(0, 100), "how often"),
      Key("window", &Limits::window, DurationBetween(1s, 24h), "within"),
  }};
  static const Table<Store> stores{{
      Required("dir", &Store::dir, Path(), "where"),
      Key("complete", &Store::glob,
          AnyOf<Glob>(
              {{[](const Glob& glob) { return !glob; }, Word<Glob>("auto", std::nullopt)},
               {[](const Glob& glob) { return glob.has_value(); },
                Under("glob", "PATTERN",
                      As<Glob, std::string>(
                          Text(), [](std::string text) { return Glob(text); }, [](const Glob& glob) { return *glob; }))}}),
          "when a file is whole"),
  }};
  static const Table<Thing> table{{
      Key("name", &Thing::name, Name(), "what it is called"),
      Required("command", &Thing::command, ListOf(Text(), 4, "[python3, train.py]"), "argv, never a shell string"),
      Key("nodes", &Thing::nodes, Integer<std::uint32_t>(1, 16384), "whole hosts"),
      Key("ranks", &Thing::ranks, AutoOr(Integer<std::uint32_t>(1, 1024)), "on each host"),
      Key("quick", &Thing::quick, Bool(), "whether to hurry"),
      Key("grace", &Thing::grace, DurationBetween(0s, 1h), "from SIGTERM to SIGKILL"),
      Key("bytes", &Thing::bytes, SizeBetween(1u << 20, 1u << 30), "of a file"),
      Key("colour", &Thing::colour, EnumOf<Colour>(), "of the bicycle shed"),
      Key("env", &Thing::env, MapOf(Text(), "{NAME: value}"), "environment"),
      Key("address", &Thing::address, HostPort(), "of the launcher"),
      Group("ports", Table<Thing>{{Key("first", &Thing::port_first, Integer<std::uint32_t>(1024, 65535), "lowest")}},
            "for rank 0"),
      Nested("limits", &Thing::limits, limits, "of restarts"),
      Nested("store", &Thing::store, stores, "checkpoints"),
  }};
  return table;
}

Result<Thing> ReadThing(std::string_view text) { return Read(Things(), text, "f"); }

TEST(Table, WhatTheFileDoesNotNameKeepsItsDefault) {
  const auto thing = ReadThing("command: [a]\n");
  ASSERT_TRUE(thing) << thing.error().Str();
  EXPECT_EQ(*thing, (Thing{.command = {"a"}}));
}

TEST(Table, EveryTypeReadsAndPrintsBackTheSame) {
  const std::string text =
      "name: a-1\n"
      "command: [python3, \"{rank}\", \"no\", \"\", 1e3, \"a: b\", \"tab\\there\"]\n"
      "nodes: 3\n"
      "ranks: 2\n"
      "quick: false\n"
      "grace: 1.5s\n"
      "bytes: 1GiB\n"
      "colour: green\n"
      "env: {A: \"1,2\", B: x y}\n"
      "address: \"[::1]:80\"\n"
      "ports:\n"
      "  first: 2000\n"
      "limits:\n"
      "  restarts: 3\n"
      "  window: 90min\n"
      "store:\n"
      "  dir: /mnt/a b\n"
      "  complete: {glob: \"*.pt\"}\n";
  const auto thing = ReadThing("command: [a]\n");
  Thing expected{.name = "a-1",
                 .command = {"python3", "{rank}", "no", "", "1e3", "a: b", "tab\there"},
                 .nodes = 3,
                 .ranks = 2,
                 .quick = false,
                 .grace = 1500ms,
                 .bytes = 1u << 30,
                 .colour = Colour::green,
                 .env = {{"A", "1,2"}, {"B", "x y"}},
                 .address = "[::1]:80",
                 .port_first = 2000,
                 .limits = {.restarts = 3, .window = 90min},
                 .store = Store{.dir = "/mnt/a b", .glob = "*.pt"}};
  EXPECT_EQ(Print(EntriesOf(Things(), expected)), text);
  expected.command.resize(4);
  const auto again = ReadThing(Print(EntriesOf(Things(), expected)));
  ASSERT_TRUE(again) << again.error().Str();
  EXPECT_EQ(*again, expected);
}

struct BadFile {
  std::string name, text, problem;
};
class BadFiles : public testing::TestWithParam<BadFile> {};

// Every row but those about `command` goes on from a first line that is right.
TEST_P(BadFiles, NameThePlaceTheKeyWhatWasFoundWhatIsLegalAndWhatToDo) {
  const auto thing = ReadThing("command: [a]\n" + GetParam().text);
  ASSERT_FALSE(thing);
  EXPECT_EQ(thing.error().message, GetParam().problem);
}

const std::string kName = "1 to 63 of a-z, 0-9 and '-', not at either end";
INSTANTIATE_TEST_SUITE_P(
    Table, BadFiles,
    testing::ValuesIn(std::vector<BadFile>{
        {"Word", "nodes: four\n", "f:2:8: nodes: found \"four\", legal: 1 to 16384"},
        {"Zero", "nodes: 0\n", "f:2:8: nodes: found \"0\", legal: 1 to 16384"},
        {"Fraction", "nodes: 2.0\n", "f:2:8: nodes: found \"2.0\", legal: 1 to 16384"},
        {"Minus", "nodes: -1\n", "f:2:8: nodes: found \"-1\", legal: 1 to 16384"},
        {"TooMany", "nodes: 99999999999999999999\n", "f:2:8: nodes: found \"99999999999999999999\", legal: 1 to 16384"},
        {"Nothing", "nodes:\n", "f:2:1: nodes: found nothing, legal: 1 to 16384"},
        {"ListForNumber", "nodes: [1]\n", "f:2:8: nodes: found a list, legal: 1 to 16384"},
        {"AutoTypo", "ranks: atuo\n", "f:2:8: ranks: found \"atuo\", legal: auto or 1 to 1024; did you mean `auto`?"},
        {"Yes", "quick: yes\n", "f:2:8: quick: found \"yes\", legal: true or false; write true"},
        {"No", "quick: no\n", "f:2:8: quick: found \"no\", legal: true or false; write false"},
        {"Maybe", "quick: maybe\n", "f:2:8: quick: found \"maybe\", legal: true or false"},
        {"NoUnit", "grace: 60\n", "f:2:8: grace: found \"60\", legal: 0s to 1h; write a unit: 60s"},
        {"TooLong", "grace: 2h\n", "f:2:8: grace: found \"2h\", legal: 0s to 1h"},
        {"NoSizeUnit", "bytes: 64M\n", "f:2:8: bytes: found \"64M\", legal: 1MiB to 1GiB; write 64MiB"},
        {"Colour", "colour: geen\n", "f:2:9: colour: found \"geen\", legal: red or green; did you mean `green`?"},
        {"NoAsName", "name: no\n", "f:2:7: name: found \"no\", legal: " + kName + "; put the name into quotes: \"no\""},
        {"Capitals", "name: Llama_3\n", "f:2:7: name: found \"Llama_3\", legal: " + kName},
        {"EnvNothing", "env: {A: 1, B: }\n",
         "f:2:13: env.B: found nothing, legal: a text; write \"\" for an empty text, \"null\" for that word"},
        {"EnvAsList", "env:\n  - A=1\n", "f:3:3: env: found a list, legal: a mapping such as {NAME: value}"},
        {"NoPort", "address: localhost\n",
         "f:2:10: address: found \"localhost\", legal: HOST:PORT such as 10.0.0.1:7450; add a port"},
        {"BigPort", "address: a:65536\n", "f:2:10: address: found \"a:65536\", legal: HOST:PORT such as 10.0.0.1:7450"},
        {"BareV6", "address: ::1\n",
         "f:2:10: address: found \"::1\", legal: HOST:PORT such as 10.0.0.1:7450; put an IPv6 address into brackets: "
         "[::1]:7450"},
        {"UnknownKey", "node: 4\n",
         "f:2:1: node: found an unknown key, legal: name, command, nodes, ranks, quick, grace, bytes, colour, env, address, "
         "ports, "
         "limits, store; did you mean `nodes`?"},
        {"UnknownInside", "limits:\n  windw: 3s\n",
         "f:3:3: limits.windw: found an unknown key, legal: restarts, window; did you mean `window`?"},
        {"TextForMapping", "limits: 3\n", "f:2:9: limits: found \"3\", legal: a mapping with the keys restarts, window"},
        {"MissingInside", "store: {complete: auto}\n", "f:2:8: store.dir: found nothing, legal: a path; add the key `dir`"},
        {"Tilde", "store: {dir: ~/a}\n",
         "f:2:14: store.dir: found \"~/a\", legal: a path; write the path out: ~ is the shell's"},
        {"Variable", "store: {dir: $HOME/a}\n",
         "f:2:14: store.dir: found \"$HOME/a\", legal: a path; write the path out: variables are the shell's"},
        {"Union", "store: {dir: /a, complete: {blob: x}}\n",
         "f:2:28: store.complete: found a mapping, legal: auto or {glob: PATTERN}"},
        {"TwoInOneUnion", "store: {dir: /a, complete: {glob: x, marker: y}}\n",
         "f:2:28: store.complete: found a mapping, legal: auto or {glob: PATTERN}"},
        {"EscapesAreNotShown", "nodes: \"\\e[31m\"\n", "f:2:8: nodes: found \"?[31m\", legal: 1 to 16384"},
    }),
    [](const auto& row) { return row.param.name; });

TEST(Table, AMissingOrMisshapenCommandSaysHowItIsWritten) {
  EXPECT_EQ(ReadThing("nodes: 1\n").error().message,
            "f:1:1: command: found nothing, legal: a list such as [python3, train.py]; add the key `command`");
  EXPECT_EQ(ReadThing("command: python3 train.py\n").error().message,
            "f:1:10: command: found \"python3 train.py\", legal: a list such as [python3, train.py]");
  EXPECT_EQ(ReadThing("command: [a, {rank}]\n").error().message,
            "f:1:14: command[1]: found a mapping, legal: a text; quote it: \"{rank}\"");
  EXPECT_EQ(ReadThing("command: [a, b, c, d, e]\n").error().message, "f:1:10: command: found a list of 5, legal: at most 4");
  EXPECT_EQ(ReadThing("- command\n").error().message.substr(0, 53), "f:1:1: found a list, legal: a mapping with the keys n");
}

TEST(Table, AllProblemsOfAFileAreToldAtOnceInItsOrder) {
  const auto thing = ReadThing("quick: yes\nnodes: 0\ncommand: [a]\nstroe: 1\n");
  ASSERT_FALSE(thing);
  EXPECT_EQ(thing.error().message.substr(0, 139),
            "f:1:8: quick: found \"yes\", legal: true or false; write true\n"
            "f:2:8: nodes: found \"0\", legal: 1 to 16384\n"
            "f:4:1: stroe: found an unknown key, ");
}

TEST(Table, AFileFullOfMistakesIsNotReadOutInFull) {
  std::string text = "command: [a]\n";
  for (int i = 0; i < 50000; ++i) text += Cat("key", i, ": 1\n");
  const auto thing = ReadThing(text);
  ASSERT_FALSE(thing);
  EXPECT_EQ(Split(thing.error().message, '\n').size(), 21u);
  EXPECT_EQ(Split(thing.error().message, '\n').back(), "f: and 80 problems more");
}

TEST(Table, TheShippedFileIsWrittenFromTheTable) {
  const Table<Thing> table{{
      Key("nodes", &Thing::nodes, Integer<std::uint32_t>(1, 16384), "whole hosts"),
      Group("ports", Table<Thing>{{Key("first", &Thing::port_first, Integer<std::uint32_t>(1024, 65535), "lowest")}},
            "for rank 0"),
      *Things().Find("store"),
  }};
  EXPECT_EQ(PrintWithDocs("A file.\n\nTwo.", EntriesOf(table, Thing{})),
            "# A file.\n"
            "#\n"
            "# Two.\n"
            "\n"
            "# whole hosts\n"
            "nodes: 1  # 1 to 16384\n"
            "\n"
            "# for rank 0\n"
            "ports:\n"
            "  # lowest\n"
            "  first: 20000  # 1024 to 65535\n"
            "\n"
            "# checkpoints\n"
            "# store:\n"
            "#   # where\n"
            "#   dir: \"\"  # a path\n"
            "\n"
            "#   # when a file is whole\n"
            "#   complete: auto  # auto or {glob: PATTERN}\n");
}

}  // namespace
}  // namespace everstep::yaml
