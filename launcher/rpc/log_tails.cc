#include "launcher/rpc/log_tails.h"

#include <grpcpp/alarm.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <vector>

#include "everstep/v1/peer.grpc.pb.h"
#include "proto/rpc/address.h"
#include "proto/rpc/channel.h"
#include "proto/rpc/credentials.h"

namespace everstep {

namespace {

constexpr Duration kAnswerWithin = 3s;
constexpr Duration kEveryPerGang = 1ms;
constexpr std::size_t kStreamBytesMin = 4u << 10;
constexpr std::size_t kAnswerBytes = 1u << 20;  // an agent gives no more at once
constexpr unsigned kFailuresMax = 22;           // about ten minutes
constexpr unsigned kLastTries = 3;

using Key = std::pair<NodeId, GangKey>;
using Clock = std::chrono::steady_clock;

}  // namespace

// One gang on one host. All but the reading under way: REQUIRES the table's mutex.
class LogTails::Watched {
 public:
  struct Reading {
    grpc::ClientContext context{};
    v1::ReadLog request{};
    v1::LogRead reply{};
    std::shared_ptr<grpc::Channel> channel{};  // these outlive the call
    std::unique_ptr<v1::PeerLink::Stub> stub{};
  };

  std::string address{};
  bool runs = false;   // to be read again and again
  bool last = false;   // to be read once more
  bool waits = false;  // for `again`
  std::shared_ptr<Reading> reading{};
  std::shared_ptr<grpc::Channel> channel{};
  grpc::Alarm again{};
  google::protobuf::RepeatedPtrField<v1::LogPlace> places{};
  std::map<std::pair<std::uint32_t, bool>, LogTail> streams{};
  Clock::time_point read_at{};
  std::size_t bytes = 0;
  std::size_t ranks = 1;
  std::size_t asked_bytes = 0;  // of each stream, by the reading under way
  unsigned failures = 0;        // in a row

  bool Idle() const { return !reading && !waits; }
};

class LogTails::Table : public std::enable_shared_from_this<LogTails::Table> {
 public:
  Table(bool insecure, Limits limits) : insecure_(insecure), limits_(limits) {}

  void Heard(const NodeId& node, const std::string& address, const Report& report) {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    StopUnlisted(node, report);
    for (const GangStatus& gang : report.gangs) {
      const bool runs = gang.phase == GangPhase::running || gang.phase == GangPhase::stopping;
      const Key key{node, {gang.job, gang.generation}};
      auto found = watched_.find(key);
      if (found == watched_.end()) {
        if (!runs) continue;
        found = watched_.emplace(key, std::make_shared<Watched>()).first;
      }
      Watched& one = *found->second;
      if (one.address != address) {
        one.channel.reset();
        one.address = address;
      }
      one.last = one.last || (one.runs && !runs);
      SetRuns(one, runs);
      one.failures = 0;
      one.ranks = std::max<std::size_t>(gang.ranks.size(), 1);
      // What it wrote last is read at once, also where a reading is due later.
      if (one.waits && one.last) one.again.Cancel();
      if (one.Idle() && (one.runs || one.last)) Read(found->first, found->second);
    }
  }

  std::optional<GangTails> Of(const NodeId& node, const GangKey& gang) const {
    const std::lock_guard lock(mutex_);
    const auto found = watched_.find({node, gang});
    if (found == watched_.end() || found->second->streams.empty()) return std::nullopt;
    return GangTails{.age = Clock::now() - found->second->read_at, .streams = found->second->streams};
  }

  void Close() {
    std::unique_lock lock(mutex_);
    closed_ = true;
    for (auto& [key, one] : watched_) {
      SetRuns(*one, false);
      one->last = false;
      one->again.Cancel();
      if (one->reading) one->reading->context.TryCancel();
    }
    changed_.wait_for(lock, 1s, [this] {
      return std::all_of(watched_.begin(), watched_.end(), [](const auto& entry) { return entry.second->Idle(); });
    });
    for (auto& [key, one] : watched_) one->channel.reset();
  }

 private:
  // A report is whole: what is not in it any more is over.
  void StopUnlisted(const NodeId& node, const Report& report) {
    for (auto it = watched_.lower_bound({node, GangKey()}); it != watched_.end() && it->first.first == node; ++it) {
      const auto listed = [&gang = it->first.second](const GangStatus& g) { return GangKey{g.job, g.generation} == gang; };
      if (std::none_of(report.gangs.begin(), report.gangs.end(), listed)) SetRuns(*it->second, false);
    }
  }

  void Read(const Key& key, const std::shared_ptr<Watched>& one) {
    if (!one->channel) one->channel = Connect(one->address);
    if (!one->channel) return;
    one->last = false;
    auto reading = std::make_shared<Watched::Reading>();
    reading->channel = one->channel;
    reading->stub = v1::PeerLink::NewStub(one->channel);
    reading->request.set_job(key.second.job.value);
    reading->request.set_generation(key.second.generation.value);
    one->asked_bytes = std::min(StreamBytes(), kAnswerBytes / (2 * one->ranks));
    reading->request.set_tail_bytes(static_cast<std::uint32_t>(one->asked_bytes));
    *reading->request.mutable_places() = one->places;
    reading->context.set_deadline(Within(kAnswerWithin));
    one->reading = reading;
    Watched::Reading* const raw = reading.get();
    raw->stub->async()->ReadLog(&raw->context, &raw->request, &raw->reply,
                                [weak = weak_from_this(), key, one, reading = std::move(reading)](const grpc::Status& status) {
                                  if (const auto table = weak.lock()) table->Took(key, one, status, reading->reply);
                                });
  }

