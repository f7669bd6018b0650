#include "launcher/cli/view_text.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

#include "launcher/cli/run_screen.h"
#include "launcher/cli/view_json.h"

namespace everstep {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr WallTime kNow{1'784'037'780 * kSecond};  // 2026-07-14 14:03:00 UTC
constexpr WallTime Ago(std::int64_t seconds) { return {kNow.ns - seconds * kSecond}; }

class ViewText : public testing::Test {
 protected:
  void SetUp() override {
    setenv("TZ", "UTC", 1);
    tzset();
  }
};

const JobView kRunning{
    .id = JobId("finetune-3"),
    .name = "finetune",
    .phase = JobPhase::running,
    .why = "n2 lost: 3 of 3 peers got nothing; n4 takes rank 1, resuming from step 40 (restart 1 of 10)",
    .priority = 50,
    .nodes = 3,
    .spares = 1,
    .world_size = 3,
    .generation = Generation(2),
    .hosts = {{.node = NodeId("n1"), .address = "10.0.0.1:7470", .node_rank = 0, .first_rank = 0, .ranks = 1},
              {.node = NodeId("n4"), .address = "10.0.0.4:7470", .node_rank = 1, .first_rank = 1, .ranks = 1},
              {.node = NodeId("n3"), .address = "10.0.0.3:7470", .node_rank = 2, .first_rank = 2, .ranks = 1}},
    .ranks = {{.rank = 0, .node = NodeId("n1"), .pid = 11, .state = "running"},
              {.rank = 1, .node = NodeId("n4"), .pid = 12, .state = "running"},
              {.rank = 2, .node = NodeId("n3"), .pid = 13, .state = "running"}},
    .restarts = 1,
    .restarts_max = 10,
    .step = 52,
    .checkpoint = CheckpointView{.id = "c4",
                                 .step = 40,
                                 .path = "/ckpt/.everstep/step-40.pt",
                                 .generation = Generation(1),
                                 .registered_at = Ago(70),
                                 .why = "zip with 42 records, CRCs match"},
    .submitted_at = Ago(190),
    .started_at = Ago(185),
    .command = {"python3", "-u", "train.py", "--prompt", "it's"},
    .next = "everstep logs finetune-3 -f"};

const JobView kQueued{.id = JobId("b-4"),
                      .phase = JobPhase::queued,
                      .why = "needs 4 hosts, 2 are free",
                      .queue_position = 1,
                      .nodes = 4,
                      .restarts_max = 10,
                      .submitted_at = Ago(100'000),
                      .command = {"a"},
                      .next = "everstep explain b-4"};

TEST_F(ViewText, JobsAreOneLineEach) {
  const std::string table = Render(JobsTable({kRunning, kQueued}, kNow), {.columns = 100});
  EXPECT_EQ(table,
            "JOB         PHASE    NODES  GEN  STEP  RESTARTS  AGE  WHY\n"
            "finetune-3  running  3+1    2    52    1/10      3m   n2 lost: 3 of 3 peers got nothing; n4 takes r…\n"
            "b-4         queued   4      -    -     0/10      27h  needs 4 hosts, 2 are free\n");
}

TEST_F(ViewText, AJobSaysWhereItIsWhyAndWhatToTypeNext) {
  EXPECT_EQ(DescribeJob(kRunning, kNow),
            "Job         finetune-3\n"
            "Phase       running, generation 2, restart 1 of 10\n"
            "Why         n2 lost: 3 of 3 peers got nothing; n4 takes rank 1, resuming from step 40 (restart 1 of 10)\n"
            "Command     python3 -u train.py --prompt 'it'\\''s'\n"
            "Step        52, checkpoint at step 40 (14:01:50, zip with 42 records, CRCs match)\n"
            "Time        submitted 13:59:50, started 13:59:55, 3 min 5 s ago\n"
            "Spares      none of 1 yet\n"
            "\n"
            "NODE  RANKS   ADDRESS        STATE\n"
            "n1    rank 0  10.0.0.1:7470  running\n"
            "n4    rank 1  10.0.0.4:7470  running\n"
            "n3    rank 2  10.0.0.3:7470  running\n"
            "\n"
            "Next: everstep logs finetune-3 -f\n");
}

TEST_F(ViewText, AJobThatHasEndedWaitsForNoSpare) {
  JobView job = kRunning;
  job.phase = JobPhase::done;
  EXPECT_EQ(DescribeJob(job, kNow).find("Spares"), std::string::npos);
}

TEST_F(ViewText, AJobThatWaitsShowsItsPlaceInTheQueue) {
  EXPECT_EQ(DescribeJob(kQueued, kNow),
            "Job         b-4\n"
            "Phase       queued, 1 in the queue\n"
            "Why         needs 4 hosts, 2 are free\n"
            "Command     a\n"
            "Step        none told of, no checkpoint\n"
            "Time        submitted Jul 13 10:16:20, 1 d 3 h ago\n"
            "\n"
            "Next: everstep explain b-4\n");
}

TEST_F(ViewText, AJobThatNeverRanDoesNotSendAnybodyToItsEmptyLog) {
  JobView job = kQueued;
  job.phase = JobPhase::failed;
  job.next = "everstep logs b-4 --generation 1 --tail 50";
  EXPECT_EQ(NextOf(job), "everstep explain b-4");
  job.started_at = Ago(65);
  EXPECT_EQ(NextOf(job), job.next) << "its ranks may have said why";
}

TEST_F(ViewText, AFailedJobShowsItsCodeAndTheWayToTheLastWords) {
  JobView job = kQueued;
  job.phase = JobPhase::failed;
  job.queue_position.reset();
  job.generation = Generation(1);
  job.exit_code = 7;
  job.why = "rank 1 on n2 exited with code 7: \"ValueError\"\nsame step twice";
  job.started_at = Ago(65);
  job.ended_at = Ago(5);
  job.next = "everstep logs b-4 --generation 1 --rank 1";
  job.incident = IncidentView{.job = job.id,
                              .number = 2,
                              .blame = BlameClass::code,
                              .cause = "rank 1 exited with code 7",
                              .steps_lost = 6,
                              .lost = 3800ms};
  EXPECT_EQ(DescribeJob(job, kNow),
            "Job         b-4\n"
            "Phase       failed, generation 1, exit code 7\n"
            "Why         rank 1 on n2 exited with code 7: \"ValueError\" same step twice\n"
            "Command     a\n"
            "Step        none told of, no checkpoint\n"
            "Time        submitted Jul 13 10:16:20, started 14:01:55, ended 14:02:55, took 1 min\n"
            "Incident    2, code: rank 1 exited with code 7; 6 steps and 3.8 s lost (everstep incidents b-4)\n"
            "\n"
            "Next: everstep logs b-4 --generation 1 --rank 1\n");
  EXPECT_NE(DescribeJob(job, kNow, 60)
                .find("Incident    2, code: rank 1 exited with code 7; 6 steps and\n"
                      "            3.8 s lost (everstep incidents b-4)\n"),
            std::string::npos)
      << "broken between words: " << DescribeJob(job, kNow, 60);
}

TEST_F(ViewText, NodesAreOneLineEach) {
  const std::vector<NodeView> nodes{
      {.node = NodeId("n1"),
       .phase = NodePhase::ready,
       .why = "beats",
       .job = JobId("finetune-3"),
       .role = "rank 0",
       .address = "10.0.0.1:7470",
       .accelerators = 8,
       .silent_for = 220ms,
       .fabric = FabricView{.passed = true, .age = 1min, .why = {}},
       .health = HealthView{.watched = true,
                            .judged = 83,
                            .warning = 1,
                            .alarms = {{.check = "net.errors", .scope = "eth0", .why = "7 in 1 h"}}}},
      {.node = NodeId("n2"), .phase = NodePhase::lost, .why = "3 of 3 peers got nothing", .address = "10.0.0.2:7470"}};
  EXPECT_EQ(Render(NodesTable(nodes), {}),
            "NODE  STATE  JOB         ACCEL  FABRIC      CHECKS        LAST-BEAT   REASON\n"
            "n1    ready  finetune-3  8      pass 1 min  1 of 83 warn  220 ms ago  net.errors of eth0: 7 in 1 h\n"
            "n2    lost   -           0      -           -             -           3 of 3 peers got nothing\n");
}

TEST_F(ViewText, ALostNodeSaysHowToGoOnWithoutIt) {
  const std::string text = DescribeNode({.node = NodeId("n2"), .phase = NodePhase::lost, .why = "silent for 5 s"});
  EXPECT_NE(text.find("everstep node n2 --confirm-dead\n"), std::string::npos) << text;
}

TEST_F(ViewText, WideTablesHaveMoreColumns) {
  const std::string jobs = Render(JobsTable({kRunning}, kNow, true), {});
  EXPECT_NE(jobs.find("n[1,3-4]"), std::string::npos) << jobs;
  EXPECT_NE(jobs.find("/ckpt/.everstep/step-40.pt"), std::string::npos) << jobs;
  const std::string nodes = Render(NodesTable({{.node = NodeId("n1"), .accelerators = 8, .boot = BootId("b1")}}, true), {});
  EXPECT_NE(nodes.find("-        b1       -"), std::string::npos) << nodes;
  const std::string events = Render(EventsTable({{.index = LogIndex(7), .kind = "job_done"}}, kNow, true), {});
  EXPECT_NE(events.find("7      1970-01-01T00:00:00.000000000Z  -    -     job_done  -"), std::string::npos) << events;
}

TEST_F(ViewText, ALongSentenceGoesOnBelowItselfOnATerminal) {
  const EventView event{.at = Ago(1), .job = JobId("a-1"), .why = "n2 is lost: silent for 5 s, and 3 of 3 peers got nothing"};
  EXPECT_EQ(EventLine(event, kNow, 60),
            "14:02:59  a-1           -     n2 is lost: silent for 5 s,\n"
            "                              and 3 of 3 peers got nothing\n");
  EXPECT_EQ(Render(EventsTable({event}, kNow), {.columns = 50, .wrap = true}),
            "TIME      JOB  NODE  WHY\n"
            "14:02:59  a-1  -     n2 is lost: silent for 5 s,\n"
            "                     and 3 of 3 peers got nothing\n");
}

TEST_F(ViewText, EventsCarryTheTimeAndTheSentence) {
  const EventView event{
      .index = LogIndex(7), .at = Ago(1), .job = JobId("a-1"), .node = {}, .kind = "job_done", .why = "all 2 ranks\nexited 0"};
  EXPECT_EQ(EventLine(event, kNow), "14:02:59  a-1           -     all 2 ranks exited 0\n");
}

TEST_F(ViewText, TheLineAtTheBottomSaysHowFarTheJobIs) {
  EXPECT_EQ(ProgressText(kRunning, kNow), "running · generation 2 · step 52 · checkpoint at 40 · 3 min 5 s");
  JobView told = kRunning;
  told.progress = ProgressView{.step = 52, .steps_total = 100, .step_time = 500ms, .eta = 24s, .loss = "1.954"};
  EXPECT_EQ(ProgressText(told, kNow),
            "running · generation 2 · step 52 of 100 · 500 ms a step · loss 1.954 · 24 s left · checkpoint at 40 · 3 min 5 s");
  EXPECT_NE(
      DescribeJob(told, kNow).find("Step        52 of 100, 500 ms a step, done in 24 s, loss 1.954, checkpoint at step 40 ("),
      std::string::npos)
      << DescribeJob(told, kNow);
  const auto loss = [&](const char* said) {
    told.progress->loss = said;
    return JobsTable({told}, kNow, true).rows.front().at(9);
  };
  EXPECT_EQ(loss("0.8554646058539166"), "0.855464");
  EXPECT_EQ(loss("-12.3456789e-07"), "-12.3456e-07");
  EXPECT_EQ(loss("0.00000123456789"), "0.00000123456");
  for (const char* as_said : {"1.5e-07", "nan", "12345678", "2.5", "inf"}) EXPECT_EQ(loss(as_said), as_said);
  EXPECT_EQ(JobsTable({told}, kNow).rows.front().at(4), "52/100");
  EXPECT_EQ(ProgressText(kQueued, kNow), "queued · 1 in the queue · 1 d 3 h");
}

TEST_F(ViewText, AgesAreShort) {
  EXPECT_EQ(ShortAge(-5s), "0s");
  EXPECT_EQ(ShortAge(119s), "119s");
  EXPECT_EQ(ShortAge(2min), "2m");
  EXPECT_EQ(ShortAge(3h), "3h");
  EXPECT_EQ(ShortAge(50h), "2d");
}

TEST(ViewJson, EveryKeyIsThereAndWhatIsNotKnownIsNull) {
  EXPECT_EQ(ViewJson(NodeView{.node = NodeId("n1"), .silent_for = 1500ms}),
            "{\"node\":\"n1\",\"phase\":\"ready\",\"why\":\"\",\"job\":null,\"role\":\"\",\"address\":\"\",\"accelerators\":0,"
            "\"silent_for\":1500000000,\"boot\":\"\",\"version\":\"\",\"drain\":null,\"fabric\":null,\"health\":null,\"why_"
            "not\":\"\"}\n");
  const std::string job = ViewJson(kQueued);
  EXPECT_NE(job.find("\"checkpoint\":null"), std::string::npos) << job;
  EXPECT_NE(job.find("\"hosts\":[]"), std::string::npos) << job;
  EXPECT_NE(ViewJson(std::vector{kRunning}).find("\"registered_at\":\"2026-07-14T14:01:50.000000000Z\""), std::string::npos);
}

TEST(ViewJson, TimesAreTextThatNoReaderRounds) {
  EXPECT_EQ(Rfc3339({1784037710123456789}), "2026-07-14T14:01:50.123456789Z");
  EXPECT_EQ(Rfc3339({0}), "1970-01-01T00:00:00.000000000Z");
  EXPECT_EQ(Rfc3339({-1}), "1969-12-31T23:59:59.999999999Z");
  EXPECT_NE(ViewJson(EventView{.at = {7}}).find("\"at\":\"1970-01-01T00:00:00.000000007Z\""), std::string::npos);
}

}  // namespace
}  // namespace everstep
