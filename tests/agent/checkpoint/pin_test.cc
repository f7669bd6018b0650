#include "agent/checkpoint/pin.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "agent/checkpoint/layout.h"
#include "agent/checkpoint/record_text.h"
#include "agent/checkpoint/verify_resume.h"
#include "tests/agent/checkpoint/fixtures.h"

namespace everstep {
namespace {

namespace fs = std::filesystem;

class Pins : public testing::Test {
 protected:
  Result<Pin> PinIt(const std::string& source, bool own_bytes = false) {
    return MakePin(spec_,
                   {.gang = gang_, .source = source, .was = *SurveyOf(dir_ / source), .why = "by test", .own_bytes = own_bytes},
                   {});
  }
  std::uint64_t Inode(const std::string& path) {
    struct stat found {};
    stat(path.c_str(), &found);
    return found.st_ino;
  }
  const TempDir dir_;
  const GangKey gang_{.job = JobId("j-1"), .generation = Generation(3)};
  const CheckpointSpec spec_{.dir = dir_.path()};
};

TEST_F(Pins, AFileKeepsItsNameInItsPinAndOutlivesItsSource) {
  Overwrite(dir_ / "step-40.pt", TorchFile());
  const Pin pin = *PinIt("step-40.pt");
  EXPECT_EQ(pin.path(), dir_ / ".everstep/pins/3-step-40.pt/step-40.pt");
  EXPECT_EQ(pin.step, 40u);
  Replace(dir_ / "step-40.pt", "another");
  fs::remove(dir_ / "step-40.pt");
  EXPECT_EQ(ReadBack(pin.path()), TorchFile());
  EXPECT_EQ(StateOf(pin), PinState::intact);
  EXPECT_EQ(VerifyResume({.source = "step-40.pt", .complete = true, .path = pin.path(), .files = pin.files}, spec_),
            std::nullopt);
}

TEST_F(Pins, ADirectoryIsPinnedWithAllBelowIt) {
  Overwrite(dir_ / "step-40/COMMITTED", "");
  Overwrite(dir_ / "step-40/a/b/0.pt", TorchFile(1));
  Overwrite(dir_ / "step-40/a/1.pt", TorchFile(2));
  Overwrite(dir_ / "step-40/a/2.pt.tmp", "half");
  const Pin pin = *PinIt("step-40");
  fs::remove_all(dir_ / "step-40");
  EXPECT_EQ(ReadBack(pin.path() + "/a/b/0.pt"), TorchFile(1));
  EXPECT_EQ(Names(pin.path() + "/a"), (std::vector<std::string>{"1.pt", "b"}));
  EXPECT_EQ(pin.files.size(), 3u);
}

TEST_F(Pins, OwnBytesSurviveAWriterInPlaceAndALinkIsSeenToBeLost) {
  Overwrite(dir_ / "a.pt", TorchFile());
  Overwrite(dir_ / "b.pt", TorchFile());
  const Pin linked = *PinIt("a.pt");
  const Pin copied = *PinIt("b.pt", true);
  EXPECT_TRUE(copied.copied);
  Overwrite(dir_ / "a.pt", "torn");
  Overwrite(dir_ / "b.pt", "torn");
  EXPECT_EQ(StateOf(copied), PinState::intact);
  EXPECT_EQ(ReadBack(copied.path()), TorchFile());
  // Where the file system clones, a pin always has its own bytes.
  EXPECT_EQ(StateOf(linked), linked.copied ? PinState::intact : PinState::changed);
  fs::remove_all(linked.directory);
  EXPECT_EQ(StateOf(linked), PinState::gone);
}

TEST_F(Pins, ASourceThatChangedSinceItWasVerifiedIsNotPinnedAndNothingStays) {
  Overwrite(dir_ / "step-1.pt", TorchFile());
  const Survey was = *SurveyOf(dir_ / "step-1.pt");
  for (const std::string& now : {TorchFile(2, 5000), std::string()}) {
    Overwrite(dir_ / "step-1.pt", now);
    for (const bool own_bytes : {false, true}) {
      SCOPED_TRACE(own_bytes);
      const Result<Pin> pin = MakePin(spec_, {.gang = gang_, .source = "step-1.pt", .was = was, .own_bytes = own_bytes}, {});
      EXPECT_EQ(pin.error().code, ErrorCode::kConflict);
    }
  }
  fs::remove(dir_ / "step-1.pt");
  EXPECT_EQ(MakePin(spec_, {.gang = gang_, .source = "step-1.pt", .was = was}, {}).error().code, ErrorCode::kConflict);
  EXPECT_EQ(Names(PinsDirectory(dir_.path())), std::vector<std::string>{});
}

// Of a format without checksums only the times can tell. The writer really writes while the pin is made.
TEST_F(Pins, AWriterInPlaceDuringThePinNeverLeavesAMixInIt) {
  const CheckpointSpec spec{.dir = dir_.path(), .complete_when = {.kind = CompleteWhenKind::glob, .pattern = "last.*"}};
  constexpr std::size_t kBytes = 1 << 20;
  std::size_t refused = 0;
  for (int round = 0; round < 25 || (refused == 0 && round < 2000); ++round) {  // the machine may be busy
    Overwrite(dir_ / "last.bin", std::string(kBytes, 'a'));
    const timespec old[] = {{.tv_sec = 1000, .tv_nsec = 0}, {.tv_sec = 1000, .tv_nsec = 0}};
    utimensat(AT_FDCWD, (dir_ / "last.bin").c_str(), old, 0);  // so that the next write shows, whatever the clock's tick
    const Survey was = *SurveyOf(dir_ / "last.bin");
    std::thread writer([this] {
      std::fstream file(dir_ / "last.bin", std::ios::in | std::ios::out | std::ios::binary);  // without truncating it first
      file << std::string(kBytes, 'b');
    });
    const Result<Pin> pin = MakePin(spec, {.gang = gang_, .source = "last.bin", .was = was, .own_bytes = true}, {});
    writer.join();
    refused += pin ? 0 : 1;
    if (!pin) continue;
    EXPECT_TRUE(ReadBack(pin->path()) == std::string(kBytes, 'a')) << "round " << round;
    RemovePin(*pin);
  }
  EXPECT_GT(refused, 0u) << "else the writer was always late and this test shows nothing";
}

TEST_F(Pins, ACopyIsVerifiedByItsOwnBytes) {
  std::string flipped = TorchFile();
  flipped[flipped.size() / 2] ^= 1;
  Overwrite(dir_ / "last.pt", flipped);  // as if it had been torn between verification and copy without a trace in its times
  EXPECT_EQ(PinIt("last.pt", true).error().code, ErrorCode::kConflict);
}

TEST_F(Pins, ASecondPinOfANameHasANameOfItsOwnAndAHigherNumber) {
  Overwrite(dir_ / "last.pt", TorchFile());
  const Pin first = *PinIt("last.pt");
  Replace(dir_ / "last.pt", TorchFile(2));
  const Pin second = *PinIt("last.pt");
  EXPECT_EQ(second.directory, dir_ / ".everstep/pins/3-last.pt.2");
  EXPECT_GT(second.number, first.number);
  EXPECT_EQ(ReadBack(first.path()), TorchFile(1));
  const std::vector<Pin> pins = PinsIn(dir_.path());
  ASSERT_EQ(pins.size(), 2u);
  EXPECT_EQ(pins[1].path(), second.path());
  EXPECT_EQ(pins[1].was, second.was);
  EXPECT_EQ(pins[1].files, second.files);
}

TEST_F(Pins, ALongNameIsPinnedToo) {
  const std::string name = std::string(240, 'x') + "-step-7.pt";
  Overwrite(dir_ / name, TorchFile());
  const Result<Pin> pin = PinIt(name);
  ASSERT_TRUE(pin) << pin.error().message;
  EXPECT_EQ(ReadBack(pin->path()), TorchFile());
}

TEST_F(Pins, RemovingAPinLeavesWhatEverstepDidNotMake) {
  Overwrite(dir_ / "step-1/COMMITTED", "");
  Overwrite(dir_ / "step-1/a/0.pt", TorchFile());
  const Pin pin = *PinIt("step-1");
  RemovePin(pin);
  EXPECT_EQ(Names(PinsDirectory(dir_.path())), std::vector<std::string>{});
  EXPECT_TRUE(Exists(dir_ / "step-1/a/0.pt")) << "the source is not touched";

  const Pin touched = *PinIt("step-1");
  Overwrite(touched.path() + "/a/notes.txt", "mine");
  RemovePin(touched);
  const std::vector<std::string> left = Names(PinsDirectory(dir_.path()));
  ASSERT_EQ(left.size(), 1u);
  EXPECT_EQ(ReadBack(PinsDirectory(dir_.path()) + "/" + left[0] + "/step-1/a/notes.txt"), "mine");
  EXPECT_EQ(PinsIn(dir_.path()).size(), 0u);
}

TEST_F(Pins, WhatADeadAgentLeftHalfDoneIsFinishedByTheNext) {
  Overwrite(dir_ / "step-1.pt", TorchFile());
  const Pin pin = *PinIt("step-1.pt");
  const std::string pins = PinsDirectory(dir_.path());
  fs::rename(pin.directory, pins + "/.removing-j-1.abcdef");  // killed between rename and unlink
  Overwrite(pins + "/.making-j-1.abcdef/step-2.pt", "half");
  Overwrite(pins + "/.making-j-10.abcdef/step-2.pt", "another job's");
  RemoveHalfDone(dir_.path(), gang_.job);
  EXPECT_EQ(Names(pins), std::vector<std::string>{".making-j-10.abcdef"});
}

TEST_F(Pins, WithoutARecordNothingUnderPinsIsEverstepsOwn) {
  Overwrite(dir_ / ".everstep/pins/3-mine/model.pt", "x");
  Overwrite(dir_ / ".everstep/pins/3-cut/.everstep-pin", "everstep-pin 1\njob j-1\n");
  EXPECT_EQ(PinsIn(dir_.path()).size(), 0u);
}

TEST(RecordText, AnyNameComesBackAsItWas) {
  const Words words{"", " ", "a b", "%", "%41", "line\nline", std::string("\0\xff", 2), "ü", "end"};
  const Result<std::vector<Words>> lines = DecodeLines(EncodeLine(words) + EncodeLine({"x"}) + "end\n");
  ASSERT_TRUE(lines) << lines.error().message;
  EXPECT_EQ(*lines, (std::vector<Words>{words, {"x"}}));
}

TEST(RecordText, ARecordCutAtAnyByteIsDamaged) {
  Pin pin{.job = JobId("j-1"),
          .number = 7,
          .source = "a b",
          .was = {.directory = true, .files = {{.name = "x"}}, .directories = {"d"}},
          .files = {{.name = "x", .digest = "00"}}};
  const std::string whole = EncodePin(pin);
  const Result<Pin> back = DecodePin(whole);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(EncodePin(*back), whole);
  for (std::size_t size = 0; size < whole.size(); ++size) ASSERT_FALSE(DecodePin(whole.substr(0, size))) << size;
  for (const std::string bad : {"a %4\nend\n", "a %zz\nend\n", "a"}) EXPECT_FALSE(DecodeLines(bad)) << bad;
}

TEST(RecordText, ARecordWhoseNamesLeadOutOfThePinIsRefused) {
  const Pin good{.source = "step-1", .was = {.directory = true, .directories = {"a/b"}}, .files = {{.name = "a/b/c"}}};
  EXPECT_TRUE(DecodePin(EncodePin(good)));
  for (const std::string name : {"..", "../x", "a/../../x", "/etc/passwd", "a//b", "."}) {
    Pin bad = good;
    bad.files[0].name = name;
    EXPECT_FALSE(DecodePin(EncodePin(bad))) << name;
    bad = good;
    bad.was.directories[0] = name;
    EXPECT_FALSE(DecodePin(EncodePin(bad))) << name;
    bad = good;
    bad.source = name;
    EXPECT_FALSE(DecodePin(EncodePin(bad))) << name;
  }
  EXPECT_FALSE(DecodePin(EncodePin({.source = "step-1.pt", .files = {{.name = "x"}}}))) << "a file has no files below it";
}

}  // namespace
}  // namespace everstep
