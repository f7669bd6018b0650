// `logs`, from the files of two hosts through their agents and the launcher to the client. The loop is this test.
#include <gtest/gtest.h>

#include <condition_variable>
#include <future>
#include <mutex>

#include "agent/rpc/link.h"
#include "base/text.h"
#include "launcher/rpc/client.h"
#include "launcher/rpc/log_tails.h"
#include "launcher/rpc/server.h"
#include "tests/rpc/inbox.h"
#include "tests/rpc/temporary_directory.h"

namespace everstep {
namespace {

struct Host {
  TemporaryDirectory logs{};
  Inbox<AgentInput> inbox{};
  GrpcLink link{};
  std::string address{};

  Host() {
    const auto serving = link.Start({.log_dir = logs.path()}, inbox.Poster());
    EXPECT_TRUE(serving) << serving.error().Str();
    address = serving->address;
  }
};

// What the client was given, stream by stream.
class Screen {
 public:
  bool Show(const LogChunk& chunk) {
    const std::lock_guard lock(mutex_);
    if (chunk.note.empty())
      text_[Cat(chunk.rank, chunk.is_stderr ? "e" : "", " g", chunk.generation)] += chunk.bytes;
    else
      notes_ += chunk.note + "\n";
    changed_.notify_all();
    return true;
  }
  void WaitFor(const std::string& stream, const std::string& text) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, kPatience, [&] { return text_[stream] == text; })) << text_[stream];
  }
  std::string Text(const std::string& stream) {
    const std::lock_guard lock(mutex_);
    return text_[stream];
  }
  std::string notes() {
    const std::lock_guard lock(mutex_);
    return notes_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, std::string> text_;
  std::string notes_;
};

class LogsTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto serving = server_.Start({.listen = "127.0.0.1:0"}, launcher_.Poster());
    ASSERT_TRUE(serving) << serving.error().Str();
    client_ = *ControlClient::Connect({.address = serving->address});
  }
  std::future<Status> Logs(const LogsRequest& request) {
    return std::async(std::launch::async, [this, request] {
      return client_->Logs(request, [this](const LogChunk& c) { return screen_.Show(c); });
    });
  }
  // Rank i on hosts[i].
  static JobView Running(std::uint64_t generation, const std::vector<const Host*>& hosts) {
    JobView job{.id = JobId("a-1"), .phase = JobPhase::running, .generation = Generation(generation)};
    for (std::uint32_t i = 0; i < hosts.size(); ++i)
      job.hosts.push_back(
          {.node = NodeId(Cat('n', i + 1)), .address = hosts[i]->address, .node_rank = i, .first_rank = i, .ranks = 1});
    return job;
  }
  void Say(std::uint64_t token, JobView job, bool last) { server_.Reply(token, ApiReply(JobReply{std::move(job)}), last); }

  Host one_, two_;
  Inbox<LauncherInput> launcher_;
  LauncherServer server_;
  std::unique_ptr<ControlClient> client_;
  Screen screen_;
};

TEST_F(LogsTest, WhatIsThereIsShownAndTheCallEnds) {
  one_.logs.Append("a-1/1/0.out", "zero\n");
  two_.logs.Append("a-1/1/1.out", "one\n");
  two_.logs.Append("a-1/1/1.err", "oops \xff\n");
  auto logs = Logs({.job = JobId("a")});
  const auto call = launcher_.Take<ApiCall>();
  EXPECT_FALSE(std::get<GetJob>(call.request).watch);
  Say(call.token, Running(1, {&one_, &two_}), true);
  const Status ended = logs.get();
  EXPECT_TRUE(ended) << ended.error().Str();
  EXPECT_EQ(screen_.Text("0 g1"), "zero\n");
  EXPECT_EQ(screen_.Text("1 g1"), "one\n");
  EXPECT_EQ(screen_.Text("1e g1"), "oops \xff\n") << "bytes come as they were written";
  EXPECT_EQ(screen_.notes(), "");
}

