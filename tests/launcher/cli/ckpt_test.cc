// `everstep ckpt` on recorded checkpoints (tests/testdata/checkpoints): no launcher is there, and nothing is changed.
#include <filesystem>
#include <fstream>

#include "base/text.h"
#include "tests/launcher/cli/program.h"

namespace everstep {
namespace {

namespace fs = std::filesystem;

class Ckpt : public ProgramTest {
 protected:
  void SetUp() override {
    ProgramTest::SetUp();
    fs::copy(EVERSTEP_SOURCE_DIR "/tests/testdata/checkpoints/deepspeed", File("run"), fs::copy_options::recursive);
    fs::copy(EVERSTEP_SOURCE_DIR "/tests/testdata/checkpoints/dcp", File("run"), fs::copy_options::recursive);
    std::ofstream(File("run/notes.txt")) << "x";
  }
  void Tear(const std::string& name) { fs::resize_file(File(name), fs::file_size(File(name)) / 2); }
};

TEST_F(Ckpt, LsListsWhatLooksLikeACheckpointByStep) {
  const Ran ran = Everstep({"ckpt", "ls", File("run")});
  EXPECT_EQ(ran.code, 0) << ran.err;
  const auto lines = Split(ran.out, '\n');
  ASSERT_EQ(lines.size(), 4u) << ran.out;
  EXPECT_TRUE(lines[0].starts_with("CHECKPOINT     STEP  STATE     SIZE")) << lines[0];
  EXPECT_TRUE(lines[1].starts_with("global_step20  20    complete  ")) << lines[1];
  EXPECT_TRUE(lines[2].starts_with("step-20        20    complete  ")) << lines[2];
}

TEST_F(Ckpt, VerifyReadsAllAndItsCodeIsTheAnswer) {
  EXPECT_EQ(Everstep({"ckpt", "verify", File("run")}).code, 0);
  EXPECT_EQ(Everstep({"ckpt", "verify", File("run/step-20"), File("run/global_step20")}).code, 0);
  Tear("run/step-20/__1_0.distcp");
  const Ran torn = Everstep({"ckpt", "verify", File("run/step-20")});
  EXPECT_EQ(torn.code, 1);
  EXPECT_NE(torn.out.find("__1_0.distcp is torn"), std::string::npos) << torn.out;
  EXPECT_EQ(Everstep({"ckpt", "verify", File("run")}).code, 1);
  EXPECT_EQ(Everstep({"ckpt", "verify", File("run/global_step20")}).code, 0);
}

// As trainers leave it whose newest checkpoint has a second name.
TEST_F(Ckpt, ALinkBesideTheCheckpointsIsPassedOverByVerifyAsByLsAndFollowedWhenItIsNamed) {
  fs::create_directory_symlink("step-20", File("run/last"));
  const Ran all = Everstep({"ckpt", "verify", File("run"), "--no-headers"});
  EXPECT_EQ(all.code, 0) << all.err;
  EXPECT_EQ(Split(all.out, '\n').size(), 3u) << all.out;
  const Ran named = Everstep({"ckpt", "verify", File("run/last"), "--no-headers"});
  EXPECT_EQ(named.code, 0) << named.err;
  EXPECT_TRUE(named.out.starts_with(File("run/last") + "  20  complete")) << named.out;

  fs::create_symlink("__1_0.distcp", File("run/step-20/again"));
  const Ran inside = Everstep({"ckpt", "verify", File("run/step-20"), "--no-headers"});
  EXPECT_EQ(inside.code, 1) << "a job would not resume from it";
  EXPECT_NE(inside.out.find("unverifiable"), std::string::npos) << inside.out;
  EXPECT_NE(inside.out.find("again is a symbolic link"), std::string::npos) << inside.out;
}

TEST_F(Ckpt, APathThatIsNotThereDoesNotHideTheResultsOfTheOthers) {
  const Ran ran = Everstep({"ckpt", "verify", File("nowhere"), File("run/step-20"), File("gone"), "--no-headers"});
  EXPECT_EQ(ran.code, 2);
  EXPECT_NE(ran.out.find("step-20  20  complete"), std::string::npos) << ran.out;
  EXPECT_NE(ran.err.find(File("nowhere")), std::string::npos) << ran.err;
  EXPECT_NE(ran.err.find(File("gone")), std::string::npos) << ran.err;
}

TEST_F(Ckpt, WhatIsNotThereOrNoCheckpointIsSaid) {
  const Ran none = Everstep({"ckpt", "verify", File("nowhere")});
  EXPECT_EQ(none.code, 2);
  EXPECT_NE(none.err.find("nowhere"), std::string::npos) << none.err;
  fs::create_directory(File("empty"));
  EXPECT_EQ(Everstep({"ckpt", "verify", File("empty")}).code, 2);
  EXPECT_EQ(Everstep({"ckpt", "ls", File("empty")}).code, 0);
  EXPECT_EQ(Everstep({"ckpt"}).code, 2);
  EXPECT_EQ(Everstep({"ckpt", "ls", "--glob", "x", "--marker", "y"}).code, 2);
}

TEST_F(Ckpt, TheUsersWordCountsAsInAJobFile) {
  std::ofstream(File("run/mine-7")) << "own format";
  const Ran ran = Everstep({"ckpt", "ls", File("run"), "--glob", "mine-*", "--no-headers"});
  EXPECT_EQ(ran.out, "mine-7  7  complete  10 B  matches mine-*\n");
}

TEST_F(Ckpt, NothingIsChangedByLooking) {
  std::vector<std::pair<std::string, fs::file_time_type>> before, after;
  const auto look = [this](auto& into) {
    for (const auto& entry : fs::recursive_directory_iterator(File("run")))
      into.emplace_back(entry.path(), entry.last_write_time());
  };
  look(before);
  Everstep({"ckpt", "verify", File("run")});
  look(after);
  EXPECT_EQ(before, after);
}

}  // namespace
}  // namespace everstep
