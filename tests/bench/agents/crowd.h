// Many simulated agents in one process: each with the real agent's stream, over a connection of its own or one that several
// share, beats as Welcome tells, reports, and obedience to commands, of which nothing is done. One address answers for all who
// live when somebody asks.
//
// Thread: one timer thread for all beats; the rest happens on gRPC's. All of the public part: one thread.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "agent/core/backoff.h"
#include "agent/rpc/peer_service.h"
#include "agent/rpc/stream.h"
#include "base/check.h"
#include "base/messages.h"
#include "base/rng.h"
#include "proto/convert.h"
#include "proto/rpc/channel.h"
#include "tests/bench/launcher/waits.h"

namespace everstep {

inline constexpr Duration kProbeDeadline = 700ms;  // of a peer that is asked about a silent one

struct Simulated {
  std::uint32_t number = 0;
  NodeId node{};
  std::uint64_t tag = 0;
  std::mutex mutex{};  // of all below
  std::weak_ptr<LauncherStream> stream{};
  std::uint64_t streams = 0;  // opened so far; late news of an older one find nobody
  bool member = false;
  bool mute = false;
  Duration beat_every = 1s;
  Sequence beats{};
  Report report{};
  std::uint32_t rank = 0;  // its first one in the gang it has prepared last
  std::uint64_t hash = HashOf(Report());
  Epoch epoch{};
  LogIndex index{};
  Backoff backoff{};
  Rng rng{0};
};

class Crowd {
 public:
  // `sharing`: so many agents have one connection; what each connection costs the launcher is then paid as much less often.
  explicit Crowd(std::uint32_t count, std::uint32_t sharing = 1)
      : sharing_(sharing), agents_(count), peers_("/nonexistent", {}, [this](AgentInput input) { Asked(input); }) {
    auto served = Serve({"127.0.0.1", 0}, {&peers_});
    Check(served.has_value(), "the peers' server starts");
    served_ = *std::move(served);
    for (std::uint32_t i = 0; i < count; ++i) {
      Simulated& agent = agents_[i];
      agent.number = i;
      char name[16];
      std::snprintf(name, sizeof name, "n%05u", i);
      agent.node = NodeId(name);
      agent.tag = TagOf(agent.node.value, BootId("boot"));
      agent.rng = Rng(i + 1);
      numbers_[agent.node] = i;
    }
    timer_ = std::thread([this] { RunTimer(); });
  }
  ~Crowd() {
    {
      const std::lock_guard lock(timer_mutex_);
      ending_ = true;
    }
    due_changed_.notify_all();
    timer_.join();
    for (Simulated& agent : agents_) {
      const std::lock_guard lock(agent.mutex);
      if (const auto stream = agent.stream.lock()) stream->Close();
    }
    {
      std::unique_lock lock(streams_mutex_);
      no_stream_.wait(lock, [this] { return streams_ == 0; });
    }
    peers_.Close();
    served_.server->Shutdown(Within(1s));
    served_.server->Wait();
    served_.server.reset();
  }

  void Join(const HostPort& launcher) {
    launcher_ = launcher;
    for (Simulated& agent : agents_) Open(agent);
  }
  std::uint32_t Members() const { return members_; }
  // That have been told to start their gang, and have said that they did.
  std::uint32_t Running() const { return running_; }
  const NodeId& NameOf(std::uint32_t number) const { return agents_[number].node; }
  Duration BeatEvery() {
    const std::lock_guard lock(agents_[0].mutex);
    return agents_[0].beat_every;
  }
  // It lives on, and its connection with it, but nothing is heard of it any more.
  void Mute(std::uint32_t number) {
    const std::lock_guard lock(agents_[number].mutex);
    agents_[number].mute = true;
  }
  // From now on delays count.
  void Clear() {
    const std::lock_guard lock(delays_mutex_);
    delays_.clear();
  }
  std::vector<Duration> Delays() {
    const std::lock_guard lock(delays_mutex_);
    return std::exchange(delays_, {});
  }

 private:
  void At(Time when, std::function<void()> then) {
    {
      const std::lock_guard lock(timer_mutex_);
      due_.emplace(when, std::move(then));
    }
    due_changed_.notify_one();
  }
  void RunTimer() {
    std::unique_lock lock(timer_mutex_);
    while (!ending_) {
      if (due_.empty()) {
        due_changed_.wait(lock);
      } else if (const Duration left = due_.begin()->first - NowIs(); left > Duration(0)) {
        due_changed_.wait_for(lock, std::chrono::nanoseconds(left));
      } else {
        const auto then = std::move(due_.extract(due_.begin()).mapped());
        lock.unlock();
        then();
        lock.lock();
      }
    }
  }

