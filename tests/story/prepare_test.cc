#include <algorithm>
#include <set>

#include "base/text.h"
#include "launcher/core/status.h"
#include "tests/story/story.h"

namespace everstep {
namespace {

TEST(Prepare, AMissingWorkdirMovesTheRankToAnotherHostAndNamesIt) {
  Story story({"n1", "n2", "n3"});
  story.Refuse("n2", Refusal::host, "workdir /srv/train: no such directory");
  const JobId train = story.Submit(Train(2));
  EXPECT_EQ(
      story.Told(),
      (Lines{"queued: needs 2 hosts, 3 fit", "placed on n1 and n2",
             "n2 refused: workdir /srv/train: no such directory; generation 1 is stopped",
             "n2 refused generation 1: workdir /srv/train: no such directory", "n1 reported generation 1 empty",
             "counts as the host's failure",
             "n2 refused: workdir /srv/train: no such directory; n3 takes rank 1 from n2, from the start (no checkpoint yet) "
             "(restart 1 of 10)",
             "generation 2 starts: 2 ranks on 2 hosts"}));
  EXPECT_EQ(story.HostsOf(train), (Lines{"n1", "n3"}));
}

TEST(Prepare, WithoutAnotherHostTheJobWaitsAndDoesNotTryTheSameAtOnce) {
  Story story({"n1", "n2"});
  story.Refuse("n2", Refusal::host, "workdir /srv/train: no such directory");
  const JobId train = story.Submit(Train(2));
  story.Pass(4min);
  EXPECT_EQ(story.Told().back(),
            "n2 refused: workdir /srv/train: no such directory; waits for a host in place of n2, which failed this job before");
  EXPECT_EQ(story.Job(train).generation, Generation(1));
  story.Up("n3");
  EXPECT_EQ(story.HostsOf(train), (Lines{"n1", "n3"}));
}

TEST(Prepare, ACommandThatNoHostCanRunEndsTheJob) {
  Story story({"n1", "n2"});
  story.Refuse("n1", Refusal::spec, "command: found an empty list");
  const JobId train = story.Submit(Train(2));
  EXPECT_EQ(story.Told().back(),
            "n1 refused: command: found an empty list; no host can run this job; all its processes are gone");
  EXPECT_EQ(story.Phase(train), JobPhase::failed);
}

TEST(Prepare, ATakenPortIsAnotherPortAndCostsNoRestart) {
  Story story({"n1", "n2"});
  story.Refuse("n1", Refusal::port, "MASTER_PORT: 20000 is in use");
  const JobId train = story.Submit(Train(2));
  EXPECT_EQ(story.Told(),
            (Lines{"queued: needs 2 hosts, 2 fit", "placed on n1 and n2",
                   "n1 refused: MASTER_PORT: 20000 is in use; generation 1 is stopped",
                   "n1 refused generation 1: MASTER_PORT: 20000 is in use", "n2 reported generation 1 empty",
                   "counts as no failure: another port will do",
                   "n1 refused: MASTER_PORT: 20000 is in use; all hosts go on in place, from the start (no checkpoint "
                   "yet) (port 20001 now, no restart is counted)",
                   "generation 2 starts: 2 ranks on 2 hosts"}));
  EXPECT_EQ(story.Job(train).restarts_total, 0u);
}

TEST(Prepare, PortsThatAreTakenOneAfterTheOtherCostRestartsInTheEnd) {
  Story story({"n1", "n2"});
  for (int i = 0; i < 100; ++i) story.Refuse("n1", Refusal::port, "MASTER_PORT: permission denied");
  JobSpec spec = Train(2);
  spec.restart.budget = 3;
  const JobId train = story.Submit(spec);
  EXPECT_EQ(story.Told().back(),
            "n1 refused: MASTER_PORT: permission denied; gave up: the restart budget is used up: 3 of 3 within 6 h");
  EXPECT_EQ(story.Job(train).generation, Generation(9)) << "1 first, 5 free, 3 counted";
}

TEST(Prepare, ACheckpointThatNobodySeesIsWithdrawnAndAnOlderOneUsed) {
  Story story({"n1", "n2"});
  const JobId train = story.Submit(Train(2));
  story.Saves(train, "step-20.pt", 20);
  story.Saves(train, "step-40.pt", 40);
  for (const char* host : {"n1", "n2"}) story.Refuse(host, Refusal::checkpoint, "step-40.pt: size 1000 bytes, registered 1200");
  story.Told();
  story.RankEnds(train, 1, Killed(9));
  const Lines told = story.Told();
  EXPECT_EQ(Lines(told.begin() + 4, told.end()),
            (Lines{"rank 1 on n2 was killed by SIGKILL; all hosts go on in place, resuming from step 40 (restart 1 of 10); its "
                   "words: everstep logs train-1 --rank 1 --generation 1 --tail 50",
                   "checkpoint step-40.pt@g1#2 is not offered any more: step-40.pt: size 1000 bytes, registered 1200",
                   "n1 refused: step-40.pt: size 1000 bytes, registered 1200; generation 2 is stopped",
                   "n1 refused generation 2: step-40.pt: size 1000 bytes, registered 1200",
                   "n2 refused generation 2: step-40.pt: size 1000 bytes, registered 1200",
                   "counts as no failure: no host sees the checkpoint",
                   "n1 refused: step-40.pt: size 1000 bytes, registered 1200; all hosts go on in place, resuming from step 20 "
                   "(no restart is counted)",
                   "generation 3 starts: 2 ranks on 2 hosts"}));
  EXPECT_TRUE(story.Job(train).avoid.empty());
}

TEST(Prepare, CheckpointsThatNobodySeesCostNoBudgetHoweverMany) {
  Story story({"n1", "n2"});
  JobSpec spec = Train(2);
  spec.restart.budget = 1;
  const JobId train = story.Submit(spec);
  for (std::uint64_t step = 10; step <= 50; step += 10) story.Saves(train, Cat("step-", step, ".pt"), step);
  for (int time = 0; time < 5; ++time)
    for (const char* host : {"n1", "n2"}) story.Refuse(host, Refusal::checkpoint, "no such file");
  story.RankEnds(train, 1, Killed(9));
  EXPECT_EQ(story.Phase(train), JobPhase::running);
  EXPECT_EQ(story.Job(train).generation, Generation(7)) << "the first, the restart, and five that found no checkpoint";
  EXPECT_EQ(story.Job(train).restarts_total, 1u);
  EXPECT_FALSE(story.Job(train).resume);
}

TEST(Prepare, OfANameThatIsSavedForEverOnlyTheDamagedSaveIsWithdrawn) {
  Story story({"n1"});
  const JobId train = story.Submit(Train(1));
  std::set<CheckpointId> ids;
  for (int save = 0; save < 40; ++save) {
    story.Saves(train, "latest.pt", std::nullopt);
    ids.insert(story.Job(train).checkpoints.back().id);
    story.Pass(1s);
  }
  EXPECT_EQ(ids.size(), 40u);
  story.Refuse("n1", Refusal::checkpoint, "latest.pt: no such file");
  story.RankEnds(train, 0, Killed(9));
  const std::vector<CheckpointRecord>& kept = story.Job(train).checkpoints;
  EXPECT_EQ(std::count_if(kept.begin(), kept.end(), [](const CheckpointRecord& record) { return !record.offered; }), 1);
  ASSERT_TRUE(story.Job(train).resume);
  EXPECT_EQ(*story.Job(train).resume, kept.at(kept.size() - 2).id) << "the save before";
}

TEST(Prepare, ACheckpointThatItsWatchFindsDamagedIsWithdrawnAtOnceAndCostsNothing) {
  Story story({"n1", "n2"});
  const JobId train = story.Submit(Train(2));
  story.Saves(train, "step-20.pt", 20);
  story.Saves(train, "step-40.pt", 40);
  story.Told();
  CheckpointSeen lost = story.Job(train).checkpoints.back().seen;
  lost.complete = false;
  lost.files.clear();
  lost.why = "its pin was deleted";
  for (int time = 0; time < 2; ++time) {
    story.Host("n1").checkpoints.push_back(lost);
    story.Reports("n1");
  }
  EXPECT_EQ(story.Told(), Lines{"checkpoint step-40.pt@g1#2 is not offered any more: its pin was deleted"});
  story.RankEnds(train, 1, Killed(9));
  EXPECT_EQ(story.Job(train).resume, story.Job(train).checkpoints.front().id);
  EXPECT_EQ(story.Job(train).generation, Generation(2));
}

// An agent tells of it until it is acknowledged: a record that went at once would be made again each time.
TEST(Prepare, ACheckpointThatIsNotOfferedIsNotedOnceHoweverManyAreKept) {
  Story story({"n1"});
  const JobId train = story.Submit(Train(1));
  for (std::uint64_t i = 1; i <= 40; ++i) story.Saves(train, Cat("step-", i, ".pt"), i);
  story.Told();
  for (int i = 0; i < 3; ++i) story.Saves(train, "step-41.pt", 41, false);
  EXPECT_EQ(story.Told().size(), 1u);
  EXPECT_EQ(story.Job(train).checkpoints.size(), 16u);
}

TEST(Prepare, AHostThatAloneDoesNotSeeTheCheckpointIsLeftAndTheCheckpointStays) {
  Story story({"n1", "n2", "n3", "n4"});
  const JobId train = story.Submit(Train(2, 2));
  story.Saves(train, "step-40.pt", 40);
  story.Refuse("n3", Refusal::checkpoint, "step-40.pt: no such file");
  story.PowerOff("n2");
  story.Pass(10s);
  EXPECT_EQ(story.Phase(train), JobPhase::running);
  EXPECT_EQ(story.HostsOf(train), (Lines{"n1", "n4"}));
  EXPECT_TRUE(story.Job(train).checkpoints.front().offered);
  EXPECT_EQ(story.Job(train).spares, std::vector<NodeId>{}) << "n3 has failed this job";
}

TEST(Prepare, WhenNoCheckpointPassesItsCheckTheJobSaysThatItBeginsAgain) {
  Story story({"n1"});
  const JobId train = story.Submit(Train(1));
  story.Saves(train, "step-40.pt", 40);
  story.Refuse("n1", Refusal::checkpoint, "step-40.pt: no such file");
  story.RankEnds(train, 0, Killed(9));
  const Lines told = story.Told();
  EXPECT_TRUE(
      told[told.size() - 2].ends_with("from the start (none of 1 checkpoint can be resumed from) (no restart is counted)"))
      << told[told.size() - 2];
  const Lines says = Explain(story.world(), story.now(), story.Job(train)).sentences;
  EXPECT_EQ(Lines(says.end() - 2, says.end()),
            (Lines{"a restart begins at the start: 1 registered checkpoint was withdrawn, none is left",
                   "checkpoint step-40.pt@g1#1 is not offered any more: step-40.pt: no such file"}));
}

TEST(Prepare, AHostThatIsForgivenMeanwhileWorksForAnotherJobIsWaitedFor) {
  Story story({"n1", "n2"});
  const JobId train = story.Submit(Train(2));
  story.Refuse("n2", Refusal::host, "/tmp: no space left on device");
  story.RankEnds(train, 1, Killed(9));
  const JobId other = story.Submit(Train(1));
  ASSERT_EQ(story.HostsOf(other), Lines{"n2"}) << "n2 has failed only the first job";
  story.Pass(10min);
  EXPECT_EQ(story.Phase(train), JobPhase::recovering);
  EXPECT_EQ(story.HostsOf(other), Lines{"n2"});
  EXPECT_EQ(story.Job(train).why,
            Cat("n2 refused: /tmp: no space left on device; waits for a host in place of n2, which works for ", other));
  story.AllRanksEnd(other, ExitCode(0));
  story.Pass(1s);
  EXPECT_EQ(story.Phase(train), JobPhase::running);
  EXPECT_EQ(story.HostsOf(train), (Lines{"n1", "n2"}));
}

TEST(Prepare, LeftoversOnAHostMakeAnotherTakeItsPlace) {
  Story story({"n1", "n2", "n3"});
  story.Refuse("n1", Refusal::leftovers, "not dead after 10 s: generation 3: 2 processes in D state");
  const JobId train = story.Submit(Train(2));
  EXPECT_EQ(story.HostsOf(train), (Lines{"n3", "n2"}));
  EXPECT_EQ(story.Host("n2").specs.at({train, Generation(2)}).master_address, "n3");
}

TEST(Prepare, AHostThatDoesNotPrepareInTimeIsGivenUpForTheJob) {
  Story story({"n1", "n2", "n3"});
  story.Host("n2").prepares = false;
  const JobId train = story.Submit(Train(2));
  story.Told();
  story.Pass(119s);
  EXPECT_EQ(story.Told(), Lines{});
  story.Pass(2s);
  EXPECT_EQ(story.Told().front(), "n2 has not prepared within 2 min; generation 1 is stopped");
  EXPECT_EQ(story.HostsOf(train), (Lines{"n1", "n3"}));
}

TEST(Prepare, TheTimeWithoutALauncherDoesNotCountAgainstTheHosts) {
  Story story({"n1", "n2", "n3"});
  story.Host("n2").prepares = false;
  const JobId train = story.Submit(Train(2));
  story.Pass(10s);
  story.RestartLauncher(10min);
  story.Pass(10s);
  EXPECT_EQ(story.Phase(train), JobPhase::preparing);
  EXPECT_TRUE(story.Job(train).avoid.empty());
}

TEST(Prepare, WhatTwoHostsRefuseInTheSameWordsIsTheJobsFault) {
  Story story({"n1", "n2", "n3", "n4"});
  for (const char* name : {"n1", "n2"}) story.Refuse(name, Refusal::host, "command: nosuch: not found in PATH");
  const JobId train = story.Submit(Train(2));
  EXPECT_EQ(story.Phase(train), JobPhase::failed);
  EXPECT_EQ(story.Told().back(),
            "n1 and n2 refused: command: nosuch: not found in PATH; it has never run, so it is not tried elsewhere; all its "
            "processes are gone");
}

TEST(Prepare, AJobOfOneHostThatTwoRefuseAlikeIsGivenUp) {
  Story story({"n1", "n2", "n3", "n4"});
  for (const char* name : {"n1", "n2"}) story.Refuse(name, Refusal::host, "command: nosuch: not found in PATH");
  const JobId train = story.Submit(Train(1));
  EXPECT_EQ(story.Phase(train), JobPhase::failed);
  EXPECT_TRUE(story.Told().back().ends_with("gave up: two hosts refused it in the same words, and it has never run"));
}

TEST(Prepare, AJobThatTheOnlyHostRefusesIsGivenUpAndNotWaitedWith) {
  Story story({"n1"});
  story.Refuse("n1", Refusal::host, "workdir: no such directory");
  const JobId train = story.Submit(Train(1));
  EXPECT_EQ(story.Phase(train), JobPhase::failed);
  EXPECT_TRUE(story.Told().back().ends_with("it has never run, and there is no host that has not refused it"));
}

TEST(Prepare, AHostThatRefusedAJobThatHadRunIsFreeForOthersAndTriedAgainAfterFiveMinutes) {
  Story story({"n1", "n2"});
  const JobId train = story.Submit(Train(2));
  story.Refuse("n1", Refusal::host, "the disk of the state directory is full");
  story.RankEnds(train, 0, Killed(9));
  EXPECT_EQ(story.Phase(train), JobPhase::recovering);
  const JobId other = story.Submit(Train(1));
  EXPECT_EQ(story.HostsOf(other), Lines{"n1"});
  story.AllRanksEnd(other, ExitCode(0));
  story.Told();
  story.Pass(6min);
  EXPECT_EQ(story.Phase(train), JobPhase::running);
  EXPECT_EQ(story.Told().front(), "n1 failed train-1 5 min ago, and no other host can be had: it may try again");
}

TEST(Prepare, ARefusalWithAVeryLongReasonStillMakesASentence) {
  Story story({"n1", "n2", "n3"});
  story.Refuse("n2", Refusal::host, std::string(1000, 'x') + "\n\x1b[31m");
  const JobId train = story.Submit(Train(2));
  EXPECT_TRUE(story.Job(train).why.starts_with("generation 2 starts"));
  for (const std::string& line : story.Told())
    if (line.find("takes rank 1") != std::string::npos) {
      EXPECT_TRUE(line.ends_with("(restart 1 of 10)")) << line;
    }
}

TEST(Prepare, AGangThatVanishesBeforeTheStartIsPreparedAgain) {
  Story story({"n1", "n2"});
  story.Host("n2").prepares = false;
  const JobId train = story.Submit(Train(2));
  SimHost& n2 = story.Host("n2");
  n2.gangs.clear();
  n2.prepares = true;
  story.Reports("n2");
  EXPECT_EQ(story.Phase(train), JobPhase::running);
  EXPECT_EQ(story.Job(train).generation, Generation(1)) << "the agent was restarted, nothing ran";
}

TEST(Prepare, AHostThatSeesAnotherDirectoryUnderTheCheckpointPathIsNamedAndLeft) {
  Story story({"n1", "n2", "n3", "n4"});
  for (const char* host : {"n1", "n2", "n3", "n4"}) story.Host(host).checkpoint_dir_id = "shared";
  story.Host("n2").checkpoint_dir_id = "its own";
  JobSpec spec = Train(3);
  spec.checkpoint = CheckpointSpec{.dir = "/ckpt/run1"};
  const JobId train = story.Submit(spec);
  const Lines told = story.Told();
  EXPECT_EQ(told.at(2),
            "n2 sees another directory at /ckpt/run1 than n1 and n3: is it mounted there?; generation 1 is stopped");
  EXPECT_EQ(story.HostsOf(train), (Lines{"n1", "n4", "n3"}));
  EXPECT_EQ(story.Phase(train), JobPhase::running);
}

TEST(Prepare, ADirectoryThatNoTwoHostsShareEndsTheJobBeforeItHasAnythingToLose) {
  Story story({"n1", "n2"});
  for (const char* host : {"n1", "n2"}) story.Host(host).checkpoint_dir_id = host;
  JobSpec spec = Train(2);
  spec.checkpoint = CheckpointSpec{.dir = "/ckpt/run1"};
  const JobId train = story.Submit(spec);
  EXPECT_EQ(story.Phase(train), JobPhase::failed);
  EXPECT_EQ(story.Job(train).why,
            "checkpoint dir /ckpt/run1 is not shared: n1 and n2 each see a directory of their own there; name one that all "
            "hosts have mounted; all its processes are gone");
}

TEST(Prepare, AHostThatDoesNotKnowWhichDirectoryItSeesIsTakenAtItsWord) {
  Story story({"n1", "n2"});
  story.Host("n1").checkpoint_dir_id = "shared";
  JobSpec spec = Train(2);
  spec.checkpoint = CheckpointSpec{.dir = "/ckpt/run1"};
  EXPECT_EQ(story.Phase(story.Submit(spec)), JobPhase::running);
}

}  // namespace
}  // namespace everstep
