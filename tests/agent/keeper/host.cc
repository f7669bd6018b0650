#include "tests/agent/keeper/host.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "agent/keeper/cgroup.h"
#include "agent/keeper/line_socket.h"
#include "base/real/proc.h"
#include "base/text.h"

namespace everstep {

bool Eventually(const std::function<bool()>& holds) {
  RealClock clock;
  for (const Time deadline = clock.Now() + kPatience; clock.Now() < deadline; ::poll(nullptr, 0, 5))
    if (holds()) return true;
  return holds();
}

std::string FileText(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

bool Alive(std::int64_t pid) {
  const auto stat = StatOf(static_cast<pid_t>(pid));
  return stat && stat->state != 'Z';
}

Host::Host() {
  std::string pattern = testing::TempDir() + "/keeper-XXXXXX";
  root_ = std::filesystem::canonical(::mkdtemp(pattern.data()));
  state_ = root_ + "/state";
  options_ = {.state_dir = state_, .log_dir = root_ + "/logs", .keeper = EVERSTEP_KEEPER};
}

Host::~Host() {
  std::error_code ignored;
  std::filesystem::remove_all(root_, ignored);
}

std::string Host::Left() const {
  std::string left;
  for (const ProcessStat& process : AllProcesses()) {
    const std::string about = ReadKernelFile(Cat("/proc/", process.pid, "/cmdline")).value_or("") +
                              ReadKernelFile(Cat("/proc/", process.pid, "/environ")).value_or("");
    if (about.find(root_) != std::string::npos) left += Cat("pid ", process.pid, ' ', Printable(about), '\n');
  }
  return left;
}

void Host::TearDown() {
  EndAgent();
  StartAgent();
  const std::vector<GangKey> gangs = agent_->Adopt().value();
  for (const GangKey& gang : gangs) {
    gang_ = gang;
    const auto record = ReadRecord(spool());
    agent_->Send(gang, KeeperStop{});
    const auto ended = [](const KeeperEvent& e) {
      return e.kind == KeeperEventKind::gone || e.status.phase == KeeperPhase::empty;
    };
    if (Await("the end of the gang", ended).kind != KeeperEventKind::gone) {
      agent_->Send(gang, KeeperQuit{});
      AwaitKind(KeeperEventKind::gone);
    }
    agent_->Discard(gang);
    EXPECT_TRUE(Eventually([&] { return !std::filesystem::exists(spool()); })) << spool() << " is left";
    for (const std::string& cgroup : record.value_or(KeeperRecord{}).cgroups) {
      EXPECT_FALSE(std::filesystem::exists(cgroup)) << cgroup << " is left";
    }
  }
  EndAgent();
  // An adopted keeper that has said its last word still takes a moment to exit.
  std::string left;
  Eventually([&] { return (left = Left()).empty(); });
  EXPECT_EQ(left, "");
}

void Host::StartAgent() {
  auto agent = RealProcesses::Open(options_, [this](KeeperEvent event) {
    const std::lock_guard lock(mutex_);
    events_.push_back(std::move(event));
    changed_.notify_all();
  });
  ASSERT_TRUE(agent) << agent.error().Str();
  agent_ = *std::move(agent);
}

void Host::EndAgent() {
  agent_.reset();
  const std::lock_guard lock(mutex_);
  events_.clear();
  last_.reset();
}

void Host::Launch(Duration lease) {
  last_.reset();
  if (!agent_) StartAgent();
  agent_->Launch(gang_, {.until = clock_.Now() + lease});
}

RankCommand Host::Shell(std::uint32_t rank, const std::string& script) const {
  return {.rank = rank,
          .local_rank = rank,
          .argv = {"/bin/sh", "-c", script, root_},
          .env = {"PATH=/usr/bin:/bin", "KEEPER_TEST=" + root_}};
}

void Host::Start(std::vector<RankCommand> ranks) { Send(KeeperStart{.workdir = root_, .ranks = std::move(ranks)}); }

KeeperStatus Host::Run(std::vector<RankCommand> ranks, Duration lease) {
  Launch(lease);
  Start(std::move(ranks));
  return Await("a gang that was started", [](const KeeperEvent& e) { return e.status.phase > KeeperPhase::ready; }).status;
}

KeeperEvent Host::Await(const std::string& what, const std::function<bool(const KeeperEvent&)>& wanted) {
  std::unique_lock lock(mutex_);
  KeeperEvent found;
  const bool came = changed_.wait_for(lock, kPatience, [&] {
    const auto at = std::find_if(events_.begin(), events_.end(), wanted);
    if (at == events_.end()) return false;
    found = *at;
    last_ = found;
    events_.erase(events_.begin(), at + 1);
    return true;
  });
  std::string others;
  for (const KeeperEvent& event : events_)
    others += Cat("\n  ", Name(event.kind), " ", Name(event.status.phase), " ", event.why, " ", event.status.why);
  EXPECT_TRUE(came) << "waited in vain for " << what << "; came:" << others;
  return found;
}

KeeperEvent Host::AwaitKind(KeeperEventKind kind) {
  return Await(std::string(Name(kind)), [kind](const KeeperEvent& e) { return e.kind == kind; });
}

// What one wait was told may hold for the next one too: a rank may end before its start is heard of.
KeeperStatus Host::AwaitPhase(KeeperPhase phase) {
  const auto wanted = [phase](const KeeperEvent& e) { return e.status.phase == phase; };
  if (last_ && wanted(*last_)) return last_->status;
  return Await(std::string(Name(phase)), wanted).status;
}

KeeperStatus Host::AwaitEnds(std::size_t ranks) {
  const auto ended = [](const RankStatus& rank) { return rank.exit.has_value(); };
  const auto wanted = [&](const KeeperEvent& e) {
    return static_cast<std::size_t>(std::count_if(e.status.ranks.begin(), e.status.ranks.end(), ended)) == ranks;
  };
  if (last_ && wanted(*last_)) return last_->status;
  return Await(Cat(Count(ranks, "rank"), " to end"), wanted).status;
}

std::string Host::LogPath(std::uint32_t rank, const std::string& stream) const {
  return Cat(options_.log_dir, "/", gang_.job, "/", gang_.generation, "/", rank, ".", stream);
}

std::int64_t Host::KeeperPid() const { return std::atoll(FileText(spool() + "/keeper.pid").c_str()); }

std::int64_t Host::PidIn(const std::string& file) const {
  EXPECT_TRUE(Eventually([&] { return FileText(root_ + "/" + file).ends_with('\n'); })) << file << " was not written";
  return std::atoll(FileText(root_ + "/" + file).c_str());
}

}  // namespace everstep