TEST_F(LogsTest, OneRankIsAskedOfItsHostOnly) {
  one_.logs.Append("a-1/1/0.out", "zero");
  two_.logs.Append("a-1/1/1.out", "one");
  auto logs = Logs({.job = JobId("a-1"), .ranks = {1}});
  Say(launcher_.Take<ApiCall>().token, Running(1, {&one_, &two_}), true);
  EXPECT_TRUE(logs.get());
  EXPECT_EQ(screen_.Text("0 g1"), "");
  EXPECT_EQ(screen_.Text("1 g1"), "one");
}

TEST_F(LogsTest, AFollowerSeesWhatIsWrittenThroughRotationAndTheNextGenerationToTheEnd) {
  auto logs = Logs({.job = JobId("a-1"), .follow = true});
  const auto call = launcher_.Take<ApiCall>();
  EXPECT_TRUE(std::get<GetJob>(call.request).watch);
  Say(call.token, {.id = JobId("a-1"), .phase = JobPhase::queued}, false);
  Say(call.token, Running(1, {&one_, &two_}), false);
  one_.logs.Append("a-1/1/0.out", "a\n");
  screen_.WaitFor("0 g1", "a\n");
  one_.logs.Append("a-1/1/0.out", "b\n");
  one_.logs.Rename("a-1/1/0.out", "a-1/1/0.out.1");
  one_.logs.Append("a-1/1/0.out", "c\n");
  screen_.WaitFor("0 g1", "a\nb\nc\n");

  one_.logs.Append("a-1/1/0.err", "Traceback\n");
  Say(call.token, Running(2, {&two_, &one_}), false);
  one_.logs.Append("a-1/2/1.out", "again\n");
  screen_.WaitFor("1 g2", "again\n");
  EXPECT_EQ(screen_.Text("0e g1"), "Traceback\n") << "a generation is drained before the next is shown";

  two_.logs.Append("a-1/2/0.out", "the last word");
  JobView done = Running(2, {&two_, &one_});
  done.phase = JobPhase::done;
  Say(call.token, done, true);
  const Status ended = logs.get();
  EXPECT_TRUE(ended) << ended.error().Str();
  EXPECT_EQ(screen_.Text("0 g2"), "the last word");
  EXPECT_EQ(screen_.notes(), "");
}

TEST_F(LogsTest, ALostHostsStreamEndsWithANoteAndTheOthersGoOn) {
  auto lost = std::make_unique<Host>();
  lost->logs.Append("a-1/1/0.out", "alive\n");
  auto logs = Logs({.job = JobId("a-1"), .follow = true});
  const auto call = launcher_.Take<ApiCall>();
  JobView job = Running(1, {lost.get(), &two_});
  Say(call.token, job, false);
  screen_.WaitFor("0 g1", "alive\n");
  lost.reset();
  two_.logs.Append("a-1/1/1.out", "still here\n");
  screen_.WaitFor("1 g1", "still here\n");
  job.phase = JobPhase::failed;
  Say(call.token, job, true);
  EXPECT_TRUE(logs.get());
  EXPECT_TRUE(screen_.notes().starts_with("n1: no answer, its last lines may be missing")) << screen_.notes();
}

class TailsTest : public LogsTest {
 protected:
  static Report Running(const char* job) {
    return {.gangs = {{.job = JobId(job), .generation = Generation(1), .phase = GangPhase::running}}};
  }
  void AwaitTail(LogTails& tails, const std::string& text) {
    const auto holds = [&] {
      const auto now = tails.Of(NodeId("n1"), {JobId("a-1"), Generation(1)});
      const auto found = now ? now->streams.find({0, true}) : decltype(now->streams.find({}))();
      return now && found != now->streams.end() && found->second.bytes == text;
    };
    std::mutex mutex;
    std::condition_variable never;
    std::unique_lock lock(mutex);
    for (int i = 0; i < 2000 && !holds(); ++i) never.wait_for(lock, 10ms);
    EXPECT_TRUE(holds());
  }
};

