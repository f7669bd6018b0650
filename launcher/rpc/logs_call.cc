#include "launcher/rpc/logs_call.h"

#include <grpcpp/alarm.h>

#include <algorithm>

#include "base/text.h"
#include "launcher/rpc/api_checks.h"
#include "proto/convert.h"
#include "proto/rpc/address.h"
#include "proto/rpc/channel.h"
#include "proto/rpc/credentials.h"
#include "proto/rpc/status.h"

namespace everstep {

namespace {

constexpr std::size_t kBufferBytes =
    4u << 20;  // written by hosts, not yet read by the person: above, no host is asked for more
constexpr std::uint32_t kReplyBytesMin = 16u << 10;
constexpr std::uint32_t kReplyBytesMax = 512u << 10;
constexpr Duration kPoll = 10s;             // how long an agent may wait for the next byte
constexpr Duration kPollSlack = 5s;         // for connecting, on top
constexpr Duration kRetryAfter = 200ms;     // a reading that failed
constexpr Duration kLastAnswerWithin = 3s;  // of an agent whose generation is over

v1::LogChunk ChunkOf(const v1::LogPiece& piece, const NodeId& node, Generation generation) {
  v1::LogChunk chunk;
  chunk.set_rank(piece.rank());
  chunk.set_node(node.value);
  chunk.set_generation(generation.value);
  chunk.set_is_stderr(piece.is_stderr());
  chunk.set_bytes(piece.bytes());
  chunk.set_note(piece.note());
  return chunk;
}

// Leaves what comes after a place that a reader has reached. In another file it may have seen part of it, which is shown again:
// better twice than not at all.
void Behind(LogTail& tail, const v1::LogPlace& place) {
  const std::uint64_t begin = tail.end - std::min<std::uint64_t>(tail.end, tail.bytes.size());
  if (place.file() != tail.file || place.offset() < begin) return;
  tail.bytes.erase(0, static_cast<std::size_t>(std::min<std::uint64_t>(place.offset() - begin, tail.bytes.size())));
}

void LastLines(std::string& text, std::uint32_t lines) {
  std::size_t at = text.size();
  if (lines > 0 && text.ends_with('\n')) --at;
  for (std::uint32_t i = 0; i < lines && at != std::string::npos; ++i)
    at = at == 0 ? std::string::npos : text.rfind('\n', at - 1);
  if (at != std::string::npos) text.erase(0, lines == 0 ? at : at + 1);
}

}  // namespace

struct LogsCall::Source {
  Host host{};
  v1::ReadLog request{};  // what to ask next
  std::shared_ptr<grpc::Channel> channel{};
  std::unique_ptr<v1::PeerLink::Stub> stub{};
  std::shared_ptr<Reading> reading{};  // under way
  grpc::Alarm again{};                 // after a failure
  bool waits = false;                  // for `again`
  bool over = false;
};

struct LogsCall::Reading {
  std::shared_ptr<LogsCall> owner{};  // first, so that it goes last: it must outlive the channel in `context`
  grpc::ClientContext context{};
  v1::ReadLog request{};
  v1::LogRead reply{};
  bool last = false;  // asked after the generation was over
};

LogsCall* LogsCall::Begin(std::shared_ptr<Shared> shared, grpc::CallbackServerContext* context, Result<LogsRequest> request) {
  auto call = std::make_shared<LogsCall>(std::move(shared), context);
  call->self_ = call;
  if (const Status said = call->Start(std::move(request)); !said) {
    const std::lock_guard lock(call->mutex_);
    call->End(ToStatus(said.error(), *context));
  }
  return call.get();
}

LogsCall::LogsCall(std::shared_ptr<Shared> shared, grpc::CallbackServerContext* context)
    : shared_(std::move(shared)), context_(context), out_({.messages = ~std::size_t{0}, .bytes = ~std::size_t{0}}) {}

LogsCall::~LogsCall() {
  sources_.clear();
  if (job_token_) shared_->callers.Remove(*job_token_);
  if (nodes_token_) shared_->callers.Remove(*nodes_token_);
}

Status LogsCall::Start(Result<LogsRequest> request) {
  if (!request) return Fail(request.error());
  EVERSTEP_TRY(Validate(*request));
  request_ = *std::move(request);
  job_token_ = shared_->callers.Add(this);
  nodes_token_ = shared_->callers.Add(this);
  if (!job_token_ || !nodes_token_)
    return Fail(ErrorCode::kUnavailable, "the launcher has as many open calls as it can hold, or is going down",
                "try again later");
  StartSendInitialMetadata();
  shared_->post(ApiCall{*job_token_, GetJob{.job = request_.job, .watch = request_.follow}});
  return {};
}

void LogsCall::Deliver(Result<ApiReply> reply, bool last) {
  const std::lock_guard lock(mutex_);
  if (ended_) return;
  if (!reply) return End(ToStatus(reply.error(), *context_));
  if (const auto* job = std::get_if<JobReply>(&*reply)) {
    no_more_gangs_ = last || Ended(job->job.phase);
    if (const Status said = Look(job->job); !said) return End(ToStatus(said.error(), *context_));
  } else if (const auto* nodes = std::get_if<NodesReply>(&*reply)) {
    AskEveryNode(*nodes);
  }
  if (gang_ && Over()) Hurry();
  Advance();
}

Status LogsCall::Look(const JobView& job) {
  request_.job = job.id;  // asked for by name: from now on this one
  const Generation wanted = request_.generation.value_or(job.generation);
  if (wanted > job.generation)
    return Fail(ErrorCode::kNotFound, Cat("generation: found ", wanted, ", legal: 1 to ", job.generation));
  if (wanted != job.generation) {
    // Its hosts are no longer part of the job's view. Any node may have been one.
    no_more_gangs_ = false;
    shared_->post(ApiCall{*nodes_token_, ListNodes{}});
    return {};
  }
  nothing_because_ = job.hosts.empty() ? Cat(job.id, " has not run yet: ", job.why)
                                       : Cat("nothing was written by generation ", wanted, " of ", job.id,
                                             request_.within || request_.since ? " since then" : "");
  if (job.hosts.empty()) return {};
  if (wanted <= newest_) return Follow(job), Status();
  newest_ = wanted;
  Gang gang{.generation = wanted};
  for (const HostView& host : job.hosts) {
    Host& reader = gang.hosts.emplace_back(Host{host.node, host.address});
    for (const std::uint32_t rank : request_.ranks)
      if (rank >= host.first_rank && rank < host.first_rank + host.ranks) reader.ranks.push_back(rank);
    if (!request_.ranks.empty() && reader.ranks.empty()) gang.hosts.pop_back();
  }
  gangs_.push_back(std::move(gang));
  return {};
}

void LogsCall::Follow(const JobView& job) {
  for (const auto& source : sources_)
    for (const HostView& host : job.hosts) {
      if (host.node != source->host.node || host.address.empty() || host.address == source->host.address || source->over)
        continue;
      source->host.address = host.address;
      if (const Status said = Connect(*source); !said) GiveUp(*source, said.error().message);
      if (source->reading) source->reading->context.TryCancel();  // it goes on there
    }
}

void LogsCall::AskEveryNode(const NodesReply& nodes) {
  no_more_gangs_ = true;
  nothing_because_ = Cat("no node has logs of generation ", *request_.generation, " of ", request_.job);
  Gang gang{.generation = *request_.generation};
  for (const NodeView& node : nodes.nodes)
    if (!node.address.empty()) gang.hosts.push_back({node.node, node.address, request_.ranks});
  gangs_.push_back(std::move(gang));
}

void LogsCall::ReadNextGang() {
  do {
    gang_.reset();
    sources_.clear();
    if (gangs_.empty()) return;
    gang_ = std::move(gangs_.front());
    gangs_.pop_front();
    for (Host& host : gang_->hosts) sources_.push_back(std::make_unique<Source>(Source{.host = std::move(host)}));
    for (const auto& source : sources_) Open(*source);
    // Of the first one only: all that later ones write is new.
    request_.tail_lines.reset();
    request_.within.reset();
    request_.since.reset();
  } while (AllOver());
}

bool LogsCall::AllOver() const {
  return std::all_of(sources_.begin(), sources_.end(),
                     [](const auto& source) { return source->over && !source->reading && !source->waits; });
}

Status LogsCall::Connect(Source& source) {
  if (source.host.address.empty()) return Fail(ErrorCode::kNotFound, "the address of its agent is not known any more");
  EVERSTEP_ASSIGN(const HostPort address, ParseHostPort("address", source.host.address));
  EVERSTEP_TRY(CheckPlainText("talk to", address, shared_->insecure));
  source.channel = FreshChannel(address, kLastAnswerWithin);
  source.stub = v1::PeerLink::NewStub(source.channel);
  return {};
}

void LogsCall::Open(Source& source) {
  if (const Status said = Connect(source); !said) return GiveUp(source, said.error().message);
  source.request.set_job(request_.job.value);
  source.request.set_generation(gang_->generation.value);
  for (const std::uint32_t rank : source.host.ranks) source.request.add_ranks(rank);
  if (request_.tail_lines) source.request.set_tail_lines(*request_.tail_lines);
  if (request_.within) source.request.set_within(request_.within->count());
  if (request_.since) source.request.set_since(request_.since->ns);
  const std::size_t share = kBufferBytes / sources_.size();
  source.request.set_bytes_max(static_cast<std::uint32_t>(std::clamp<std::size_t>(share, kReplyBytesMin, kReplyBytesMax)));
  Read(source);
}

void LogsCall::Read(Source& source) {
  auto reading = std::make_shared<Reading>();
  reading->owner = shared_from_this();
  reading->last = Over();
  reading->request = source.request;
  const Duration wait = reading->last ? Duration(0) : kPoll;
  reading->request.set_wait(wait.count());
  reading->context.set_deadline(Within(reading->last ? kLastAnswerWithin : wait + kPollSlack));
  reading->context.set_wait_for_ready(true);
  source.reading = reading;
  Reading* const raw = reading.get();
  source.stub->async()->ReadLog(&raw->context, &raw->request, &raw->reply,
                                [&source, reading = std::move(reading)](const grpc::Status& status) {
                                  LogsCall& owner = *reading->owner;
                                  const std::lock_guard lock(owner.mutex_);
                                  source.reading.reset();
                                  if (!owner.ended_) owner.Took(source, status, *reading);
                                });
}

void LogsCall::Took(Source& source, const grpc::Status& status, const Reading& reading) {
  if (source.over) {
    // given up meanwhile
  } else if (status.ok()) {
    for (const v1::LogPiece& piece : reading.reply.pieces()) Put(ChunkOf(piece, source.host.node, gang_->generation));
    *source.request.mutable_places() = reading.reply.places();
    source.request.clear_tail_lines();
    source.request.clear_within();
    source.request.clear_since();
    source.over = reading.last && !reading.reply.more();
    // It answers, but its disk is another one by now.
    if (source.over && reading.reply.places().empty() && shared_->tails.Of(source.host.node, {request_.job, gang_->generation}))
      ShowTail(source, "it has no such output any more");
  } else if (reading.last) {
    GiveUp(source, Cat("no answer, its last lines may be missing: ", Words(status)));
  } else if (status.error_code() == grpc::INVALID_ARGUMENT || status.error_code() == grpc::UNIMPLEMENTED) {
    GiveUp(source, Words(status));
  } else if (!Over()) {
    return ReadLater(source);
  }
  if (!source.over && out_.bytes() < kBufferBytes) Read(source);
  Advance();
}

void LogsCall::ReadLater(Source& source) {
  source.waits = true;  // so that it stays until then
  // The alarm keeps its function until it goes itself: a shared_ptr in it would keep both for ever.
  source.again.Set(Within(kRetryAfter), [weak = weak_from_this(), &source](bool) {
    const std::shared_ptr<LogsCall> owner = weak.lock();
    if (owner == nullptr) return;
    const std::lock_guard lock(owner->mutex_);
    source.waits = false;
    if (owner->ended_) return;
    if (!source.over && !source.reading) owner->Read(source);
    owner->Advance();
  });
}

void LogsCall::GiveUp(Source& source, std::string note) {
  source.over = true;
  ShowTail(source, note);
}

void LogsCall::ShowTail(const Source& source, const std::string& note) {
  const GangKey gang{.job = request_.job, .generation = gang_->generation};
  auto tails = shared_->tails.Of(source.host.node, gang);
  const auto& ranks = source.host.ranks;
  if (!tails) return Note(source.host.node, note);
  for (auto& [stream, tail] : tails->streams) {
    if (!ranks.empty() && std::find(ranks.begin(), ranks.end(), stream.first) == ranks.end()) tail.bytes.clear();
    for (const v1::LogPlace& place : source.request.places())
      if (place.rank() == stream.first && place.is_stderr() == stream.second) Behind(tail, place);
    if (source.request.has_tail_lines()) LastLines(tail.bytes, source.request.tail_lines());
  }
  std::erase_if(tails->streams, [](const auto& entry) { return entry.second.bytes.empty(); });
  if (tails->streams.empty()) return Note(source.host.node, note);
  // Its lines carry no times: those lie beside the files, on the host.
  const bool timeless = source.request.has_since() || source.request.has_within();
  Note(source.host.node, Cat(note, "; what follows is what the launcher has of its last output, at most 64 KiB a stream, read ",
                             everstep::Show(tails->age), " ago", timeless ? ", whenever it was written" : ""));
  for (auto& [stream, tail] : tails->streams) {
    v1::LogChunk chunk;
    chunk.set_rank(stream.first);
    chunk.set_node(source.host.node.value);
    chunk.set_generation(gang.generation.value);
    chunk.set_is_stderr(stream.second);
    chunk.set_bytes(std::move(tail.bytes));
    Put(std::move(chunk));
  }
}

void LogsCall::Hurry() {
  for (const auto& source : sources_)
    if (source->reading && !source->reading->last) source->reading->context.TryCancel();
}

void LogsCall::Resume() {
  for (const auto& source : sources_)
    if (!source->over && !source->reading) Read(*source);
}

void LogsCall::Note(const NodeId& node, std::string text) {
  v1::LogChunk chunk;
  chunk.set_node(node.value);
  if (gang_) chunk.set_generation(gang_->generation.value);
  chunk.set_note(wire::AsUtf8(node.empty() ? text : Cat(node, ": ", text)));
  Put(std::move(chunk));
}

void LogsCall::Put(v1::LogChunk chunk) {
  said_something_ = true;
  out_.Push(std::move(chunk));
}

void LogsCall::Advance() {
  if (ended_) return;
  if (AllOver()) ReadNextGang();
  const bool all_read = no_more_gangs_ && gangs_.empty() && !gang_;
  if (all_read && !said_something_) Note(NodeId(), nothing_because_);
  if (const v1::LogChunk* next = out_.Next()) StartWrite(next);
  if (all_read && out_.empty()) End(grpc::Status::OK);
}

void LogsCall::End(const grpc::Status& status) {
  if (std::exchange(ended_, true)) return;
  if (job_token_) shared_->post(ApiGone{*job_token_});
  for (const auto& source : sources_)
    if (source->reading) source->reading->context.TryCancel();
  Finish(status);
}

void LogsCall::OnWriteDone(bool ok) {
  const std::lock_guard lock(mutex_);
  out_.Written();
  if (ended_) return;
  if (!ok) return End(grpc::Status::CANCELLED);
  if (out_.bytes() < kBufferBytes / 2) Resume();
  Advance();
}

void LogsCall::OnCancel() {
  const std::lock_guard lock(mutex_);
  End(grpc::Status::CANCELLED);
}

void LogsCall::OnDone() { const std::shared_ptr<LogsCall> self = std::move(self_); }

}  // namespace everstep
