// A launcher's loop over recorded rims: a clock that is set, links that note what was sent, a disk that is durable when the
// test says so.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "launcher/daemon/codec.h"
#include "launcher/daemon/loop.h"

namespace everstep {

class Loop : public ::testing::Test {
 protected:
  static inline const NodeId n1{"n1"}, n2{"n2"};

  class FakeClock : public Clock {
   public:
    Time Now() override { return now; }
    WallTime Wall() override { return {Nanoseconds(now) + 1'700'000'000'000'000'000 + stepped.count()}; }
    Time now = AtNanoseconds(5'000'000'000);
    Duration stepped{0};  // somebody has set the wall clock
  };

  struct Links : AgentLinks {
    void Send(SessionId session, ToAgent message) override { sent.emplace_back(session, std::move(message)); }
    void Close(SessionId session) override { closed.push_back(session); }
    void Dial(const NodeId& node, const std::string&, const Ping& ping, Duration) override { dialed.emplace_back(node, ping); }
    std::vector<std::pair<SessionId, ToAgent>> sent;
    std::vector<SessionId> closed;
    std::vector<std::pair<NodeId, Ping>> dialed;
  };

  struct Replies : ApiReplies {
    void Reply(std::uint64_t token, Result<ApiReply> reply, bool last) override {
      all.push_back({token, std::move(reply), last});
    }
    struct One {
      std::uint64_t token;
      Result<ApiReply> reply;
      bool last;
    };
    std::vector<One> all;
  };

  struct Disk : Journal {
    void Append(LogIndex expected, Epoch, Batch batch) override {
      EXPECT_EQ(expected, end);
      for (std::string& entry : batch.entries) entries.push_back(std::move(entry));
      end = LogIndex(end.value + batch.entries.size());
    }
    void Compact(Epoch, Snapshot) override {}
    void ReadHistory(std::uint64_t token, HistoryQuery) override { reads.push_back(token); }
    LogIndex end{};
    std::vector<std::string> entries;
    std::vector<std::uint64_t> reads;
  };

  struct Hooks : SiteHooks {
    void Run(HookRun run) override { ran.push_back(run.node); }
    std::vector<NodeId> ran;
  };

  void SetUp() override { Boot({}, Epoch(1)); }

  void Boot(const Recovered& recovered, Epoch epoch) {
    loop = std::make_unique<LauncherLoop>(
        options, "0.1.0",
        LauncherRims{clock, links, replies, disk, hooks,
                     [this](std::string_view, const std::string& line) { lines.push_back(line); },
                     [this](const NodeId& node, const GangKey& gang) {
                       asked.push_back(Cat(node, ' ', gang.job, ' ', gang.generation));
                       return std::vector<RankWords>{{0, "boom"}};
                     },
                     [this] { ++deaths; }},
        Rng(1));
    ASSERT_TRUE(loop->Replay(recovered));
    loop->Begin(clock.now, recovered.last_write, epoch);
    Sync();
  }
  void Do(LauncherInput input) { loop->Handle(clock.now, std::move(input)); }
  // The disk has caught up, as often as news makes more to write.
  void Sync() {
    for (LogIndex synced{}; synced != disk.end;) Do(Durable{synced = disk.end});
  }
  void Wait(Duration d) {
    for (const Time until = clock.now + d;;) {
      const auto due = loop->Deadline();
      clock.now = due && *due < until ? std::max(*due, clock.now) : until;
      loop->Tick(clock.now);
      if (clock.now >= until) return;
    }
  }
  Hello HelloFrom(const NodeId& node, std::uint64_t incarnation = 1) {
    return {.protocol = limit::kProtocol,
            .version = "0.1.0",
            .node = node,
            .boot = BootId("boot"),
            .state_id = "1",
            .incarnation = Incarnation(incarnation),
            .address = node.value + ":7470",
            .job_address = "10.0.0.1"};
  }
  void Connect(const NodeId& node, std::uint64_t session) {
    Do(SessionOpened{SessionId(session), "ipv4:test", HelloFrom(node)});
    Sync();
  }
  void Says(std::uint64_t session, FromAgent message) { Do(SessionMessage{SessionId(session), std::move(message)}); }
  void SaysGang(std::uint64_t session, GangPhase phase, std::vector<RankStatus> ranks = {}) {
    Says(session,
         Report{.seq = Sequence(++report_seq),
                .gangs = {GangStatus{
                    .job = JobId("train-1"), .generation = Generation(1), .phase = phase, .ranks = std::move(ranks)}}});
  }
  SubmitJob Training() {
    SubmitJob submit;
    submit.spec = {.name = "train", .command = {"python3", "train.py"}, .workdir = "/srv"};
    submit.request_id = "r1";
    return submit;
  }
  template <class T>
  std::vector<T> SentTo(std::uint64_t session) {
    std::vector<T> found;
    for (const auto& [to, message] : links.sent)
      if (const T* one = std::get_if<T>(&message); one && to == SessionId(session)) found.push_back(*one);
    return found;
  }

  int deaths = 0;
  LauncherOptions options;
  FakeClock clock;
  Links links;
  Replies replies;
  Disk disk;
  Hooks hooks;
  std::vector<std::string> lines;
  std::vector<std::string> asked;  // for last words
  std::uint64_t report_seq = 0;
  std::unique_ptr<LauncherLoop> loop;
};

}  // namespace everstep
