// One host with an agent, as a story: a few verbs, time as an argument. The disk, the keepers and the file systems outlive the
// agent; the launcher at the other end is tests/fakes/fake_launcher_link.h.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "agent/daemon/loop.h"
#include "base/text.h"
#include "tests/fakes/fake_keepers.h"
#include "tests/fakes/fake_launcher_link.h"
#include "tests/fakes/fake_slow_files.h"
#include "tests/fakes/memory_files.h"

namespace everstep {

class Story : public testing::Test {
 protected:
  struct Handed {
    std::string path{};
    std::uint64_t number = 0;
    std::string bytes{};
  };
  class Writer : public StateWriter {
   public:
    explicit Writer(Story& story) : story_(story) {}
    void Write(std::string path, std::uint64_t number, std::string bytes) override {
      if (story_.slow_disk) return story_.disk_.push_back({std::move(path), number, std::move(bytes)});
      const Status status = story_.files.Write(path, bytes);
      story_.inputs_.push_back(StateWritten{.path = std::move(path), .number = number, .status = status});
    }

   private:
    Story& story_;
  };

  static constexpr std::string_view kJob = "train-1";
  static GangKey Key(std::uint64_t generation) {
    return {.job = JobId(std::string(kJob)), .generation = Generation(generation)};
  }

  Story() {
    Members(3);
    keepers.Advance(now);
  }

  // ---- the world -----------------------------------------------------------------------------------------------------------

  // The cluster has hosts n1 … nN; this one is n1.
  void Members(int n) {
    launcher.welcome.peers.clear();
    for (int i = 1; i <= n; ++i) launcher.welcome.peers.push_back({.node = NodeId(Cat("n", i)), .address = Cat("10.0.0.", i)});
  }
  void PeersAreAll(FakeLauncherLink::PeerState state) {
    for (const Peer& peer : launcher.welcome.peers) launcher.peers[peer.node] = state;
  }
  void StartAgent() {
    inputs_.clear();
    disk_.clear();
    agent = std::make_unique<AgentLoop>(
        setup, launcher, keepers, files, writer, slow_files, Rng(seed++),
        [this](std::string_view level, std::string message) { log.push_back(Cat(level, " ", message)); });
    begun = agent->Begin(now);
    if (begun) agent->Tick(now);
    Run();
  }
  // kill -9: what is under way to it is lost, its connections break.
  void KillAgent() {
    agent.reset();
    launcher.Break("reset");
    inputs_.clear();
    disk_.clear();
  }
  // What was handed to the disk while it was slow is on it now.
  void DiskCatchesUp() {
    slow_disk = false;
    for (Handed& handed : std::exchange(disk_, {}))
      writer.Write(std::move(handed.path), handed.number, std::move(handed.bytes));
    Run();
  }
  // Lets time pass, with or without an agent.
  void Pass(Duration duration) {
    const Time end = now + duration;
    while (now < end) {
      Time next = std::min(end, now + 10ms);
      if (agent && !agent->Ended())
        if (const std::optional<Time> due = agent->Deadline(); due && *due > now) next = std::min(next, *due);
      now = next;
      keepers.Advance(now);
      if (agent && !agent->Ended()) {
        if (const std::optional<Time> due = agent->Deadline(); due && *due <= now) {
          agent->Tick(now);
          Run();
          const std::optional<Time> later = agent->Deadline();
          ASSERT_TRUE(!later || *later > now) << "a tick must move the deadline on";
        }
      }
      Run();
    }
  }
  void Give(AgentInput input) {
    inputs_.push_back(std::move(input));
    Run();
  }
  void Say(ToAgent message) {
    launcher.Say(std::move(message));
    Run();
  }

  // ---- commands ------------------------------------------------------------------------------------------------------------

