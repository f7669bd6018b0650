#include "launcher/cli/man_page.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "tests/launcher/cli/program.h"

namespace everstep {
namespace {

const Surface kSurface{
    .about = "About.",
    .flags = {{.names = {"-h", "--help"}, .about = "print this", .group = "Options"}},
    .verbs = {{.name = "run",
               .about = "run a command",
               .group = "Jobs",
               .footer = "Words.\n\n  everstep run -- a \\\n      b",
               .arguments = {{.names = {"JOB"}, .value = "JOB", .about = "which", .group = "Options", .required = true}},
               .flags = {{.names = {"-o", "--output"},
                          .value = "table|json",
                          .about = "n1, n2, …",
                          .standard = "table",
                          .group = "Options"},
                         {.names = {"--tee"}, .value = "N", .about = ".dot first", .group = "Shown"}}}}};

TEST(ManPage, OfAVerbHasItsFlagsInTheirGroupsAndNothingThatRoffWouldTakeForItsOwn) {
  const std::string page = VerbPage(kSurface, kSurface.verbs.front(), "1.2");
  for (const char* part :
       {".TH EVERSTEP\\-RUN 1 \"\" \"Everstep 1.2\" \"Everstep\"\n", ".SH NAME\neverstep\\-run \\- run a command\n",
        "\\fBeverstep run\\fR [\\fIflags\\fR] \\fIJOB\\fR [\\-\\-] \\fICOMMAND\\fR ...\n",
        ".SH DESCRIPTION\nWords.\n.PP\n.PP\n.RS 4\n.nf\neverstep run \\-\\- a \\e\n    b\n.fi\n.RE\n",
        ".TP\n\\fB\\-o\\fR, \\fB\\-\\-output\\fR \\fItable|json\\fR\nn1, n2, \\[u2026] [table]\n",
        ".SS Shown\n.TP\n\\fB\\-\\-tee\\fR \\fIN\\fR\n\\&.dot first\n"})
    EXPECT_NE(page.find(part), std::string::npos) << part << "\nin\n" << page;
}

TEST(ManPage, OfEverstepListsTheVerbs) {
  const std::string page = MainPage(kSurface, "1.2");
  EXPECT_NE(page.find(".SS Jobs\n.TP\n\\fBrun\\fR\nrun a command\n"), std::string::npos) << page;
  EXPECT_NE(page.find("\\fBeverstep\\-run\\fR(1)"), std::string::npos) << page;
}

class ManPages : public ProgramTest {};

TEST_F(ManPages, AreWrittenForEveryVerb) {
  ASSERT_EQ(Everstep({"man", "--dir", File("man1")}).code, 0);
  for (const char* name : {"everstep.1", "everstep-run.1", "everstep-lint.1", "everstep-completion.1"})
    EXPECT_TRUE(std::filesystem::exists(File("man1/") + name)) << name;
  EXPECT_FALSE(std::filesystem::exists(File("man1/everstep-supervise.1")));
}

}  // namespace
}  // namespace everstep
