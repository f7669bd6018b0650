// Agents and keepers that die: who lives on, what is known afterwards, and what may not be left.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <filesystem>
#include <fstream>

#include "base/text.h"
#include "tests/agent/keeper/host.h"

namespace everstep {
namespace {

class Adoption : public Host {};

TEST_F(Adoption, ANewAgentFindsTheSameProcessesAndWhatHappenedMeanwhile) {
  const KeeperStatus before =
      Run({Shell(0, "exec sleep 1000"), Shell(1, "while [ ! -e $0/end ]; do sleep 0.02; done; exit 9")});
  EndAgent();
  std::filesystem::create_directory(root_ + "/end");
  EXPECT_TRUE(Eventually([&] { return !Alive(before.ranks[1].pid); }));
  ASSERT_TRUE(Alive(before.ranks[0].pid));

  StartAgent();
  ASSERT_EQ(agent_->Adopt().value(), std::vector{gang_});
  const KeeperEvent up = AwaitKind(KeeperEventKind::up);
  EXPECT_EQ(up.gang, gang_);
  EXPECT_EQ(up.status.phase, KeeperPhase::running);
  EXPECT_EQ(up.status.ranks[0].pid, before.ranks[0].pid);
  EXPECT_EQ(up.status.ranks[0].exit, std::nullopt);
  EXPECT_EQ(up.status.ranks[1].exit->code, 9u);
  Send(KeeperStop{.grace = 10s});  // and it obeys
  EXPECT_EQ(AwaitPhase(KeeperPhase::empty).ranks[0].exit->signal, static_cast<std::uint32_t>(SIGTERM));
}

TEST_F(Adoption, AKilledKeeperTakesItsRanksAndTheirChildrenAlong) {
  const KeeperStatus running =
      Run({Shell(0, "(trap '' TERM; echo $$ > /dev/null; sh -c 'echo $PPID > $0/child' $0; exec sleep 1000) & sleep 1000")});
  const std::int64_t child = PidIn("child");
  ASSERT_TRUE(Alive(child));
  ::kill(static_cast<pid_t>(KeeperPid()), SIGKILL);
  const KeeperEvent gone = AwaitKind(KeeperEventKind::gone);
  EXPECT_FALSE(Alive(running.ranks[0].pid));
  EXPECT_FALSE(Alive(child));
  EXPECT_EQ(gone.status.phase, KeeperPhase::empty);
  EXPECT_EQ(gone.status.ranks[0].pid, running.ranks[0].pid);
  EXPECT_EQ(gone.status.ranks[0].exit, std::nullopt);  // nobody saw how
  EXPECT_TRUE(gone.why.starts_with("the keeper died")) << gone.why;
}

TEST_F(Adoption, AKeeperThatDiedWhileNoAgentWasThereIsToldWithItsLastRecord) {
  const KeeperStatus running = Run({Shell(0, "exit 6"), Shell(1, "exec sleep 1000")});
  if (!running.ranks[0].exit) AwaitEnds(1);
  EXPECT_TRUE(Eventually([&] {
    const auto record = ReadRecord(spool());
    return record && !record->status.ranks.empty() && record->status.ranks[0].exit.has_value();
  }));
  EndAgent();
  ::kill(static_cast<pid_t>(KeeperPid()), SIGKILL);
  StartAgent();
  ASSERT_EQ(agent_->Adopt().value(), std::vector{gang_});
  const KeeperEvent gone = AwaitKind(KeeperEventKind::gone);
  EXPECT_EQ(gone.status.ranks[0].exit->code, 6u);
  EXPECT_EQ(gone.status.ranks[1].exit, std::nullopt);
  EXPECT_FALSE(Alive(running.ranks[1].pid));
}

TEST_F(Adoption, AnAgentThatDiedBetweenSpoolAndKeeperLeavesAGangThatIsGone) {
  ASSERT_TRUE(MakeSpool(spool()));
  StartAgent();
  ASSERT_EQ(agent_->Adopt().value(), std::vector{gang_});
  const KeeperEvent gone = AwaitKind(KeeperEventKind::gone);
  EXPECT_TRUE(gone.status.ranks.empty());
  EXPECT_EQ(gone.status.phase, KeeperPhase::ready);  // nothing ever ran
}

TEST_F(Adoption, ARecordOfAnotherBootKillsNobody) {
  ASSERT_TRUE(MakeSpool(spool()));
  const KeeperStatus status{.phase = KeeperPhase::running, .ranks = {{.rank = 0, .pid = ::getpid()}}};
  ASSERT_TRUE(WriteRecord(spool(), {.boot = "another", .started = {{::getpid(), 1}}, .status = status}));
  StartAgent();
  ASSERT_TRUE(agent_->Adopt());
  const KeeperEvent gone = AwaitKind(KeeperEventKind::gone);
  EXPECT_EQ(gone.status.phase, KeeperPhase::empty);
  EXPECT_EQ(gone.why, "the keeper died; the host was started anew since");
}

TEST_F(Adoption, ARecordedPidThatIsAStrangersNowIsLeftAlone) {
  ASSERT_TRUE(MakeSpool(spool()));
  const KeeperStatus status{.phase = KeeperPhase::running, .ranks = {{.rank = 0, .pid = ::getpid()}}};
  const std::string boot = Trim(FileText("/proc/sys/kernel/random/boot_id")).data();
  ASSERT_TRUE(WriteRecord(spool(), {.boot = boot.substr(0, 36), .started = {{::getpid(), 1}}, .status = status}));
  StartAgent();
  ASSERT_TRUE(agent_->Adopt());
  EXPECT_EQ(AwaitKind(KeeperEventKind::gone).status.phase, KeeperPhase::empty);
}

TEST_F(Adoption, ABrokenRecordOfAStartedGangIsNeverCalledEmpty) {
  ASSERT_TRUE(MakeSpool(spool()));
  std::ofstream(spool() + "/exits") << "{\"boot\": ";
  ASSERT_TRUE(MarkStarted(spool()));
  StartAgent();
  ASSERT_TRUE(agent_->Adopt());
  const KeeperEvent gone = AwaitKind(KeeperEventKind::gone);
  EXPECT_EQ(gone.status.phase, KeeperPhase::stopping);
  EXPECT_TRUE(gone.why.starts_with("the keeper died; ")) << gone.why;
  EXPECT_EQ(gone.status.why, gone.why);
}

TEST_F(Adoption, AKeeperProgramThatIsNotThereIsAFailureWithItsName) {
  options_.keeper = root_ + "/no-keeper";
  Launch();
  const KeeperEvent failed = AwaitKind(KeeperEventKind::failed);
  EXPECT_EQ(failed.why, Cat("cannot start ", root_, "/no-keeper: No such file or directory"));
  agent_->Discard(gang_);
  EXPECT_TRUE(Eventually([&] { return !std::filesystem::exists(spool()); }));
}

TEST_F(Adoption, AKeeperProgramThatEndsAtOnceIsAFailureWithItsLastWords) {
  options_.keeper = root_ + "/keeper";
  std::ofstream(options_.keeper) << "#!/bin/sh\necho it hurts here >&2\nexit 1\n";
  std::filesystem::permissions(options_.keeper, std::filesystem::perms::owner_all);
  Launch();
  EXPECT_EQ(AwaitKind(KeeperEventKind::failed).why, "the keeper ended before it was up: it hurts here");
}

TEST_F(Adoption, AKeeperProgramThatNeverAnswersIsKilledAndAFailure) {
  options_.keeper = root_ + "/keeper";
  options_.up_within = 3s;
  std::ofstream(options_.keeper) << "#!/bin/sh\necho $$ > " << root_ << "/pid\nexec sleep 1000\n";
  std::filesystem::permissions(options_.keeper, std::filesystem::perms::owner_all);
  Launch();
  EXPECT_EQ(AwaitKind(KeeperEventKind::failed).why, "the keeper did not answer in time");
  EXPECT_FALSE(Alive(PidIn("pid")));
}

TEST_F(Adoption, AStateDirectoryThatCannotBeListedIsNotAnEmptyOne) {
  Run({Shell(0, "exec sleep 1000")});
  EndAgent();
  StartAgent();
  rlimit files{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &files), 0);
  const rlimit none{.rlim_cur = 0, .rlim_max = files.rlim_max};
  ::setrlimit(RLIMIT_NOFILE, &none);  // the agent's loop, which runs beside, cannot even poll meanwhile
  const auto found = agent_->Adopt();
  ::setrlimit(RLIMIT_NOFILE, &files);
  ASSERT_FALSE(found);
  EXPECT_NE(found.error().message.find("/gangs: Too many open files"), std::string::npos) << found.error().message;
  EXPECT_TRUE(agent_->Adopt());
  AwaitKind(KeeperEventKind::up);
}

TEST_F(Adoption, TwoAgentsCannotShareAStateDirectory) {
  StartAgent();
  const auto second = RealProcesses::Open(options_, [](const KeeperEvent&) {});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kConflict);
}