  void Open(Simulated& agent) {
    const std::lock_guard lock(agent.mutex);
    if (agent.mute) return;
    {
      const std::lock_guard streams(streams_mutex_);
      ++streams_;
    }
    const std::uint64_t number = ++agent.streams;
    agent.stream = LauncherStream::Open(
        launcher_, [this, &agent, number](const AgentInput& input) { Heard(agent, number, input); },
        [this] {
          const std::lock_guard done(streams_mutex_);
          --streams_;
          no_stream_.notify_all();
        },
        ChannelOf(agent.number));
  }
  std::shared_ptr<grpc::Channel> ChannelOf(std::uint32_t number) {
    if (sharing_ == 1) return nullptr;
    const std::lock_guard lock(streams_mutex_);
    auto& channel = channels_[number / sharing_];
    if (!channel) channel = FreshChannel(launcher_, 10s, kReplyBytes);
    return channel;
  }
  // REQUIRES: its mutex held.
  static void Say(Simulated& agent, const FromAgent& message) {
    const auto stream = agent.stream.lock();
    if (!stream || agent.mute) return;
    v1::FromAgent out;
    static_cast<void>(ToProto(message, out));
    stream->Send(std::move(out));
  }
  static void SayReport(Simulated& agent) {
    agent.report.seq = agent.report.seq.Next();
    agent.hash = HashOf(agent.report);
    Say(agent, agent.report);
  }
  static Beat NextBeat(Simulated& agent) {
    agent.beats = agent.beats.Next();
    return {.seq = agent.beats, .incarnation = Incarnation(1), .sent = NowIs(), .state_hash = agent.hash, .agent = agent.tag};
  }
  void BeatOn(Simulated& agent, std::uint64_t stream, Time when) {
    At(when, [this, &agent, stream, when] {
      const std::lock_guard lock(agent.mutex);
      if (stream != agent.streams || !agent.member || agent.mute) return;
      Say(agent, NextBeat(agent));
      BeatOn(agent, stream, std::max(when + agent.beat_every, NowIs()));
    });
  }

  void Heard(Simulated& agent, std::uint64_t stream, const AgentInput& input) {
    const std::lock_guard lock(agent.mutex);
    if (stream != agent.streams) return;
    if (std::holds_alternative<LinkOpened>(input)) {
      Say(agent, Hello{.protocol = limit::kProtocol,
                       .version = "simulated",
                       .node = agent.node,
                       .boot = BootId("boot"),
                       .state_id = agent.node.value,
                       .incarnation = Incarnation(1),
                       .address = served_.bound.Str(),
                       .job_address = "127.0.0.1",
                       .accelerators = 1,
                       .epoch_seen = agent.epoch,
                       .index_seen = agent.index,
                       .report = agent.report});
    } else if (std::holds_alternative<LinkClosed>(input)) {
      if (std::exchange(agent.member, false)) --members_;
      At(NowIs() + agent.backoff.Next(agent.rng), [this, &agent] { Open(agent); });
    } else if (const auto* message = std::get_if<LinkMessage>(&input)) {
      std::visit([&](const auto& said) { On(agent, said); }, message->message);
    }
  }

