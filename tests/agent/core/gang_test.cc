#include "agent/core/gang.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace everstep {
namespace {

Time At(Duration d) { return AtNanoseconds(0) + 1h + d; }
GangKey Key() { return {.job = JobId("j-1"), .generation = Generation(2)}; }
GangSpec Spec() {
  return {.job = Key().job,
          .generation = Key().generation,
          .command = {"python3"},
          .checkpoint = CheckpointSpec{.dir = "/ckpt"},
          .watches_checkpoints = true};
}
GangChecked Good() { return {.gang = Key(), .readied = Readied{.program = "/usr/bin/python3"}, .not_readied = {}}; }
GangChecked Bad(Refusal refusal) {
  return {.gang = Key(), .readied = {}, .not_readied = NotReadied{.refusal = refusal, .why = "as the story says"}};
}
KeeperEvent Event(KeeperEventKind kind, KeeperPhase phase = KeeperPhase::ready, std::string why = {}) {
  KeeperEvent event{.gang = Key(), .kind = kind, .status = {.phase = phase}, .why = std::move(why)};
  if (phase != KeeperPhase::ready) event.status.ranks = {{.rank = 0, .pid = 100}};
  if (phase == KeeperPhase::empty) event.status.ranks[0].exit = RankExit{.code = 0};
  return event;
}
KeeperEvent Fenced() {
  KeeperEvent event{.gang = Key(), .kind = KeeperEventKind::status, .status = {.phase = KeeperPhase::empty, .fenced = true}};
  event.status.why = "fenced before it was started: the lease ran out";
  return event;
}

// "launch check", "stop 5 s"
std::string Actions(const GangStep& step) {
  std::vector<std::string> words;
  for (const GangAction& action : step.actions)
    words.push_back(action.kind == GangActionKind::stop ? Cat("stop ", Show(action.grace)) : std::string(Name(action.kind)));
  return Join(words);
}

// Gangs in each state, made the way they come about.
Gang Preparing() {
  Gang gang = Gang::Asked(At(0s), Spec());
  gang.Advance(At(0s), "");
  return gang;
}
Gang Prepared() {
  Gang gang = Preparing();
  gang.Heard(At(0s), Event(KeeperEventKind::up));
  gang.Checked(Good());
  return gang;
}
Gang Started() {
  Gang gang = Prepared();
  gang.Start();
  return gang;
}
Gang Running() {
  Gang gang = Started();
  gang.Heard(At(0s), Event(KeeperEventKind::status, KeeperPhase::running));
  return gang;
}
Gang Stopping() {
  Gang gang = Running();
  gang.Stop(At(0s), 60s, "cancelled");
  return gang;
}
Gang Empty() {
  Gang gang = Running();
  gang.Heard(At(0s), Event(KeeperEventKind::status, KeeperPhase::empty));
  return gang;
}
Gang Refused() {
  Gang gang = Preparing();
  gang.Heard(At(0s), Event(KeeperEventKind::up));
  gang.Checked(Bad(Refusal::host));
  return gang;
}
Gang Waiting() {
  Gang gang = Gang::Asked(At(0s), Spec());
  gang.Advance(At(0s), "generation 1");
  return gang;
}
Gang AdoptedRunning() {
  Gang gang = Gang::Adopted({.job = Key().job,
                             .generation = Key().generation,
                             .watches_checkpoints = true,
                             .checkpoint = CheckpointSpec{.dir = "/ckpt"}},
                            true);
  gang.Heard(At(0s), Event(KeeperEventKind::up, KeeperPhase::running));
  return gang;
}

using Make = Gang (*)();
struct State {
  std::string name;
  Make make;
};
const std::vector<State> kStates = {{"waiting", Waiting}, {"preparing", Preparing}, {"prepared", Prepared},
                                    {"started", Started}, {"running", Running},     {"stopping", Stopping},
                                    {"empty", Empty},     {"refused", Refused},     {"adopted", AdoptedRunning}};

TEST(Gang, TheStatesOfTheTablesAreWhatTheySay) {
  const std::vector<std::string> phases = {"preparing", "preparing", "prepared", "prepared", "running",
                                           "stopping",  "empty",     "refused",  "running"};
  for (std::size_t i = 0; i < kStates.size(); ++i) EXPECT_EQ(Name(kStates[i].make().phase()), phases[i]) << kStates[i].name;
}

struct Row {
  std::string state;
  std::string actions;
  std::string phase;
};
// What `event` does to a gang in each state.
template <class Event>
void ExpectRows(const std::vector<Row>& rows, Event event) {
  ASSERT_EQ(rows.size(), kStates.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    ASSERT_EQ(rows[i].state, kStates[i].name);
    Gang gang = kStates[i].make();
    EXPECT_EQ(Actions(event(gang)), rows[i].actions) << rows[i].state;
    EXPECT_EQ(Name(gang.phase()), rows[i].phase) << rows[i].state;
    const GangStatus status = gang.Status();
    EXPECT_EQ(status.phase == GangPhase::refused, status.refusal.has_value()) << rows[i].state;
  }
}

TEST(Gang, StartInEveryState) {
  ExpectRows({{"waiting", "", "preparing"},
              {"preparing", "", "preparing"},
              {"prepared", "start", "prepared"},
              {"started", "", "prepared"},
              {"running", "", "running"},
              {"stopping", "", "stopping"},
              {"empty", "", "empty"},
              {"refused", "", "refused"},
              {"adopted", "", "running"}},
             [](Gang& gang) { return gang.Start(); });
}

TEST(Gang, StopInEveryState) {
  ExpectRows({{"waiting", "", "empty"},
              {"preparing", "", "stopping"},
              {"prepared", "quit", "stopping"},
              {"started", "stop 30 s", "stopping"},
              {"running", "stop 30 s", "stopping"},
              {"stopping", "stop 30 s", "stopping"},
              {"empty", "", "empty"},
              {"refused", "", "refused"},
              {"adopted", "stop 30 s", "stopping"}},
             [](Gang& gang) { return gang.Stop(At(1s), 30s, "cancelled"); });
}

TEST(Gang, ForgetInEveryState) {
  ExpectRows({{"waiting", "", "preparing"},
              {"preparing", "", "preparing"},
              {"prepared", "", "prepared"},
              {"started", "", "prepared"},
              {"running", "", "running"},
              {"stopping", "", "stopping"},
              {"empty", "", "empty"},  // dropped once its keeper, told to quit, has gone
              {"refused", "", "refused"},
              {"adopted", "", "running"}},
             [](Gang& gang) { return gang.Forget(); });
}

TEST(Gang, AKeeperThatIsGoneWithoutAWordInEveryState) {
  ExpectRows({{"waiting", "", "preparing"},
              {"preparing", "", "refused"},
              {"prepared", "", "refused"},
              {"started", "watch", "stopping"},
              {"running", "", "stopping"},
              {"stopping", "", "stopping"},
              {"empty", "", "empty"},
              {"refused", "", "refused"},
              {"adopted", "", "stopping"}},
             // Ranks that may live on may also save: they are watched.
             [](Gang& gang) {
               const bool ran = gang.phase() != GangPhase::preparing && !gang.Startable();
               return gang.Heard(At(1s),
                                 Event(KeeperEventKind::gone, ran ? KeeperPhase::running : KeeperPhase::ready, "SIGKILL"));
             });
}

TEST(Gang, AKeeperThatIsGoneBeforeItsRanksStartedLeavesAnEmptyGang) {
  Gang gang = Started();
  gang.Heard(At(1s), Event(KeeperEventKind::gone, KeeperPhase::ready, "SIGKILL"));
  EXPECT_EQ(gang.phase(), GangPhase::empty);
  EXPECT_EQ(gang.Status().why, "its keeper ended before its ranks started: SIGKILL");
}

TEST(Gang, AKeeperThatIsGoneAfterItSawTheGangEnd) {
  for (const Make make : {Running, Stopping, AdoptedRunning}) {
    Gang gang = make();
    EXPECT_EQ(Actions(gang.Heard(At(1s), Event(KeeperEventKind::gone, KeeperPhase::empty))), "unwatch");
    EXPECT_EQ(gang.phase(), GangPhase::empty);
  }
}

TEST(Gang, ChecksThatComeLateInEveryState) {
  ExpectRows({{"waiting", "", "preparing"},
              {"preparing", "", "refused"},
              {"prepared", "", "prepared"},
              {"started", "", "prepared"},
              {"running", "", "running"},
              {"stopping", "", "stopping"},
              {"empty", "", "empty"},
              {"refused", "", "refused"},
              {"adopted", "", "running"}},
             [](Gang& gang) { return gang.Checked(Bad(Refusal::port)); });
}

TEST(Gang, PreparedNeedsBothTheChecksAndTheKeeperInAnyOrder) {
  Gang gang = Gang::Asked(At(0s), Spec());
  EXPECT_EQ(Actions(gang.Advance(At(0s), "")), "launch, check");
  gang.Checked(Good());
  EXPECT_EQ(gang.phase(), GangPhase::preparing);
  EXPECT_EQ(gang.Heard(At(0s), Event(KeeperEventKind::up)).why, "prepared: ready to start");
  EXPECT_EQ(Prepared().phase(), GangPhase::prepared);
}

TEST(Gang, EachRefusalOfTheChecksIsPassedOnAndTheKeeperLeaves) {
  for (const Refusal refusal : {Refusal::host, Refusal::spec, Refusal::port, Refusal::checkpoint}) {
    Gang gang = Preparing();
    EXPECT_EQ(Actions(gang.Checked(Bad(refusal))), "") << "the keeper is not up yet";
    EXPECT_EQ(Actions(gang.Heard(At(0s), Event(KeeperEventKind::up))), "quit");
    EXPECT_EQ(gang.Status().refusal, refusal);
    EXPECT_EQ(gang.Status().why, "as the story says");
    EXPECT_EQ(Actions(gang.Heard(At(0s), Event(KeeperEventKind::gone))), "");
    EXPECT_EQ(Actions(gang.Forget()), "drop");
    EXPECT_TRUE(gang.Dropped());
  }
}

TEST(Gang, AKeeperThatCannotBeStartedIsARefusalOfTheHost) {
  Gang gang = Preparing();
  gang.Checked(Good());
  gang.Heard(At(0s), Event(KeeperEventKind::failed, KeeperPhase::ready, "no such program"));
  EXPECT_EQ(gang.Status().refusal, Refusal::host);
  EXPECT_EQ(gang.Status().why, "no keeper: no such program");
}

TEST(Gang, ChecksThatNeverEndAreARefusalOfTheHost) {
  Gang gang = Preparing();
  gang.Heard(At(0s), Event(KeeperEventKind::up));
  EXPECT_EQ(gang.Deadline(), At(Gang::kChecksWait));
  EXPECT_EQ(Actions(gang.Advance(At(Gang::kChecksWait - 1ns), "")), "");
  EXPECT_EQ(Actions(gang.Advance(At(Gang::kChecksWait), "")), "quit");
  EXPECT_EQ(gang.Status().why, "the checks of workdir, program and checkpoint did not end in 1 min: a hung file system?");
}

TEST(Gang, ItWaitsForOlderGenerationsAndIsRefusedIfTheyDoNotDie) {
  Gang gang = Gang::Asked(At(0s), Spec());
  EXPECT_EQ(Actions(gang.Advance(At(0s), "generation 1 (1 process in D state)")), "");
  EXPECT_EQ(gang.Status().why, "waiting for the end of generation 1 (1 process in D state)");
  Gang other = gang;
  EXPECT_EQ(Actions(other.Advance(At(3s), "")), "launch, check");
  gang.Advance(At(Gang::kLeftoversWait), "generation 1 (1 process in D state)");
  EXPECT_EQ(gang.Status().refusal, Refusal::leftovers);
  EXPECT_EQ(gang.Status().why, "not dead after 10 s: generation 1 (1 process in D state)");
  EXPECT_EQ(Actions(gang.Forget()), "drop") << "it never had a keeper";
  EXPECT_FALSE(gang.HasSpool());
}

TEST(Gang, ASecondStopMayOnlyShortenTheGrace) {
  Gang gang = Running();
  EXPECT_EQ(Actions(gang.Stop(At(0s), 60s, "cancelled")), "stop 1 min");
  EXPECT_EQ(Actions(gang.Stop(At(10s), 60s, "cancelled")), "") << "would end at 70 s";
  EXPECT_EQ(Actions(gang.Stop(At(10s), 50s, "cancelled")), "") << "the same end";
  EXPECT_EQ(Actions(gang.Stop(At(10s), 5s, "cancelled again")), "stop 5 s");
  EXPECT_EQ(gang.Status().why, "cancelled: SIGTERM, SIGKILL after 5 s");
  EXPECT_EQ(Actions(gang.Stop(At(11s), 0s, "now")), "stop 0 s");
}

TEST(Gang, AStopWhileTheKeeperComesUpEndsItBeforeAnythingRuns) {
  Gang gang = Preparing();
  gang.Stop(At(0s), 60s, "cancelled");
  EXPECT_EQ(Actions(gang.Heard(At(0s), Event(KeeperEventKind::up))), "quit");
  EXPECT_EQ(Actions(gang.Start()), "");
  gang.Heard(At(0s), Event(KeeperEventKind::gone));
  EXPECT_EQ(gang.phase(), GangPhase::empty);
  EXPECT_EQ(gang.Status().why, "stopped before it started: cancelled");
}

TEST(Gang, CheckpointsAreWatchedWhileRanksRunAndOnceMoreAtTheEnd) {
  Gang gang = Started();
  EXPECT_EQ(Actions(gang.Heard(At(0s), Event(KeeperEventKind::status, KeeperPhase::running))), "watch");
  EXPECT_EQ(Actions(gang.Heard(At(1s), Event(KeeperEventKind::status, KeeperPhase::running))), "");
  EXPECT_EQ(Actions(gang.Heard(At(2s), Event(KeeperEventKind::status, KeeperPhase::stopping))), "");
  EXPECT_EQ(Actions(gang.Heard(At(3s), Event(KeeperEventKind::status, KeeperPhase::empty))), "unwatch, quit");
  EXPECT_EQ(Actions(gang.Heard(At(3s), Event(KeeperEventKind::gone, KeeperPhase::empty))), "");
  EXPECT_EQ(Actions(gang.Forget()), "drop");
}

TEST(Gang, RanksThatEndBeforeTheyWereSeenStillGetALook) {
  Gang gang = Started();
  EXPECT_EQ(Actions(gang.Heard(At(0s), Event(KeeperEventKind::status, KeeperPhase::empty))), "watch, unwatch, quit");
}

TEST(Gang, AFenceBeforeTheStartIsARefusalAfterItAnEnd) {
  Gang gang = Prepared();
  EXPECT_EQ(Actions(gang.Heard(At(5s), Fenced())), "quit");
  EXPECT_EQ(gang.Status().refusal, Refusal::host);
  EXPECT_TRUE(gang.Status().fenced);
  Gang running = Running();
  KeeperEvent event = Event(KeeperEventKind::status, KeeperPhase::empty);
  event.status.fenced = true;
  running.Heard(At(5s), event);
  EXPECT_EQ(running.phase(), GangPhase::empty);
  EXPECT_TRUE(running.Status().fenced);
  EXPECT_EQ(running.Status().why, "fenced: this host was cut off for longer than the fence time");
}

TEST(Gang, ForgottenWhileItsKeeperStillLeavesItIsDroppedWhenThatIsGone) {
  Gang gang = Empty();
  gang.Forget();
  EXPECT_FALSE(gang.Reported());
  EXPECT_FALSE(gang.Dropped());
  EXPECT_EQ(Actions(gang.Heard(At(1s), Event(KeeperEventKind::gone, KeeperPhase::empty))), "drop");
}

TEST(Gang, AMemoryThatCannotBeWrittenIsARefusalOfTheHost) {
  Gang gang = Prepared();
  EXPECT_EQ(Actions(gang.Decline("disk full")), "quit");
  EXPECT_EQ(gang.Status().refusal, Refusal::host);
  EXPECT_EQ(Actions(Running().Decline("disk full")), "");
}

// ---- adopted -------------------------------------------------------------------------------------------------------------

Gang AdoptedGang(bool started) {
  return Gang::Adopted({.job = Key().job,
                        .generation = Key().generation,
                        .watches_checkpoints = true,
                        .checkpoint = CheckpointSpec{.dir = "/ckpt"}},
                       started);
}

TEST(AdoptedGang, ARunningOneGoesOnAndItsCheckpointsAreWatchedAgain) {
  Gang gang = AdoptedGang(true);
  EXPECT_FALSE(gang.Known());
  EXPECT_EQ(gang.phase(), GangPhase::running) << "what is not known to be gone may live";
  EXPECT_EQ(Actions(gang.Heard(At(0s), Event(KeeperEventKind::up, KeeperPhase::running))), "watch");
  EXPECT_TRUE(gang.Known());
}

TEST(AdoptedGang, OneThatWasNeverGivenRanksIsDroppedSoThatItIsPreparedAgain) {
  Gang gang = AdoptedGang(false);
  EXPECT_EQ(Actions(gang.Heard(At(0s), Event(KeeperEventKind::up))), "quit");
  EXPECT_FALSE(gang.Reported());
  EXPECT_EQ(Actions(gang.Heard(At(0s), Event(KeeperEventKind::gone))), "drop");
  Gang dead = AdoptedGang(false);
  EXPECT_EQ(Actions(dead.Heard(At(0s), Event(KeeperEventKind::gone))), "drop");
  Gang fenced = AdoptedGang(false);
  KeeperEvent event = Fenced();
  event.kind = KeeperEventKind::up;
  EXPECT_EQ(Actions(fenced.Heard(At(0s), event)), "quit") << "its lease ended while no agent was there";
}

TEST(AdoptedGang, OneWhoseRanksMayBeOnTheirWayIsThereUntilItsKeeperIsGone) {
  Gang gang = AdoptedGang(true);
  EXPECT_EQ(Actions(gang.Heard(At(0s), Event(KeeperEventKind::up))), "quit");
  EXPECT_TRUE(gang.Reported());
  EXPECT_EQ(gang.phase(), GangPhase::stopping);
  Gang late = gang;
  EXPECT_EQ(Actions(gang.Heard(At(0s), Event(KeeperEventKind::gone))), "drop");
  EXPECT_EQ(Actions(late.Heard(At(0s), Event(KeeperEventKind::status, KeeperPhase::running))), "watch")
      << "the ranks did arrive, the keeper did not quit";
  EXPECT_EQ(late.phase(), GangPhase::running);
}

TEST(AdoptedGang, OneThatEndedWhileNoAgentWasThereGetsALastLook) {
  Gang gang = AdoptedGang(true);
  EXPECT_EQ(Actions(gang.Heard(At(0s), Event(KeeperEventKind::gone, KeeperPhase::empty))), "watch, unwatch");
  EXPECT_EQ(gang.phase(), GangPhase::empty);
  EXPECT_EQ(gang.Status().ranks.size(), 1u);
}

TEST(AdoptedGang, ItCannotBecomePreparedOrStarted) {
  Gang gang = AdoptedGang(false);
  EXPECT_EQ(Actions(gang.Checked(Good())), "");
  EXPECT_EQ(Actions(gang.Advance(At(1h), "")), "");
  EXPECT_FALSE(gang.Startable());
  gang.Heard(At(0s), Event(KeeperEventKind::up));
  EXPECT_NE(gang.phase(), GangPhase::prepared);
}

TEST(AdoptedGang, AKeeperOfAnotherVersionIsNotEmpty) {
  Gang gang = AdoptedGang(true);
  gang.Heard(At(0s), Event(KeeperEventKind::failed, KeeperPhase::ready, "protocol 9"));
  EXPECT_EQ(gang.phase(), GangPhase::stopping);
  EXPECT_EQ(gang.Status().why, "its keeper cannot be spoken to, its fence timer ends it: protocol 9");
}

TEST(AdoptedGang, AStopBeforeItsKeeperSpokeReachesItThen) {
  for (const bool started : {true, false}) {
    Gang gang = AdoptedGang(started);
    EXPECT_EQ(Actions(gang.Stop(At(0s), 60s, "cancelled")), "");
    EXPECT_EQ(Actions(gang.Heard(At(20s), Event(KeeperEventKind::up, KeeperPhase::running))), "watch, stop 40 s");
    EXPECT_EQ(gang.phase(), GangPhase::stopping);
  }
}

TEST(Gang, TheLastStepThatWasToldOfStaysWithIt) {
  Gang gang = Running();
  EXPECT_EQ(gang.Status().progress, std::nullopt);
  KeeperStatus status{.phase = KeeperPhase::running, .progress = Progress{.step = 7, .loss = "2.5"}};
  gang.Heard(At(1s), {.kind = KeeperEventKind::status, .status = status});
  status.phase = KeeperPhase::empty;
  status.progress.reset();
  gang.Heard(At(2s), {.kind = KeeperEventKind::status, .status = status});
  EXPECT_EQ(gang.Status().progress, (Progress{.step = 7, .loss = "2.5"}));
}

}  // namespace
}  // namespace everstep