TEST_F(Adoption, AStateDirectoryDeeperThanASocketAddressIsLongWorks) {
  options_.state_dir = state_ = root_ + "/" + std::string(100, 'd') + "/" + std::string(100, 'e');
  // It may have ended before it was ever seen to run.
  if (Run({Shell(0, "exit 0")}).phase != KeeperPhase::empty) AwaitPhase(KeeperPhase::empty);
}

TEST_F(Adoption, TheKeeperOutlivesTheSignalsThatATerminalOrAServiceManagerSends) {
  const KeeperStatus running = Run({Shell(0, "exec sleep 1000")});
  for (const int signal : {SIGHUP, SIGINT, SIGTERM, SIGPIPE}) ::kill(static_cast<pid_t>(KeeperPid()), signal);
  Send(KeeperStop{.grace = 10s});
  EXPECT_EQ(AwaitPhase(KeeperPhase::empty).ranks[0].exit->signal, static_cast<std::uint32_t>(SIGTERM));
}

TEST_F(Adoption, OldLogsMakeRoomForNewOnes) {
  options_.log_gangs_max = 2;
  for (std::uint64_t generation = 1; generation <= 3; ++generation) {
    gang_.generation = Generation(generation);
    Run({Shell(0, "echo generation")});
    AwaitPhase(KeeperPhase::empty);
    Send(KeeperQuit{});
    AwaitKind(KeeperEventKind::gone);
    agent_->Discard(gang_);
    EXPECT_TRUE(Eventually([&] { return !std::filesystem::exists(spool()); }));
  }
  EXPECT_TRUE(Eventually([&] { return !std::filesystem::exists(options_.log_dir + "/story-1/1"); }));
  EXPECT_EQ(FileText(options_.log_dir + "/story-1/2/0.out"), "generation\n");
  EXPECT_EQ(FileText(options_.log_dir + "/story-1/3/0.out"), "generation\n");
}

}  // namespace
}  // namespace everstep