  void On(Simulated& agent, const Welcome& welcome) {
    agent.epoch = std::max(agent.epoch, welcome.epoch);
    agent.index = std::max(agent.index, welcome.index);
    agent.beat_every = welcome.beat_every;
    if (std::exchange(agent.member, true)) return;
    ++members_;
    BeatOn(agent, agent.streams, NowIs() + agent.rng.Jitter(agent.beat_every));
  }
  void On(Simulated& agent, const BeatAck& ack) {
    agent.backoff.Reset();
    agent.index = std::max(agent.index, ack.index);
    if (ack.report_wanted) SayReport(agent);
    const std::lock_guard lock(delays_mutex_);
    delays_.push_back(NowIs() - ack.sent);
  }
  void On(Simulated& agent, const Prepare& prepare) {
    const GangSpec& gang = prepare.gang;
    if (GangOf(agent, gang.job, gang.generation) != nullptr) return;
    agent.report.gangs.push_back({.job = gang.job, .generation = gang.generation, .phase = GangPhase::prepared});
    agent.rank = gang.first_rank;
    SayReport(agent);
  }
  void On(Simulated& agent, const Start& start) {
    GangStatus* gang = GangOf(agent, start.job, start.generation);
    if (gang == nullptr || gang->phase != GangPhase::prepared) return;
    gang->phase = GangPhase::running;
    gang->ranks = {{.rank = agent.rank, .pid = 1000}};
    SayReport(agent);
    ++running_;
  }
  void On(Simulated& agent, const Stop& stop) {
    GangStatus* gang = GangOf(agent, stop.job, stop.generation);
    if (gang == nullptr || gang->phase == GangPhase::empty) return;
    if (gang->phase == GangPhase::running) --running_;
    gang->phase = GangPhase::empty;
    for (RankStatus& rank : gang->ranks) rank.exit = RankExit{.signal = 15, .stopped_by_us = true, .at = NowIs()};
    SayReport(agent);
  }
  void On(Simulated&, const Inject&) {}
  void On(Simulated& agent, const Forget& forget) {
    const auto removed = std::erase_if(agent.report.gangs, [&](const GangStatus& gang) {
      return gang.job == forget.job && gang.generation == forget.generation;
    });
    if (removed > 0) SayReport(agent);
  }
  // One who lives answers at once, through this process; of one who is mute nothing is heard before the deadline.
  void On(Simulated& agent, const ProbePeer& probe) {
    const auto suspect = numbers_.find(probe.suspect);
    if (suspect == numbers_.end()) return;
    At(NowIs(), [this, &agent, probe, number = suspect->second] {
      const std::optional<Beat> beat = LifeOf(number);
      At(NowIs() + (beat ? Duration(0) : kProbeDeadline), [&agent, probe, beat] {
        const std::lock_guard lock(agent.mutex);
        Say(agent, PeerAnswer{.nonce = probe.nonce,
                              .suspect = probe.suspect,
                              .finding = beat ? PeerFinding::alive : PeerFinding::nothing,
                              .beat = beat,
                              .evidence = "simulated"});
      });
    });
  }
  void On(Simulated&, const Rejected& rejected) { std::fprintf(stderr, "rejected: %s\n", rejected.why.c_str()); }
  void On(Simulated&, const ReportAck&) {}

  // REQUIRES: its mutex held.
  static GangStatus* GangOf(Simulated& agent, const JobId& job, Generation generation) {
    for (GangStatus& gang : agent.report.gangs)
      if (gang.job == job && gang.generation == generation) return &gang;
    return nullptr;
  }
  std::optional<Beat> LifeOf(std::uint32_t number) {
    Simulated& agent = agents_[number];
    const std::lock_guard lock(agent.mutex);
    if (agent.mute) return std::nullopt;
    return NextBeat(agent);
  }
  // The launcher's own question, over a fresh connection. One who is mute never answers.
  void Asked(const AgentInput& input) {
    const auto* question = std::get_if<PingReceived>(&input);
    if (question == nullptr) return;
    const auto to = numbers_.find(question->ping.to);
    if (to == numbers_.end()) return peers_.Answer(question->token, std::nullopt);
    if (const std::optional<Beat> beat = LifeOf(to->second))
      peers_.Answer(question->token,
                    Pong{.nonce = question->ping.nonce, .node = question->ping.to, .boot = BootId("boot"), .beat = *beat});
  }

  const std::uint32_t sharing_;
  HostPort launcher_{};
  std::vector<Simulated> agents_;
  std::map<NodeId, std::uint32_t> numbers_{};
  PeerLinkService peers_;
  Served served_{};
  std::atomic<std::uint32_t> members_ = 0;
  std::atomic<std::uint32_t> running_ = 0;

  std::mutex delays_mutex_;
  std::vector<Duration> delays_{};
  std::mutex streams_mutex_;
  std::condition_variable no_stream_;
  std::uint32_t streams_ = 0;
  std::map<std::uint32_t, std::shared_ptr<grpc::Channel>> channels_{};  // that several agents share
  std::mutex timer_mutex_;
  std::condition_variable due_changed_;
  std::multimap<Time, std::function<void()>> due_{};
  bool ending_ = false;
  std::thread timer_;
};

}  // namespace everstep