  std::shared_ptr<grpc::Channel> Connect(const std::string& address) const {
    const auto parsed = ParseHostPort("address", address);
    if (!parsed || !CheckPlainText("talk to", *parsed, insecure_)) return nullptr;
    return FreshChannel(*parsed, kAnswerWithin);
  }

  void Took(const Key& key, const std::shared_ptr<Watched>& one, const grpc::Status& status, const v1::LogRead& reply) {
    const std::lock_guard lock(mutex_);
    one->reading.reset();
    changed_.notify_all();
    if (closed_) return;
    if (status.ok()) {
      Keep(*one, reply);
      MakeRoom();
    }
    one->failures = status.ok() ? 0 : one->failures + 1;
    if (one->failures >= kFailuresMax) {
      SetRuns(*one, false);
      one->last = false;
    }
    if (one->last && one->failures < kLastTries) return Read(key, one);
    if (!one->runs) return one->channel.reset();  // the server stands: not the last one
    one->waits = true;
    const Duration every = std::max<Duration>(limits_.every, kEveryPerGang * static_cast<std::int64_t>(running_));
    one->again.Set(Within(every * (1u << std::min(one->failures, 4u))),
                   [weak = weak_from_this(), key, held = std::weak_ptr(one)](bool) {
                     const auto table = weak.lock();
                     const auto again = held.lock();
                     if (table && again) table->ReadAgain(key, again);
                   });
  }

  void ReadAgain(const Key& key, const std::shared_ptr<Watched>& one) {
    const std::lock_guard lock(mutex_);
    one->waits = false;
    changed_.notify_all();
    if (closed_ || !one->Idle()) return;
    if (one->runs || one->last) return Read(key, one);
    one->channel.reset();
  }

  std::size_t StreamBytes() const {
    const std::size_t share = limits_.all_bytes / std::max<std::size_t>(streams_, 1);
    return std::max(std::min(share, limits_.stream_bytes), std::min(kStreamBytesMin, limits_.stream_bytes));
  }

  void Keep(Watched& one, const v1::LogRead& reply) {
    one.read_at = Clock::now();
    one.places = reply.places();
    bytes_ -= one.bytes;
    streams_ -= one.streams.size();
    std::map<std::pair<std::uint32_t, bool>, std::string> news;
    for (const v1::LogPiece& piece : reply.pieces())
      if (!piece.bytes().empty()) news[{piece.rank(), piece.is_stderr()}] += piece.bytes();
    for (auto& [stream, bytes] : news) {
      std::string& kept = one.streams[stream].bytes;
      // As much as was asked for: there may have been more before it.
      if (bytes.size() >= one.asked_bytes) kept.clear();
      kept += bytes;
    }
    streams_ += one.streams.size();
    one.bytes = 0;
    for (auto& [stream, tail] : one.streams) {
      const std::size_t most = StreamBytes();
      if (tail.bytes.size() > most) tail.bytes.erase(0, tail.bytes.size() - most);
      one.bytes += tail.bytes.size();
    }
    bytes_ += one.bytes;
    for (const v1::LogPlace& place : reply.places()) {
      const auto tail = one.streams.find({place.rank(), place.is_stderr()});
      if (tail == one.streams.end()) continue;
      tail->second.file = place.file();
      tail->second.end = place.offset();
    }
  }

  void SetRuns(Watched& one, bool runs) {
    running_ += static_cast<std::size_t>(runs) - static_cast<std::size_t>(one.runs);
    one.runs = runs;
  }

  // What has ended goes before what runs is kept shorter.
  bool Full() const {
    return bytes_ > limits_.all_bytes || streams_ > limits_.all_bytes / std::max<std::size_t>(limits_.stream_bytes, 1) ||
           watched_.size() - running_ > limits_.ended_max;
  }

  void MakeRoom() {
    while (Full()) {
      auto oldest = watched_.end();
      for (auto at = watched_.begin(); at != watched_.end(); ++at)
        if (!at->second->runs && !at->second->last && at->second->Idle() &&
            (oldest == watched_.end() || at->second->read_at < oldest->second->read_at))
          oldest = at;
      if (oldest == watched_.end()) return;
      bytes_ -= oldest->second->bytes;
      streams_ -= oldest->second->streams.size();
      watched_.erase(oldest);
    }
  }

  const bool insecure_;
  const Limits limits_;
  mutable std::mutex mutex_;  // of all below
  std::condition_variable changed_;
  std::map<Key, std::shared_ptr<Watched>> watched_;
  std::size_t bytes_ = 0;
  std::size_t streams_ = 0;
  std::size_t running_ = 0;  // of watched_
  bool closed_ = false;
};

LogTails::LogTails(bool insecure, Limits limits) : table_(std::make_shared<Table>(insecure, limits)) {}
LogTails::~LogTails() = default;

void LogTails::Heard(const NodeId& node, const std::string& address, const Report& report) {
  table_->Heard(node, address, report);
}
std::optional<GangTails> LogTails::Of(const NodeId& node, const GangKey& gang) const { return table_->Of(node, gang); }
void LogTails::Close() { table_->Close(); }

}  // namespace everstep
