// The shipped table against what trainers print (tests/testdata/progress).
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>

#include "agent/config/progress_table_file.h"
#include "base/progress/rank_progress.h"
#include "base/progress/terminal_text.h"
#include "base/text.h"

namespace everstep {
namespace {

using Stream = RankProgress::Stream;

std::string ReadTestdata(const std::string& name) {
  std::ifstream in(EVERSTEP_SOURCE_DIR "/tests/testdata/progress/" + name, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

ProgressTable Shipped() {
  Result<ProgressTable> table = LoadProgressTable("");
  EXPECT_TRUE(table) << table.error().Str();
  return table.value_or(ProgressTable{});
}
LinePatterns PatternsOf(const ProgressTable& table) {
  Result<LinePatterns> patterns = LinePatterns::Make(table);
  EXPECT_TRUE(patterns) << patterns.error().Str();
  return patterns.value_or(LinePatterns());
}

// Only the line `name` of the table, or only its JSON keys.
ProgressTable Only(ProgressTable table, const std::string& name) {
  if (name != "json") table.json = {};
  std::erase_if(table.lines, [&](const ProgressLine& line) { return line.name != name; });
  return table;
}

struct Sample {
  std::vector<std::string> lines{};
  std::vector<std::string> look_alikes{};
};

// lines.txt by trainer.
std::map<std::string, Sample> Samples() {
  std::map<std::string, Sample> samples;
  Sample* sample = nullptr;
  bool look_alikes = false;
  for (std::string line : Split(ReadTestdata("lines.txt"), '\n')) {
    for (std::size_t at = line.find("\\x1b"); at != std::string::npos; at = line.find("\\x1b")) line.replace(at, 4, "\x1b");
    if (line.starts_with("trainer: ")) {
      sample = &samples[line.substr(9)];
      look_alikes = false;
    } else if (line == "but not:") {
      look_alikes = true;
    } else if (!line.empty() && sample != nullptr) {
      (look_alikes ? sample->look_alikes : sample->lines).push_back(WithoutColours(line));
    }
  }
  return samples;
}

struct Last {
  std::optional<std::uint64_t> step{};
  std::optional<std::uint64_t> total{};
  std::optional<std::string> loss{};
};
// What the last line of each trainer tells.
const std::map<std::string, Last> kLast = {
    {"megatron", {203, 250000, "1.118665E+01"}},
    {"nemo", {121, 149, "1.288"}},
    {"torchtitan", {15, {}, "3.1068"}},
    {"nanogpt", {101, {}, "nan"}},
    {"nanogpt-evaluation", {500, {}, "1.9876"}},
    {"llm-c", {102, {}, "6.091003"}},
    {"torchtune", {101, {}, "1.100000"}},
    {"deepspeed", {50, {}, {}}},
    {"deepspeed-timer", {35, {}, {}}},
    {"deepspeed-pipeline", {20, {}, "2.2003"}},
    {"json", {123, 1000, "8.301"}},
    {"hf-metrics", {{}, {}, "0.9871"}},
    {"tqdm", {2500, 24128, "0.0312"}},
    {"plain", {15, {}, "1.5e-01"}},
    {"epochs", {313 + 60, 3130, "1.234"}},
    {"lightning", {795, {}, "3.1"}},
};

TEST(Trainers, EachLineOfTheTableHasSamples) {
  const auto samples = Samples();
  for (const ProgressLine& line : Shipped().lines) EXPECT_TRUE(samples.contains(line.name)) << line.name;
  for (const auto& [name, sample] : samples) {
    EXPECT_FALSE(sample.lines.empty()) << name;
    EXPECT_TRUE(kLast.contains(name)) << name;
  }
}

TEST(Trainers, TheirLinesAreKnown) {
  for (const auto& [name, sample] : Samples()) {
    const LinePatterns alone = PatternsOf(Only(Shipped(), name));
    const LinePatterns all = PatternsOf(Shipped());
    RankProgress rank(alone);
    for (const std::string& line : sample.lines) {
      const auto told = alone.Read(line);
      ASSERT_TRUE(told) << name << ": " << line;
      EXPECT_TRUE(told->step || told->loss) << name << ": " << line;
      const auto among_all = all.Read(line);
      ASSERT_TRUE(among_all);
      EXPECT_EQ(std::tie(told->step, told->total, told->loss), std::tie(among_all->step, among_all->total, among_all->loss))
          << name << " is not the first that matches: " << line;
      rank.Printed(AtNanoseconds(0), Stream::out, line + "\n");
    }
    const auto progress = rank.Now(AtNanoseconds(0));
    const Last& last = kLast.at(name);
    EXPECT_EQ(progress ? std::optional(progress->step) : std::nullopt, last.step) << name;
    if (progress) {
      EXPECT_EQ(progress->steps_total, last.total) << name;
    }
    EXPECT_EQ(rank.loss(), last.loss) << name;
  }
}

TEST(Trainers, WhatOnlyLooksAlikeTellsNothing) {
  const LinePatterns all = PatternsOf(Shipped());
  for (const auto& [name, sample] : Samples())
    for (const std::string& line : sample.look_alikes) {
      const auto told = all.Read(line);
      EXPECT_FALSE(told && (told->step || told->loss)) << name << ": " << line;
    }
}

struct Recording {
  std::string name{};
  std::uint64_t step = 0;
  std::optional<std::uint64_t> total{};
  std::optional<std::string> loss{};
};

class Recorded : public testing::TestWithParam<Recording> {};

// However the bytes are cut, and never backwards on the way.
TEST_P(Recorded, TheTrainingsBarIsToldFromAllOthers) {
  const Recording& recording = GetParam();
  const std::string err = ReadTestdata(recording.name + ".err");
  const std::string out = ReadTestdata(recording.name + ".out");
  ASSERT_FALSE(err.empty());
  const LinePatterns patterns = PatternsOf(Shipped());
  for (const std::size_t piece : {1u, 7u, 100u, 65536u}) {
    RankProgress rank(patterns);
    std::uint64_t before = 0;
    for (std::size_t at = 0; at < err.size(); at += piece) {
      rank.Printed(AtNanoseconds(0), Stream::err, std::string_view(err).substr(at, piece));
      const auto progress = rank.Now(AtNanoseconds(0));
      if (!progress) continue;
      EXPECT_GE(progress->step, before);
      if (recording.total) {
        EXPECT_EQ(progress->steps_total, recording.total);
      }
      before = progress->step;
    }
    rank.Printed(AtNanoseconds(0), Stream::out, out);
    const auto progress = rank.Now(AtNanoseconds(0));
    ASSERT_TRUE(progress);
    EXPECT_EQ(progress->step, recording.step);
    EXPECT_EQ(progress->steps_total, recording.total);
    EXPECT_EQ(progress->loss, recording.loss);
  }
}

INSTANTIATE_TEST_SUITE_P(Trainers, Recorded,
                         testing::Values(Recording{"plain", 40, 40, {}}, Recording{"hf_trainer", 60, 60, "1.8"},
                                         Recording{"epochs_named", 60, 60, "0.810"}, Recording{"epochs_unnamed", 60, {}, {}},
                                         Recording{"wiped_epochs", 60, {}, {}}, Recording{"lightning", 60, {}, "0.571"},
                                         Recording{"diffusers", 30, 30, "0.096"}),
                         [](const auto& row) { return row.param.name; });

TEST(Trainers, BarsThatAreNoTrainingTellNothing) {
  RankProgress rank(PatternsOf(Shipped()));
  rank.Printed(AtNanoseconds(0), Stream::err, ReadTestdata("not_training.err"));
  EXPECT_EQ(rank.Now(AtNanoseconds(0)), std::nullopt);
}

}  // namespace
}  // namespace everstep
