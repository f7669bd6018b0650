// The judge accuses by the right number, and nobody who did nothing.
#include "tests/sim/judge.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "launcher/daemon/codec.h"

namespace everstep::sim {
namespace {

class Judging : public testing::Test {
 protected:
  Judging() {
    Logged(LauncherStarted{.epoch = Epoch(1), .why = "started"});
    for (const char* name : {"n1", "n2", "n3"})
      Logged(NodeJoined{.node = NodeId(name), .boot = BootId("boot"), .state_id = "1", .why = "joined"});
    Logged(JobSubmitted{.job = job, .spec = {.name = "train"}, .request_id = "r", .why = "submitted"});
  }
  void Logged(const Fact& fact) {
    entries.push_back(EncodeEntry({.at = AtNanoseconds(++time), .fact = fact}));
    judge.Durable(LogIndex(entries.size()), {{.entries = {entries.back()}}});
  }
  GenerationPlanned Plan(std::uint64_t generation, std::uint32_t port) const {
    return {.job = job, .generation = Generation(generation), .hosts = {NodeId("n1")}, .master_port = port, .why = "planned"};
  }
  CheckpointRegistered Checkpoint(std::uint64_t step) const {
    return {.job = job, .id = CheckpointId(Cat(step)), .seen = {.job = job, .step = step, .complete = true}, .why = "whole"};
  }
  // The numbers of the rules that were broken, in order.
  std::string Accused() const {
    std::vector<std::string> numbers;
    for (const std::string& violation : judge.outcome().violations) {
      const std::size_t at = violation.find(": I") + 2;
      numbers.push_back(violation.substr(at, violation.find(':', at) - at));
    }
    return Join(numbers, " ");
  }

  static std::vector<std::unique_ptr<Machine>> Two() {
    std::vector<std::unique_ptr<Machine>> machines;
    for (const char* name : {"launcher", "n1"}) {
      machines.push_back(std::make_unique<Machine>());
      machines.back()->name = name;
    }
    return machines;
  }
  // As its log has it, with all members heard all the time.
  World Believed() const {
    World world;
    for (const std::string& entry : entries) Apply(world.state, *DecodeEntry(entry));
    for (const auto& [id, node] : world.state.nodes) world.hosts[id] = {.connected = true, .report = Report{}};
    return world;
  }
  void Pass(Duration wait) {
    for (const Time until = agenda.now() + wait; agenda.Step(until);) continue;
  }