TEST_F(TailsTest, TheEndOfEachStreamIsKeptAndALoudOneIsNotReadWhole) {
  LogTails tails(false, {.stream_bytes = 8, .every = 20ms});
  one_.logs.Append("a-1/1/0.err", "first ");
  tails.Heard(NodeId("n1"), one_.address, Running("a-1"));
  AwaitTail(tails, "first ");
  one_.logs.Append("a-1/1/0.err", "more");
  AwaitTail(tails, "rst more");
  one_.logs.Append("a-1/1/0.err", std::string(100'000, 'x') + "the end");
  AwaitTail(tails, "xthe end");
  one_.link.Shutdown();
  AwaitTail(tails, "xthe end");
  tails.Close();
}

TEST_F(TailsTest, WhereManyRanksShareAReplyWhatWasSkippedIsNotPastedOver) {
  LogTails tails(false, {.stream_bytes = 1000, .every = 20ms});
  Report many = Running("a-1");
  many.gangs[0].ranks.resize(1024);  // 512 bytes of each stream in a reply of a mebibyte
  one_.logs.Append("a-1/1/0.err", "first ");
  tails.Heard(NodeId("n1"), one_.address, many);
  AwaitTail(tails, "first ");
  one_.logs.Append("a-1/1/0.err", "more ");
  AwaitTail(tails, "first more ");
  one_.logs.Append("a-1/1/0.err", std::string(100'000, 'x') + "the end");
  AwaitTail(tails, std::string(505, 'x') + "the end");
  tails.Close();
}

TEST_F(TailsTest, WhatAGangWroteLastIsReadWhenItEndsAndTheOldestGoesWhenThereIsNoRoom) {
  LogTails tails(false, {.stream_bytes = 8, .all_bytes = 12, .every = 1h});
  one_.logs.Append("a-1/1/0.err", "early");
  tails.Heard(NodeId("n1"), one_.address, Running("a-1"));
  AwaitTail(tails, "early");
  one_.logs.Append("a-1/1/0.err", " last");
  Report ended = Running("a-1");
  ended.gangs[0].phase = GangPhase::empty;
  tails.Heard(NodeId("n1"), one_.address, ended);
  AwaitTail(tails, "rly last");
  two_.logs.Append("b-1/1/0.out", "12345678");
  two_.logs.Append("b-1/1/1.out", "12345678");
  tails.Heard(NodeId("n2"), two_.address, Running("b-1"));
  std::mutex mutex;
  std::condition_variable never;
  std::unique_lock lock(mutex);
  const auto gone = [&] { return !tails.Of(NodeId("n1"), {JobId("a-1"), Generation(1)}); };
  for (int i = 0; i < 2000 && !gone(); ++i) never.wait_for(lock, 10ms);
  EXPECT_TRUE(gone());
  tails.Close();
}

TEST_F(TailsTest, OfGangsThatHaveEndedSoManyAreKept) {
  LogTails tails(false, {.ended_max = 2, .every = 20ms});
  const auto key = [](int i) { return GangKey{JobId(Cat("a-", i)), Generation(1)}; };
  std::mutex mutex;
  std::condition_variable never;
  std::unique_lock lock(mutex);
  const auto await = [&](const std::function<bool()>& holds) {
    for (int i = 0; i < 2000 && !holds(); ++i) never.wait_for(lock, 10ms);
    return holds();
  };
  for (int i = 1; i <= 4; ++i) {
    one_.logs.Append(Cat("a-", i, "/1/0.out"), "said");
    tails.Heard(NodeId("n1"), one_.address, Running(Cat("a-", i).c_str()));  // and those before it are over
    EXPECT_TRUE(await([&] { return tails.Of(NodeId("n1"), key(i)).has_value(); })) << i;
  }
  EXPECT_TRUE(await([&] { return !tails.Of(NodeId("n1"), key(1)); }));
  for (int i = 2; i <= 4; ++i) EXPECT_TRUE(tails.Of(NodeId("n1"), key(i))) << i;
  tails.Close();
}

TEST_F(LogsTest, AnAgentThatRestartsIsReadOnWithoutLossOrRepetition) {
  auto logs = Logs({.job = JobId("a-1"), .follow = true});
  const auto call = launcher_.Take<ApiCall>();
  Say(call.token, Running(1, {&one_}), false);
  one_.logs.Append("a-1/1/0.out", "before\n");
  screen_.WaitFor("0 g1", "before\n");
  one_.link.Shutdown();
  one_.logs.Append("a-1/1/0.out", "meanwhile\n");
  GrpcLink next;
  ASSERT_TRUE(next.Start({.listen = one_.address, .log_dir = one_.logs.path()}, one_.inbox.Poster()));
  screen_.WaitFor("0 g1", "before\nmeanwhile\n");
  client_->Cancel();
  EXPECT_FALSE(logs.get());
  EXPECT_EQ(launcher_.Take<ApiGone>().token, call.token);
}

TEST_F(LogsTest, AnAgentThatComesBackAtAnotherAddressIsFollowedThere) {
  auto logs = Logs({.job = JobId("a-1"), .follow = true});
  const auto call = launcher_.Take<ApiCall>();
  JobView job = Running(1, {&one_});
  Say(call.token, job, false);
  one_.logs.Append("a-1/1/0.out", "before\n");
  screen_.WaitFor("0 g1", "before\n");
  one_.link.Shutdown();
  GrpcLink next;
  const auto serving = next.Start({.log_dir = one_.logs.path()}, one_.inbox.Poster());
  ASSERT_TRUE(serving);
  job.hosts[0].address = serving->address;
  Say(call.token, job, false);
  one_.logs.Append("a-1/1/0.out", "after\n");
  screen_.WaitFor("0 g1", "before\nafter\n");
  job.phase = JobPhase::done;
  Say(call.token, job, true);
  EXPECT_TRUE(logs.get());
  EXPECT_EQ(screen_.notes(), "");
}

TEST_F(LogsTest, AnOlderGenerationIsLookedForOnEveryNode) {
  two_.logs.Append("a-1/1/0.out", "long ago");
  auto logs = Logs({.job = JobId("a-1"), .generation = Generation(1)});
  Say(launcher_.Take<ApiCall>().token, Running(2, {&one_}), true);
  const auto nodes = launcher_.Take<ApiCall>();
  ASSERT_TRUE(std::holds_alternative<ListNodes>(nodes.request));
  server_.Reply(
      nodes.token,
      ApiReply(NodesReply{{{.node = NodeId("n1"), .address = one_.address}, {.node = NodeId("n2"), .address = two_.address}}}),
      true);
  const Status ended = logs.get();
  EXPECT_TRUE(ended) << ended.error().Str();
  EXPECT_EQ(screen_.Text("0 g1"), "long ago");
}

TEST_F(LogsTest, AJobThatHasNotRunSaysWhy) {
  auto logs = Logs({.job = JobId("a-1")});
  Say(launcher_.Take<ApiCall>().token, {.id = JobId("a-1"), .phase = JobPhase::queued, .why = "needs 3 hosts, 2 are free"},
      true);
  EXPECT_TRUE(logs.get());
  EXPECT_EQ(screen_.notes(), "a-1 has not run yet: needs 3 hosts, 2 are free\n");
}

TEST_F(LogsTest, AnUnknownJobIsAnError) {
  auto logs = Logs({.job = JobId("a-9")});
  server_.Reply(launcher_.Take<ApiCall>().token, Fail(ErrorCode::kNotFound, "no job a-9"), true);
  const Status ended = logs.get();
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().Str(), "no job a-9");
}

TEST_F(LogsTest, MoreThanTheBufferPassesWholeToASlowReader) {
  std::string large;
  for (int i = 0; large.size() < (12u << 20); ++i) large += Cat("line ", i, "\n");
  one_.logs.Append("a-1/1/0.out", large);
  auto logs = Logs({.job = JobId("a-1")});
  Say(launcher_.Take<ApiCall>().token, Running(1, {&one_}), true);
  EXPECT_TRUE(logs.get());
  EXPECT_TRUE(screen_.Text("0 g1") == large);
}

TEST_F(LogsTest, ShutdownEndsAFollower) {
  auto logs = Logs({.job = JobId("a-1"), .follow = true});
  Say(launcher_.Take<ApiCall>().token, Running(1, {&one_}), false);
  one_.logs.Append("a-1/1/0.out", "a\n");
  screen_.WaitFor("0 g1", "a\n");
  server_.Shutdown();
  const Status ended = logs.get();
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().Str(), "the launcher is going down; try again when it is back");
}

}  // namespace
}  // namespace everstep
