// Logs of earlier versions: what was decided then is understood for ever.
#include <gtest/gtest.h>

#include <fstream>

#include "launcher/core/facts.h"
#include "launcher/daemon/codec.h"

namespace everstep {
namespace {

// testdata/log_0.1.0.jsonl is the log of a launcher that knew neither drains nor incidents, line by line (only names of people,
// paths and environment were replaced): a rank fails, another one is killed, a third job is cancelled, an agent is killed.
State Replayed() {
  State state;
  std::ifstream in(EVERSTEP_SOURCE_DIR "/tests/launcher/core/testdata/log_0.1.0.jsonl");
  std::size_t lines = 0;
  for (std::string line; std::getline(in, line); ++lines) {
    const Result<Entry> entry = DecodeEntry(line);
    EXPECT_TRUE(entry) << "line " << lines + 1 << ": " << entry.error().Str();
    if (entry) Apply(state, *entry);
  }
  EXPECT_EQ(lines, 50u);
  return state;
}

TEST(OldLog, ReplaysToWhatItMeantThen) {
  const State state = Replayed();
  ASSERT_EQ(state.jobs.size(), 3u);
  EXPECT_EQ(state.nodes.size(), 4u);
  const JobState& failed_once = state.jobs.at(JobId("t-1"));
  EXPECT_EQ(failed_once.phase, JobPhase::done);
  EXPECT_EQ(failed_once.generation, Generation(2));
  EXPECT_EQ(failed_once.restarts_total, 1u);
  const JobState& killed_once = state.jobs.at(JobId("t-2"));
  EXPECT_EQ(killed_once.phase, JobPhase::done);
  EXPECT_EQ(killed_once.checkpoints.size(), 6u);
  EXPECT_EQ(state.jobs.at(JobId("waits-3")).phase, JobPhase::cancelled);
  for (const auto& [id, node] : state.nodes) {
    EXPECT_TRUE(node.member) << id.value;
    EXPECT_FALSE(node.drain) << id.value;
  }
}

TEST(OldLog, HasItsIncidentsAsFarAsItSaysAndNothingMore) {
  const State state = Replayed();
  ASSERT_EQ(state.jobs.at(JobId("t-2")).incidents.size(), 1u);
  const Incident& incident = state.jobs.at(JobId("t-2")).incidents.front();
  EXPECT_EQ(incident.blame.cause, "rank 1 on n2 was killed by SIGKILL");
  EXPECT_EQ(incident.blame.node, NodeId("n2"));
  EXPECT_EQ(incident.blame.kind, BlameClass::unknown) << "it was not recorded then";
  EXPECT_FALSE(incident.blame.rank);
  EXPECT_FALSE(incident.noticed);
  EXPECT_TRUE(incident.stopped && incident.planned && incident.started);
  EXPECT_EQ(incident.resume_step, 110u);
  EXPECT_EQ(incident.outcome, IncidentOutcome::restarted);
}

TEST(OldLog, AStateOfAnEarlierVersionIsRead) {
  State state = Replayed();
  std::string text = EncodeState(state);
  for (const std::string_view added : {"\"incidents_ever\":1,", "\"moved\":false,"}) {
    ASSERT_NE(text.find(added), std::string::npos) << added;
    for (std::size_t at = text.find(added); at != std::string::npos; at = text.find(added)) text.erase(at, added.size());
  }
  const Result<State> read = DecodeState(text);
  ASSERT_TRUE(read) << read.error().Str();
  EXPECT_EQ(read->jobs.size(), 3u);
}

}  // namespace
}  // namespace everstep