  GangSpec Spec(std::uint64_t generation) const {
    return {.job = Key(generation).job,
            .generation = Generation(generation),
            .command = {"python3", "train.py", "--rank={rank}"},
            .workdir = "/srv/run1",
            .env = {{"HF_TOKEN_FILE", "/secret/place"}},
            .local_world_size = 2,
            .world_size = 2,
            .master_address = "10.0.0.1",
            .master_port = 29500,
            .checkpoint = CheckpointSpec{.dir = "/ckpt"},
            .watches_checkpoints = true,
            .warm = warm};
  }
  Epoch epoch() const { return launcher.welcome.epoch; }
  void PrepareGang(std::uint64_t generation) { Say(Prepare{.epoch = epoch(), .id = {}, .gang = Spec(generation)}); }
  void StartGang(std::uint64_t generation) {
    Say(Start{.epoch = epoch(), .id = {}, .job = Key(generation).job, .generation = Generation(generation)});
  }
  void StopGang(std::uint64_t generation, Duration grace) {
    Say(Stop{.epoch = epoch(),
             .id = {},
             .job = Key(generation).job,
             .generation = Generation(generation),
             .grace = grace,
             .why = "cancelled"});
  }
  void ForgetGang(std::uint64_t generation) {
    Say(Forget{.epoch = epoch(), .id = {}, .job = Key(generation).job, .generation = Generation(generation)});
  }
  // An agent with one gang that trains.
  void TrainingHost() {
    StartAgent();
    PrepareGang(1);
    StartGang(1);
    ASSERT_EQ(Phase(1), "running");
  }

  // ---- what the launcher knows ---------------------------------------------------------------------------------------------

  std::optional<GangStatus> Reported(std::uint64_t generation) const {
    if (launcher.reports.empty()) return std::nullopt;
    for (const GangStatus& gang : launcher.reports.back().gangs)
      if (gang.job == Key(generation).job && gang.generation == Generation(generation)) return gang;
    return std::nullopt;
  }
  std::string Phase(std::uint64_t generation) const {
    const std::optional<GangStatus> gang = Reported(generation);
    return gang ? std::string(Name(gang->phase)) : "absent";
  }
  std::string Why(std::uint64_t generation) const { return Reported(generation).value_or(GangStatus{}).why; }
  bool Logged(std::string_view part) const {
    for (const std::string& line : log)
      if (line.find(part) != std::string::npos) return true;
    return false;
  }
  // Messages of one kind that a gang's keeper was sent.
  template <class Message>
  std::vector<Message> SentToKeeper(std::uint64_t generation) const {
    std::vector<Message> found;
    for (const auto& [key, message] : keepers.sent)
      if (key == Key(generation) && std::holds_alternative<Message>(message)) found.push_back(std::get<Message>(message));
    return found;
  }

  AgentSetup setup{.node = NodeId("n1"),
                   .boot = BootId("boot-a"),
                   .version = "test",
                   .address = "10.0.0.1:7451",
                   .accelerators = 2,
                   .host = {.job_address = "10.0.0.1"},
                   .state_dir = "/state"};
  Time now = AtNanoseconds(0) + 1h;
  std::uint64_t seed = 1;
  std::vector<std::string> warm{};  // RestartSpec::warm of the job
  std::vector<std::string> log{};
  bool slow_disk = false;  // takes what it is given and says nothing
  MemoryFiles files{};
  FakeKeepers keepers{[this](KeeperEvent event) { inputs_.push_back(std::move(event)); }};
  FakeSlowFiles slow_files{[this](GangChecked checked) { inputs_.push_back(std::move(checked)); }};
  FakeLauncherLink launcher{
      [this](FakeLauncherLink::Input input) { std::visit([this](auto& i) { inputs_.push_back(std::move(i)); }, input); }};
  Writer writer{*this};
  std::unique_ptr<AgentLoop> agent{};
  Status begun{};

 private:
  void Run() {
    while (!inputs_.empty()) {
      AgentInput input = std::move(inputs_.front());
      inputs_.pop_front();
      if (agent && !agent->Ended()) agent->Handle(now, std::move(input));
    }
  }
  std::deque<AgentInput> inputs_{};
  std::vector<Handed> disk_{};
};

}  // namespace everstep