  const JobId job{"train-1"};
  Judge::HostTruth truth;  // of every host
  Agenda agenda;
  std::vector<std::unique_ptr<Machine>> machines = Two();
  Network network{agenda, Rng(1), machines};
  Training training{agenda,
                    network,
                    Rng(1),
                    [](const RankPlace&, const RankExit&) {},
                    [](const RankPlace&, std::uint64_t) {},
                    [](const std::string&) {}};
  Judge judge{agenda, training, false, 10min, [this](const NodeId&) { return truth; }};
  std::vector<std::string> entries;
  std::int64_t time = 0;
};

TEST_F(Judging, HasNothingAgainstAnOrdinaryLife) {
  Logged(Plan(1, 20000));
  Logged(GenerationStarted{job, Generation(1), "starts"});
  judge.RankStarts({.gang = {job, Generation(1)}});
  Logged(Checkpoint(10));
  Logged(Checkpoint(20));
  Logged(NodeSuspected{NodeId("n2"), "silent"});
  Logged(NodeLost{NodeId("n2"), "lost"});
  judge.Opened({.epoch = Epoch(1), .first = LogIndex(1), .entries = entries});
  EXPECT_EQ(Accused(), "");
}

TEST_F(Judging, AnEpochOrAGenerationThatDoesNotGrow) {
  Logged(LauncherStarted{.epoch = Epoch(1), .why = "started"});
  Logged(Plan(1, 20000));
  Logged(Plan(1, 20001));
  EXPECT_EQ(Accused(), "I2 I2");
}

TEST_F(Judging, ARankThatStartsBeforeItMay) {
  Logged(Plan(1, 20000));
  judge.RankStarts({.gang = {job, Generation(1)}});
  EXPECT_EQ(Accused(), "I2");
}

TEST_F(Judging, APortThatHasNotRested) {
  Logged(Plan(1, 20000));
  Logged(Plan(2, 20000));
  EXPECT_EQ(Accused(), "I5");
}

TEST_F(Judging, ACommittedStepThatGoesBack) {
  Logged(Checkpoint(100));
  for (std::uint64_t step = 1; step <= 16; ++step) Logged(Checkpoint(step));
  EXPECT_EQ(Accused(), "I6");
}

TEST_F(Judging, AStepThatGoesBackBecauseACheckpointWasWithdrawnIsNone) {
  Logged(Checkpoint(10));
  Logged(Checkpoint(20));
  Logged(CheckpointWithdrawn{job, CheckpointId("20"), "rotten"});
  EXPECT_EQ(Accused(), "");
}

TEST_F(Judging, AnEndWithoutACause) {
  Logged(Plan(1, 20000));
  Logged(JobEnded{job, JobPhase::failed, 1, "failed"});
  EXPECT_EQ(Accused(), "I10");
}

TEST_F(Judging, ALogThatHasLostWhatWasAcknowledgedOrHasSomethingElse) {
  std::vector<std::string> shorter = entries;
  shorter.pop_back();
  judge.Opened({.epoch = Epoch(1), .first = LogIndex(1), .entries = shorter});
  std::vector<std::string> other = entries;
  other[1] = other[2];
  judge.Opened({.epoch = Epoch(1), .first = LogIndex(1), .entries = other});
  EXPECT_EQ(Accused(), "I11 I11");
}

TEST_F(Judging, AGroupThatWasBeingWrittenIsThereWholeOrNotAtAll) {
  const std::string one = EncodeEntry({.at = AtNanoseconds(100), .fact = NodeSuspected{NodeId("n1"), "silent"}});
  judge.Uncertain({{.entries = {one}}, {.entries = {one}}});
  std::vector<std::string> half = entries;
  half.push_back(one);
  judge.Opened({.epoch = Epoch(1), .first = LogIndex(1), .entries = half});
  EXPECT_EQ(Accused(), "I11");
}

TEST_F(Judging, ASnapshotThatIsNotWhatItsEntriesGive) {
  judge.Opened({.epoch = Epoch(1),
                .snapshot = Snapshot{.index = LogIndex(entries.size()), .bytes = EncodeState({})},
                .first = LogIndex(entries.size() + 1)});
  EXPECT_EQ(Accused(), "I13");
}

TEST_F(Judging, AnEvictionOfOneWhoWasNotSuspectedAndOneBeyondHalf) {
  Logged(NodeLost{NodeId("n3"), "lost"});
  Logged(NodeSuspected{NodeId("n1"), "silent"});
  Logged(NodeLost{NodeId("n1"), "lost"});
  EXPECT_EQ(Accused(), "I25 I14") << "one of two is half";
}

TEST_F(Judging, AHostThatNobodyHasTakenOutOfWorkAndOneThatIsGivenAllTheSame) {
  Logged(NodeDrained{.node = NodeId("n1"), .why = "drained"});
  Logged(Plan(1, 20000));
  EXPECT_EQ(Accused(), "I16 I16");
}

TEST_F(Judging, AJobThatIsKnownTwice) {
  Logged(JobSubmitted{.job = job, .spec = {.name = "train"}, .request_id = "r", .why = "submitted"});
  EXPECT_EQ(Accused(), "I24");
}

TEST_F(Judging, AHostThatIsOutOfReachAndAMemberForTooLong) {
  judge.Tick(Believed(), Time());
  Pass(40s);
  judge.Tick(Believed(), Time());
  EXPECT_EQ(Accused(), "");
  truth = {.in_trouble = true, .unreachable = true, .unreachable_since = agenda.now() - 29s};
  judge.Tick(Believed(), Time());
  EXPECT_EQ(Accused(), "");
  Pass(1s);
  judge.Tick(Believed(), agenda.now() - 10s);
  EXPECT_EQ(Accused(), "") << "this launcher has had no time yet";
  judge.Tick(Believed(), Time());
  EXPECT_EQ(Accused(), "I4 I4 I4");
}

TEST_F(Judging, ARankThatHasFailedAndCountsAsRunning) {
  Logged(Plan(1, 20000));
  Logged(GenerationStarted{job, Generation(1), "starts"});
  training.Start({.machine = 1, .gang = {job, Generation(1)}}, 1, "");
  Rng dice(1);
  training.EndOne({job, Generation(1)}, dice, {.code = 1});
  Pass(29s);
  judge.Tick(Believed(), Time());
  EXPECT_EQ(Accused(), "");
  Pass(1s);
  judge.Tick(Believed(), Time());
  EXPECT_EQ(Accused(), "I4");
  truth.in_trouble = true;
  judge.Tick(Believed(), Time());
  EXPECT_EQ(Accused(), "I4") << "a host that is not heard cannot tell";
}

TEST_F(Judging, AHostThatCountsAsFreeAndIsHeld) {
  World world = Believed();
  judge.Decided(world);
  judge.Tick(world, Time());
  EXPECT_EQ(Accused(), "");
  world.state.jobs.at(job).live = {{.node = NodeId("n2")}};  // a job in the queue has none
  judge.Decided(world);
  Pass(31s);
  judge.Tick(world, Time());
  EXPECT_EQ(Accused(), "I24");
}

NodeQuarantined Out(const std::string& node) {
  return {.node = NodeId(node), .check = "mem.ecc", .action = HealthAction::drain, .cause = "mem.ecc", .why = "bad"};
}

TEST_F(Judging, ChecksThatTakeMoreThanATenthOfTheHostsOutOfWork) {
  Logged(Out("n1"));
  Logged(QuarantineOver{NodeId("n1"), "passed"});
  Logged(Out("n1"));
  EXPECT_EQ(Accused(), "") << "one, whatever a tenth of three is, and again";
  Logged(Out("n2"));
  EXPECT_EQ(Accused(), "I26");
}

TEST_F(Judging, ChecksThatAreObservedAndActedOn) {
  judge.only_observes = true;
  Logged(Out("n1"));
  EXPECT_EQ(Accused(), "I26");
}

TEST_F(Judging, AJobThatIsGivenAHostInQuarantine) {
  Logged(Out("n1"));
  Logged(Plan(1, 20000));
  EXPECT_EQ(Accused(), "I26");
}

TEST_F(Judging, ADrainThatEndsWithoutAWord) {
  Logged(NodeDrained{.node = NodeId("n1"), .by = "ann", .why = "fans"});
  judge.MayUndrain(NodeId("n1"));
  Logged(NodeUndrained{.node = NodeId("n1"), .why = "ann"});
  EXPECT_EQ(Accused(), "");
  Logged(NodeDrained{.node = NodeId("n2"), .by = "ann", .why = "fans"});
  Logged(NodeUndrained{.node = NodeId("n2"), .why = "cleared"});
  EXPECT_EQ(Accused(), "I26");
}

TEST_F(Judging, AHostThatStaysOutForWhatAllFail) {
  Logged(NodeJoined{.node = NodeId("n4"), .boot = BootId("boot"), .state_id = "1", .why = "joined"});
  Logged(Out("n1"));
  World world = Believed();
  for (auto& [id, host] : world.hosts) {
    host.report->health.watched = true;
    host.report->health.alarms = {{.check = "mem.ecc", .action = HealthAction::drain}};
  }
  Pass(31s);
  judge.Tick(world, Time());
  Pass(9s);
  judge.Tick(world, Time());
  EXPECT_EQ(Accused(), "") << "it takes a moment until all is known";
  Pass(2s);
  judge.Tick(world, Time());
  EXPECT_EQ(Accused(), "I26");
}

TEST_F(Judging, AHostThatIsPutOffAndForgotten) {
  AlarmRaised raised{
      .node = NodeId("n1"), .alarm = {.check = "mem.ecc", .action = HealthAction::drain}, .job = {}, .why = "bad"};
  Logged(raised);
  World world = Believed();
  for (auto& [id, host] : world.hosts) host.report->health.watched = true;
  world.hosts[NodeId("n1")].report->health.alarms = {raised.alarm};
  const auto look = [&](Duration after) {
    Pass(after);
    world.heard_until = world.state.now + (agenda.now() - Time());
    judge.Tick(world, Time());
  };
  look(31s);
  look(50s);
  EXPECT_EQ(Accused(), "");
  look(15s);
  EXPECT_EQ(Accused(), "I26");
}

TEST_F(Judging, AHostThatIsPutOffForAnotherThatWent) {
  Logged(Out("n2"));
  AlarmRaised raised{
      .node = NodeId("n1"), .alarm = {.check = "mem.ecc", .action = HealthAction::drain}, .job = {}, .why = "bad"};
  Logged(raised);
  World world = Believed();
  for (auto& [id, host] : world.hosts) host.report->health.watched = true;
  world.hosts[NodeId("n1")].report->health.alarms = {raised.alarm};
  for (int look = 0; look < 10; ++look) {
    Pass(31s);
    world.heard_until = world.state.now + (agenda.now() - Time());
    judge.Tick(world, Time());
  }
  EXPECT_EQ(Accused(), "");
}

TEST_F(Judging, AHostThatNobodyGivesBack) {
  Logged(Out("n1"));
  const World world = Believed();
  judge.End(&world, true, 0);
  EXPECT_NE(Accused().find("I26"), std::string::npos);
}

TEST_F(Judging, AFactWithoutAReasonAndTimeThatGoesBack) {
  Logged(NodeSuspected{NodeId("n1"), ""});
  time = 0;
  Logged(NodeTrusted{NodeId("n1"), "heard"});
  EXPECT_EQ(Accused(), "I25 I18");
}

}  // namespace
}  // namespace everstep::sim
