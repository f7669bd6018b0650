// The relay of one person's `logs`: it watches the job through the loop, as any caller would, and reads what the ranks wrote
// from the agents of each generation, one after another, straight to the person. No byte of it passes the loop.
//
// A generation is read by long polls, one agent each, until it is over (a newer one is placed, or the job has ended, or the
// person does not follow), and then once more to its end. An agent that restarts is read on from where it was; one that does
// not answer when its generation is over is given up with a note, and with what the launcher has kept of its last output
// (log_tails.h) beyond what was shown already.
//
// Memory: below 20 MiB, whatever the number of hosts and however slow the person.
#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "everstep/v1/control.grpc.pb.h"
#include "everstep/v1/peer.grpc.pb.h"
#include "launcher/rpc/logs.h"
#include "launcher/rpc/shared.h"

namespace everstep {

// Lives until gRPC is done with it and with the readings under way.
class LogsCall final : public grpc::ServerWriteReactor<v1::LogChunk>,
                       public Caller,
                       public std::enable_shared_from_this<LogsCall> {
 public:
  static LogsCall* Begin(std::shared_ptr<Shared> shared, grpc::CallbackServerContext* context, Result<LogsRequest> request);
  LogsCall(std::shared_ptr<Shared> shared, grpc::CallbackServerContext* context);
  ~LogsCall() override;

  void Deliver(Result<ApiReply> reply, bool last) override;

 private:
  // One host of one generation.
  struct Host {
    NodeId node{};
    std::string address{};
    std::vector<std::uint32_t> ranks{};  // that are wanted; empty: all it has
  };
  struct Gang {
    Generation generation{};
    std::vector<Host> hosts{};
  };
  struct Reading;  // one rpc under way
  struct Source;   // one agent being read

  Status Start(Result<LogsRequest> request);

  // All below: REQUIRES mutex_ held.
  Status Look(const JobView& job);
  void Follow(const JobView& job);  // agents that came back elsewhere
  void AskEveryNode(const NodesReply& nodes);
  bool Over() const { return !gangs_.empty() || no_more_gangs_; }  // the gang being read
  bool AllOver() const;
  void ReadNextGang();
  Status Connect(Source& source);
  void Open(Source& source);
  void Read(Source& source);
  void Took(Source& source, const grpc::Status& status, const Reading& reading);
  void ReadLater(Source& source);
  void GiveUp(Source& source, std::string note);
  void ShowTail(const Source& source, const std::string& note);
  void Hurry();
  void Resume();
  void Note(const NodeId& node, std::string text);
  void Put(v1::LogChunk chunk);
  void Advance();  // to the next gang, the next chunk or the end
  void End(const grpc::Status& status);

  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  const std::shared_ptr<Shared> shared_;
  grpc::CallbackServerContext* const context_;
  std::shared_ptr<LogsCall> self_;  // until OnDone
  LogsRequest request_{};
  std::optional<std::uint64_t> job_token_{};
  std::optional<std::uint64_t> nodes_token_{};

  std::mutex mutex_;  // of all below
  Generation newest_{};
  std::deque<Gang> gangs_{};  // still to be read
  std::optional<Gang> gang_{};
  std::vector<std::unique_ptr<Source>> sources_{};  // of gang_
  bool no_more_gangs_ = false;
  bool said_something_ = false;
  std::string nothing_because_{};
  Outbox<v1::LogChunk> out_;
  bool ended_ = false;
};

}  // namespace everstep
