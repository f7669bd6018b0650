// The CLI's client against a server whose loop is this test.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <future>
#include <thread>

#include "base/real/fd.h"
#include "base/text.h"
#include "base/version.h"
#include "everstep/v1/control.grpc.pb.h"
#include "launcher/rpc/client.h"
#include "launcher/rpc/server.h"
#include "proto/convert.h"
#include "proto/rpc/address.h"
#include "proto/rpc/channel.h"
#include "proto/rpc/status.h"
#include "tests/rpc/inbox.h"

namespace everstep {
namespace {

class ControlTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto serving = server_.Start({.listen = "127.0.0.1:0", .unread_messages_max = 8}, launcher_.Poster());
    ASSERT_TRUE(serving) << serving.error().Str();
    address_ = serving->address;
    client_ = NewClient();
  }
  std::unique_ptr<ControlClient> NewClient(Duration deadline = kPatience) {
    auto client = ControlClient::Connect({.address = address_, .deadline = deadline});
    EXPECT_TRUE(client) << client.error().Str();
    return *std::move(client);
  }
  // Asks from another thread, as the loop (this thread) has to answer meanwhile.
  auto Ask(ApiRequest request) {
    return std::async(std::launch::async, [this, request = std::move(request)] { return client_->Call(request); });
  }
  // Checks that the request arrives as it was sent, and answers it.
  void ExpectAnswered(const ApiRequest& request, const ApiReply& reply) {
    auto asked = Ask(request);
    const auto call = launcher_.Take<ApiCall>();
    EXPECT_EQ(call.request.index(), request.index());
    server_.Reply(call.token, reply, true);
    const Result<ApiReply> got = asked.get();
    ASSERT_TRUE(got) << got.error().Str();
    EXPECT_EQ(got->index(), reply.index());
  }

  Inbox<LauncherInput> launcher_;
  LauncherServer server_;
  std::string address_;
  std::unique_ptr<ControlClient> client_;
};

// A launcher that is older: it knows but one of the calls.
class OldLauncher final : public v1::Control::Service {
  grpc::Status Info(grpc::ServerContext*, const v1::GetInfo*, v1::InfoReply* reply) override {
    reply->set_version("0.0.9");
    return grpc::Status::OK;
  }
};

