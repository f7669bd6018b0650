// Ranks of a pair test as threads of this process, with a network between them that tests can break message by message.
#pragma once

#include <barrier>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "base/text.h"
#include "collectives/probe/group.h"

namespace everstep {

class FakeNetwork {
 public:
  using Bytes = std::vector<std::byte>;

  explicit FakeNetwork(std::uint32_t ranks) : ranks_(ranks), barrier_(ranks), lines_(ranks) {}

  // What becomes of the message with this number, counted by sender and receiver; it may be changed.
  std::function<void(std::uint32_t from, std::uint32_t to, std::size_t number, Bytes& data)> fate{};
  // Whether nothing comes through between two that send at once.
  std::function<bool(std::uint32_t a, std::uint32_t b)> stalls{};

  // Runs `body` as each rank, with its group, to the end of all.
  void Run(const std::function<void(ProbeGroup&)>& body);
  std::size_t Sent(std::uint32_t from, std::uint32_t to) { return sent_[{from, to}]; }

 private:
  friend class FakeLink;
  std::vector<std::string> Exchange(std::uint32_t rank, const std::string& line) {
    lines_[rank] = line;
    barrier_.arrive_and_wait();
    std::vector<std::string> all = lines_;
    barrier_.arrive_and_wait();
    return all;
  }

  std::uint32_t ranks_;
  std::barrier<> barrier_;
  std::vector<std::string> lines_;
  std::mutex mutex_;
  std::condition_variable came_;
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::deque<Bytes>> mail_;
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::size_t> sent_;
};

class FakeLink : public PairLink {
 public:
  FakeLink(FakeNetwork& network, std::uint32_t rank) : network_(network), rank_(rank) {}

  Status SendTo(const PairPath& path, const void* data, std::size_t bytes) override {
    const std::scoped_lock lock(network_.mutex_);
    const auto* first = static_cast<const std::byte*>(data);
    FakeNetwork::Bytes copy(first, first + bytes);
    const std::size_t number = network_.sent_[{rank_, path.peer}]++;
    if (network_.fate) network_.fate(rank_, path.peer, number, copy);
    network_.mail_[{rank_, path.peer}].push_back(std::move(copy));
    network_.came_.notify_all();
    return {};
  }
  Status ReceiveFrom(const PairPath& path, void* data, std::size_t) override {
    std::unique_lock lock(network_.mutex_);
    auto& mail = network_.mail_[{path.peer, rank_}];
    network_.came_.wait(lock, [&] { return !mail.empty(); });
    if (!mail.front().empty()) std::memcpy(data, mail.front().data(), mail.front().size());  // empty: nothing was written
    mail.pop_front();
    return {};
  }
  Status SwapWith(const PairPath& path, const void* out, void* in, std::size_t bytes) override {
    if (network_.stalls && network_.stalls(rank_, path.peer))
      return Fail(ErrorCode::kTimeout, Cat("nothing from rank ", path.peer));
    if (Status sent = SendTo(path, out, bytes); !sent) return sent;
    return ReceiveFrom(path, in, bytes);
  }

 private:
  FakeNetwork& network_;
  std::uint32_t rank_;
};

// Has pairs and nothing else.
class FakeBackend : public Backend {
 public:
  FakeBackend(FakeNetwork& network, std::uint32_t rank) : link_(network, rank) {}
  std::string Library() const override { return "a fake"; }
  std::string Device() const override { return "fake"; }
  Status Reserve(std::size_t) override { return {}; }
  std::byte* Image(Side) override { return nullptr; }
  Result<double> Timed(const CollectiveRun&, std::uint32_t) override { return 0.0; }
  Result<std::vector<WrongHop>> Check(const CollectiveRun&, const ExactData&) override { return std::vector<WrongHop>(); }
  std::vector<RailUse> Nics() const override { return {}; }
  PairLink* Pairs() override { return &link_; }

 private:
  FakeLink link_;
};

inline void FakeNetwork::Run(const std::function<void(ProbeGroup&)>& body) {
  std::vector<std::thread> threads;
  for (std::uint32_t rank = 0; rank < ranks_; ++rank)
    threads.emplace_back([this, rank, &body] {
      ProbeGroup group;
      group.company.rank = rank;
      group.company.ranks = ranks_;
      group.company.hosts.clear();
      for (std::uint32_t one = 0; one < ranks_; ++one) {
        group.company.hosts.push_back(Cat("n", one + 1));
        group.company.racks.emplace_back();
        group.devices.emplace_back("fake");
      }
      group.company.exchange = [this, rank](const std::string& line) -> Result<std::vector<std::string>> {
        return Exchange(rank, line);
      };
      group.backend = std::make_unique<FakeBackend>(*this, rank);
      body(group);
    });
  for (std::thread& thread : threads) thread.join();
}

}  // namespace everstep
