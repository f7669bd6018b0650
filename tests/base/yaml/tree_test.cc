#include "base/yaml/tree.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace everstep::yaml {
namespace {

std::string ProblemOf(std::string_view text) {
  const auto root = Parse(text);
  return root ? "none" : root.error().Str("f");
}

TEST(Tree, KeepsWhereEverythingStood) {
  const auto root = Parse("# a comment\nname: llama\ncheckpoint:\n  dir:   \"/mnt\"\ncommand: [python3, train.py]\nnone:\n");
  ASSERT_TRUE(root) << root.error().Str("f");
  ASSERT_EQ(root->children.size(), 4u);
  const Node* dir = root->Find("checkpoint")->Find("dir");
  ASSERT_NE(dir, nullptr);
  EXPECT_EQ(dir->path, "checkpoint.dir");
  EXPECT_EQ(Cat(dir->key_line, ':', dir->key_column), "4:3");
  EXPECT_EQ(Cat(dir->line, ':', dir->column), "4:10");
  EXPECT_TRUE(dir->quoted);
  const Node& script = root->Find("command")->children[1];
  EXPECT_EQ(script.path, "command[1]");
  EXPECT_EQ(Cat(script.line, ':', script.column), "5:20");
  EXPECT_FALSE(script.quoted);
  EXPECT_EQ(root->Find("none")->kind, Node::Kind::nothing);
  EXPECT_EQ(root->Find("nobody"), nullptr);
}

TEST(Tree, ABlockOfLinesIsText) {
  const auto root = Parse("text: |\n  one\n  two\nfolded: >-\n  a\n  b\n");
  ASSERT_TRUE(root) << root.error().Str("f");
  EXPECT_EQ(root->Find("text")->text, "one\ntwo\n");
  EXPECT_EQ(root->Find("folded")->text, "a b");
}

TEST(Tree, AByteOrderMarkAndWindowsLineEndsAreHarmless) {
  const auto root = Parse("\xef\xbb\xbfname: a\r\nnodes: 2\r\n");
  ASSERT_TRUE(root) << root.error().Str("f");
  EXPECT_EQ(root->Find("name")->text, "a");
  EXPECT_EQ(root->Find("nodes")->line, 2u);
}

struct BadText {
  std::string name, text, problem;
};
class BadTexts : public testing::TestWithParam<BadText> {};

TEST_P(BadTexts, AreRefusedWithThePlaceAndTheWayOut) { EXPECT_EQ(ProblemOf(GetParam().text), GetParam().problem); }

INSTANTIATE_TEST_SUITE_P(
    Tree, BadTexts,
    testing::ValuesIn(std::vector<BadText>{
        {"Empty", "", "f:1:1: found an empty file; write at least one `key: value`"},
        {"OnlyAComment", "# nothing\n", "f:1:1: found an empty file; write at least one `key: value`"},
        {"OnlyNull", "~\n", "f:1:1: found an empty file; write at least one `key: value`"},
        {"TwiceTheSameKey", "nodes: 1\nname: a\nnodes: 2\n", "f:3:1: nodes: found the key a second time; keep one of the two"},
        {"TwiceInside", "checkpoint: {dir: /a, dir: /b}\n",
         "f:1:23: checkpoint.dir: found the key a second time; keep one of the two"},
        {"Tab", "restart:\n\tbudget: 3\n", "f:2:1: found a tab; use spaces; inside a text write \"\\t\""},
        {"TabLater", "nodes: 1\nname:\ta\n", "f:2:6: found a tab; use spaces; inside a text write \"\\t\""},
        {"Anchor", "a: &x 1\n", "f:1:4: found an anchor (&); write the value out where it is needed"},
        {"AnchoredMapping", "a: &x\n  b: 1\n", "f:1:4: found an anchor (&); write the value out where it is needed"},
        {"Alias", "a: &x 1\nb: *x\n", "f:1:4: found an anchor (&); write the value out where it is needed"},
        {"AGlobWithoutQuotes", "complete_when: {glob: *.pt}\n",
         "f:1:23: found an alias (*); write the value out; a text that begins with * needs quotes"},
        {"Tag", "a: !!int 3\n", "f:1:4: found the tag tag:yaml.org,2002:int; leave it out"},
        {"TwoDocuments", "a: 1\n---\nb: 2\n",
         "f:3:1: found a second document; one file, one document: remove what follows `---`"},
        {"NotUtf8", "name: caf\xe9\n", "f:1:10: found bytes that are not UTF-8; save the file as UTF-8"},
        {"Surrogate", "name: \xed\xa0\x80\n", "f:1:7: found bytes that are not UTF-8; save the file as UTF-8"},
        {"NulByte", std::string("name: a\0b\n", 10), "f:1:8: found a control character; remove it"},
        {"Escape", "name: \x1b[31m\n", "f:1:7: found a control character; remove it"},
        {"TooLong", std::string((1u << 20) + 1, 'x'),
         "f:1:1: found more than 1 MiB, legal: at most 1 MiB; is it the right file?"},
        {"TooDeep", std::string(33, '[') + std::string(33, ']'), "f:1:33: found deeper nesting, legal: at most 32 levels"},
        {"MuchTooDeep", std::string(400, '[') + std::string(400, ']'),
         "f:1:33: found deeper nesting, legal: at most 32 levels"},
        {"ColonInText", "why: it says: no\n",
         "f:1:13: found text that is not YAML (illegal map value); a text that holds `: ` needs quotes"},
        {"OpenBracket", "command: [python3, train.py\nnodes: 2\n",
         "f:2:6: found text that is not YAML (end of sequence flow not found); close the bracket, or quote the text before it"},
        {"OpenBracketAtTheEnd", "command: [python3, train.py\n",
         "f:2:1: found text that is not YAML (end of sequence flow not found); close the bracket, or quote the text before it"},
        {"OddColumn", "restart:\n  budget: 1\n no_progress: 2\n",
         "f:3:2: found text that is not YAML (end of map not found); keys of one level begin in the same column; text goes "
         "after "
         "`key: `"},
        {"AtSign", "name: @me\n",
         "f:1:7: found text that is not YAML (unknown token); a text that begins with @, ` or % needs quotes"},
        {"ListAsKey", "? [a, b]\n: 1\n", "f:1:3: found a list as a key, legal: a word"},
        {"NothingAsKey", ": 1\n", "f:1:1: found nothing as a key, legal: a word"},
    }),
    [](const auto& row) { return row.param.name; });

TEST(Tree, ThirtyTwoLevelsAreFine) { EXPECT_TRUE(Parse("a: " + std::string(31, '[') + std::string(31, ']'))); }

TEST(Tree, HostileNestingIsRefusedWithoutExhaustingTheStack) {
  for (const char* part : {"[", "{", "- ", "? ", "a: {", "[[[{{"}) {
    std::string text;
    while (text.size() < 500'000) text += part;
    EXPECT_FALSE(Parse(text)) << part;
  }
}

}  // namespace
}  // namespace everstep::yaml