// A port of some other program: it takes connections and says nothing that a launcher would say.
TEST(ControlVersionTest, WhatTakesConnectionsAndIsNoLauncherIsNotCalledALostConnection) {
  const Fd listening(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in at{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
  socklen_t size = sizeof at;
  ASSERT_EQ(::bind(listening.get(), reinterpret_cast<sockaddr*>(&at), size), 0);
  ASSERT_EQ(::listen(listening.get(), 8), 0);
  ASSERT_EQ(::getsockname(listening.get(), reinterpret_cast<sockaddr*>(&at), &size), 0);
  std::thread other([&] {
    for (;;) {
      const Fd connection(::accept(listening.get(), nullptr, nullptr));
      if (!connection.open()) return;
    }
  });
  const auto client = ControlClient::Connect({.address = Cat("127.0.0.1:", ntohs(at.sin_port))});
  ASSERT_TRUE(client);
  const auto asked = (*client)->Call(ListJobs{});
  ::shutdown(listening.get(), SHUT_RDWR);  // ends the accept above
  other.join();
  ASSERT_FALSE(asked);
  EXPECT_EQ(asked.error().code, ErrorCode::kUnavailable) << "a launcher may come there yet";
  EXPECT_NE(asked.error().message.find("is no launcher, or one that is not ready"), std::string::npos) << asked.error().Str();
  EXPECT_NE(asked.error().hint.find("check the address"), std::string::npos) << asked.error().Str();
}

TEST(ControlVersionTest, ACommandThatAnOlderLauncherDoesNotKnowIsRefusedWithBothVersions) {
  OldLauncher old;
  const auto served = Serve({"127.0.0.1", 0}, {&old});
  ASSERT_TRUE(served) << served.error().Str();
  const auto client = ControlClient::Connect({.address = served->bound.Str()});
  ASSERT_TRUE(client);
  const auto refused = (*client)->Call(ListJobs{});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalid);
  EXPECT_EQ(refused.error().Str(),
            Cat("the launcher at ", served->bound, " is version 0.0.9 and does not know this command of ", Version(),
                "; use the `everstep` of the launcher's version, or upgrade the launcher"));
}

TEST_F(ControlTest, ASubmitOfANewerClientIsRefusedWhereItSaysWhatThisLauncherDoesNotKnow) {
  v1::SubmitJob submit;
  ASSERT_TRUE(ToProto(SubmitJob{.spec = {.name = "finetune", .command = {"./a.out"}, .workdir = "/srv"}}, submit));
  submit.mutable_spec()
      ->mutable_restart()
      ->GetReflection()
      ->MutableUnknownFields(submit.mutable_spec()->mutable_restart())
      ->AddVarint(4711, 1);
  const auto stub = v1::Control::NewStub(FreshChannel(ParseHostPort("launcher", address_).value(), kPatience));
  grpc::ClientContext context;
  context.set_deadline(Within(kPatience));  // where it is let through, nobody answers it
  v1::Submitted reply;
  const grpc::Status status = stub->Submit(&context, submit, &reply);
  EXPECT_EQ(status.error_code(), grpc::INVALID_ARGUMENT);
  const auto said = SaidByServer(status, context);
  ASSERT_TRUE(said);
  EXPECT_EQ(said->message,
            Cat("spec.restart.field 4711 of the request is not known to this launcher, which is version ", Version()));
}

TEST_F(ControlTest, ASubmitArrivesAsItWasAndItsAnswerComesBack) {
  const SubmitJob submit{.spec = {.name = "finetune", .command = {"python3", "train.py"}, .nodes = 3, .workdir = "/srv"},
                         .request_id = "r-1"};
  auto asked = Ask(submit);
  const auto call = launcher_.Take<ApiCall>();
  EXPECT_EQ(std::get<SubmitJob>(call.request).spec, submit.spec);
  EXPECT_EQ(std::get<SubmitJob>(call.request).request_id, "r-1");
  server_.Reply(call.token, ApiReply(Submitted{.job = JobId("finetune-1"), .why = "queued: needs 3 hosts"}), true);
  const Result<ApiReply> reply = asked.get();
  ASSERT_TRUE(reply) << reply.error().Str();
  EXPECT_EQ(std::get<Submitted>(*reply).job, JobId("finetune-1"));
  EXPECT_EQ(std::get<Submitted>(*reply).why, "queued: needs 3 hosts");
}

TEST_F(ControlTest, EveryVerbHasItsCallAndItsReply) {
  ExpectAnswered(CancelJob{.job = JobId("a-1")}, Accepted{});
  ExpectAnswered(GetJob{.job = JobId("a-1")}, JobReply{});
  ExpectAnswered(ListJobs{}, JobsReply{});
  ExpectAnswered(ExplainJob{.job = JobId("a-1")}, Explanation{});
  ExpectAnswered(ListNodes{}, NodesReply{});
  ExpectAnswered(GetNode{.node = NodeId("n1")}, NodesReply{});
  ExpectAnswered(ConfirmDead{.node = NodeId("n1")}, Accepted{});
  ExpectAnswered(DrainNode{.node = NodeId("n1")}, Accepted{});
  ExpectAnswered(UndrainNode{.node = NodeId("n1")}, Accepted{});
  ExpectAnswered(ClearNode{.node = NodeId("n1")}, Accepted{});
  ExpectAnswered(
      InjectFault{.job = JobId("train-1"), .generation = Generation(2), .kind = FaultKind::freeze, .rank = 3, .lasts = 20s},
      Accepted{});
  ExpectAnswered(KillLauncher{.by = "ann"}, Accepted{});
  ExpectAnswered(ListIncidents{}, IncidentsReply{});
  ExpectAnswered(ListEvents{}, EventsReply{});
  ExpectAnswered(GetInfo{}, InfoReply{});
}

TEST_F(ControlTest, AnErrorOfTheLauncherComesBackAsItWasMade) {
  const Error error{ErrorCode::kConflict, "job a-1 has already ended: done", "see `everstep job a-1`"};
  auto asked = Ask(CancelJob{.job = JobId("a-1")});
  server_.Reply(launcher_.Take<ApiCall>().token, Fail(error), true);
  const Result<ApiReply> reply = asked.get();
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error(), error);
}

TEST_F(ControlTest, ABadRequestIsRefusedAtTheDoor) {
  const Result<ApiReply> reply = client_->Call(SubmitJob{.spec = {.command = {"x"}, .nodes = 0, .workdir = "/"}});
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().Str(), "nodes: found 0, legal: 1 to 16384");
  const Result<ApiReply> other = client_->Call(GetJob{.job = JobId("../etc")});
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().Str(), "job: found \"../etc\", legal: 1 to 63 of a-z, 0-9 and '-', not at either end");
  EXPECT_EQ(launcher_.Count<ApiCall>(), 0u);
}

TEST_F(ControlTest, ACommandLineThatCannotTravelExactlyIsNotSent) {
  const Result<ApiReply> reply = client_->Call(SubmitJob{.spec = {.command = {"python3", "\xff"}, .workdir = "/"}});
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().Str(), "spec.command[1]: not UTF-8");
}

TEST_F(ControlTest, NoAnswerInTimeIsATimeoutAndTheLoopHearsThatNobodyWaits) {
  client_ = NewClient(2s);
  const Result<ApiReply> reply = client_->Call(GetInfo{});
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::kTimeout);
  EXPECT_EQ(launcher_.Take<ApiGone>().token, launcher_.Take<ApiCall>().token);
}

TEST_F(ControlTest, NobodyThereIsSaidWithWhatToDo) {
  server_.Shutdown();
  const Result<ApiReply> reply = client_->Call(GetInfo{});
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(reply.error().Str(),
            Cat("no launcher at ", address_, ": connection refused; start one with `everstep up`, or name ",
                "another with --launcher HOST:PORT"));
}

