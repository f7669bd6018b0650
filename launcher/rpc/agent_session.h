// The stream of one agent, on the launcher's side.
#pragma once

#include <grpcpp/alarm.h>

#include <memory>
#include <mutex>
#include <string>

#include "everstep/v1/agent.grpc.pb.h"
#include "launcher/rpc/shared.h"

namespace everstep {

// Messages go as bytes: a long one that many agents get is made ready once, and its bytes are shared.
class AgentLinkService final : public v1::AgentLink::WithRawCallbackMethod_Session<v1::AgentLink::Service> {
 public:
  explicit AgentLinkService(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}
  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* Session(grpc::CallbackServerContext* context) override;

 private:
  const std::shared_ptr<Shared> shared_;
};

// Deletes itself when gRPC is done with it. Posts SessionOpened with the Hello, SessionMessage for each message in order, and,
// if it was opened, SessionClosed as the last.
class AgentSession final : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  AgentSession(std::shared_ptr<Shared> shared, grpc::CallbackServerContext* context);

  // All: any thread, without effect once it has ended.
  void Send(grpc::ByteBuffer message);  // a v1::ToAgent
  void Close();                         // after what was sent before
  void End(const Error& error);         // at once, telling the agent why
  void Cut();                           // at once, without a word
  void EndUnlessOpened();               // it had its time to say hello

 private:
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  // All below: REQUIRES mutex_ held.
  Status Take(FromAgent message);
  void Write();
  void Finish(const grpc::Status& status, std::string why);
  void CutLater();

  const std::shared_ptr<Shared> shared_;
  grpc::CallbackServerContext* const context_;
  std::uint64_t number_ = 0;  // 0: not let in
  grpc::ByteBuffer in_;       // of the read under way

  std::mutex mutex_;  // of all below
  Outbox<grpc::ByteBuffer> out_;
  bool opened_ = false;
  NodeId node_{};          // once opened
  std::string address_{};  // where its agent is reached
  bool closing_ = false;
  bool finished_ = false;
  grpc::Alarm hello_by_;
  grpc::Alarm last_words_;
};

}  // namespace everstep