TEST_F(ControlTest, AnAddressThatIsNotLoopbackNeedsInsecure) {
  const auto client = ControlClient::Connect({.address = "10.0.0.1:7450"});
  ASSERT_FALSE(client);
  EXPECT_TRUE(client.error().message.starts_with("will not talk to 10.0.0.1:7450"));
  EXPECT_TRUE(ControlClient::Connect({.address = "10.0.0.1:7450", .insecure = true}));
  const auto malformed = ControlClient::Connect({.address = "localhost"});
  ASSERT_FALSE(malformed);
  EXPECT_EQ(malformed.error().Str(), "launcher: found \"localhost\", legal: HOST:PORT, [IPV6]:PORT");
}

TEST_F(ControlTest, AWatcherSeesTheStatesUntilTheLastAndThenTheStreamEnds) {
  std::vector<JobPhase> seen;
  auto watching = std::async(std::launch::async, [&] {
    return client_->Stream(GetJob{.job = JobId("a-1"), .watch = true}, [&](ApiReply reply) {
      seen.push_back(std::get<JobReply>(reply).job.phase);
      return true;
    });
  });
  const auto call = launcher_.Take<ApiCall>();
  EXPECT_TRUE(std::get<GetJob>(call.request).watch);
  server_.Reply(call.token, ApiReply(JobReply{.job = {.phase = JobPhase::running}}), false);
  server_.Reply(call.token, ApiReply(JobReply{.job = {.phase = JobPhase::done}}), true);
  const Status ended = watching.get();
  EXPECT_TRUE(ended) << ended.error().Str();
  EXPECT_EQ(seen.front(), JobPhase::running);
  EXPECT_EQ(seen.back(), JobPhase::done);
}

TEST_F(ControlTest, AWatcherWhoHasSeenEnoughIsToldToTheLoop) {
  auto watching = std::async(std::launch::async, [&] {
    return client_->Stream(GetJob{.job = JobId("a-1"), .watch = true}, [&](ApiReply) { return false; });
  });
  const auto call = launcher_.Take<ApiCall>();
  server_.Reply(call.token, ApiReply(JobReply{}), false);
  EXPECT_TRUE(watching.get());
  EXPECT_EQ(launcher_.Take<ApiGone>().token, call.token);
  server_.Reply(call.token, ApiReply(JobReply{}), false);  // too late: dropped
}

TEST_F(ControlTest, ASlowWatcherIsSparedTheStatesInBetweenAndSeesTheLast) {
  std::promise<void> slow;
  std::uint32_t last = 0, replies = 0;
  auto watching = std::async(std::launch::async, [&] {
    return client_->Stream(GetJob{.job = JobId("a-1"), .watch = true}, [&](ApiReply reply) {
      if (++replies == 1) slow.get_future().wait();
      last = std::get<JobReply>(reply).job.restarts;
      return true;
    });
  });
  const auto call = launcher_.Take<ApiCall>();
  const std::string large(1u << 20, 'x');  // sockets hold a few of them, not all
  for (std::uint32_t i = 1; i <= 48; ++i)
    server_.Reply(call.token, ApiReply(JobReply{.job = {.why = large, .restarts = i}}), i == 48);
  slow.set_value();
  EXPECT_TRUE(watching.get());
  EXPECT_EQ(last, 48u);
  EXPECT_LT(replies, 48u);
}

TEST_F(ControlTest, AFollowerOfEventsWhoDoesNotReadIsAskedToComeBack) {
  std::promise<void> slow;
  auto following = std::async(std::launch::async, [&] {
    return client_->Stream(ListEvents{.follow = true}, [&, first = true](ApiReply) mutable {
      if (std::exchange(first, false)) slow.get_future().wait();
      return true;
    });
  });
  const auto call = launcher_.Take<ApiCall>();
  const std::string large(1u << 20, 'x');
  for (int i = 0; i < 48; ++i) server_.Reply(call.token, ApiReply(EventsReply{{{.why = large}}}), false);
  EXPECT_EQ(launcher_.Take<ApiGone>().token, call.token);
  slow.set_value();
  const Status ended = following.get();
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().Str(), "the reader is slower than the events; ask again for those after the last");
}

TEST_F(ControlTest, CancelEndsACallThatWaits) {
  auto asked = Ask(GetInfo{});
  const auto call = launcher_.Take<ApiCall>();
  client_->Cancel();
  const Result<ApiReply> reply = asked.get();
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().Str(), "cancelled");
  EXPECT_EQ(launcher_.Take<ApiGone>().token, call.token);
}

TEST_F(ControlTest, ShutdownEndsOpenStreamsWithTheReason) {
  auto watching = std::async(std::launch::async, [&] {
    return client_->Stream(GetJob{.job = JobId("a-1"), .watch = true}, [](ApiReply) { return true; });
  });
  launcher_.Take<ApiCall>();
  server_.Shutdown();
  const Status ended = watching.get();
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().Str(), "the launcher is going down; try again when it is back");
}

}  // namespace
}  // namespace everstep
