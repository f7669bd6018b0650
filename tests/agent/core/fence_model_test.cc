// The argument of agent/core/fence.h, tried: hosts whose fences are the real ones, clocks that run at different rates, links
// that come and go at random, and a launcher that starts successors exactly when L1 and L2 allow it. No successor may ever
// start while the lease of the host that it replaces holds.
#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "agent/core/fence.h"
#include "base/text.h"

namespace everstep {
namespace {

constexpr Duration kF = 4s;
constexpr Duration kStep = 50ms;
constexpr Duration kBeatEvery = 500ms;
constexpr Duration kNeeded = kF + kF / 10 + 500ms;

class Cluster {
 public:
  // `honest`: members that hear the launcher say so.
  Cluster(std::uint64_t seed, std::size_t hosts, bool honest) : rng_(seed), honest_(honest), launcher_link_(hosts, true) {
    std::vector<Peer> peers;
    for (std::size_t i = 0; i < hosts; ++i) peers.push_back({.node = Name(i), .address = ""});
    for (std::size_t i = 0; i < hosts; ++i) {
      hosts_.push_back(Host{.fence = Fence(Name(i), AtNanoseconds(0)), .rate = 0.98 + 0.04 * rng_.Unit()});
      hosts_[i].fence.Told(kF, peers);
      hosts_[i].beat_at = AtNanoseconds(0) + rng_.Jitter(kBeatEvery);
      links_.emplace_back(hosts, true);
    }
  }

  void Run(Duration duration) {
    const Time end = now_ + duration;
    for (; now_ < end && unsafe.empty(); now_ += kStep) {
      ShakeLinks();
      for (std::size_t i = 0; i < hosts_.size(); ++i) Beats(i);
      for (std::size_t i = 0; i < hosts_.size(); ++i) Relay(i);
      for (std::size_t i = 0; i < hosts_.size(); ++i) Counts(i);
      for (std::size_t i = 0; i < hosts_.size(); ++i) Judge(i);
    }
  }

  std::string unsafe{};
  int successors = 0;
  int rounds_won = 0;
  int fenced = 0;

 private:
  struct Host {
    Fence fence;
    double rate = 1;               // of its clock
    Time beat_at{};                // launcher's time, for simplicity
    Time heard_at{};               // by the launcher, however it came
    Time stream_at{};              // by the launcher, over its own stream
    Time stream_since{};           // the same without a gap of F/2 or more
    std::optional<Time> newest{};  // sending time of the newest beat that the launcher has, on the host's clock
    bool replaced = false;
  };
  static NodeId Name(std::size_t i) { return NodeId(Cat("n", i)); }
  Time Clock(std::size_t i) const {
    return AtNanoseconds(static_cast<std::int64_t>(static_cast<double>(Nanoseconds(now_)) * hosts_[i].rate)) + 1h;
  }
  bool Linked(std::size_t a, std::size_t b) const { return links_[std::min(a, b)][std::max(a, b)]; }

  // Now and then a link, all links of the launcher, or a cut through the cluster, changes.
  void ShakeLinks() {
    if (rng_.Below(40) != 0) return;
    const std::size_t n = hosts_.size();
    switch (rng_.Below(5)) {
      case 0: links_[0] = std::vector<bool>(n, true); [[fallthrough]];
      case 1: {
        const std::size_t a = rng_.Below(n), b = rng_.Below(n);
        links_[std::min(a, b)][std::max(a, b)] = rng_.Below(2) == 0;
        break;
      }
      case 2: launcher_link_[rng_.Below(n)] = rng_.Below(3) == 0; break;
      case 3: launcher_link_ = std::vector<bool>(n, rng_.Below(2) == 0); break;
      case 4:
        for (std::size_t a = 0; a < n; ++a)
          for (std::size_t b = a + 1; b < n; ++b) links_[a][b] = rng_.Below(4) != 0;
        break;
    }
  }

  void Beats(std::size_t i) {
    if (now_ < hosts_[i].beat_at) return;
    hosts_[i].beat_at = now_ + kBeatEvery;
    if (!launcher_link_[i]) return;
    Host& host = hosts_[i];
    if (now_ - host.stream_at >= kF / 2) host.stream_since = now_;
    host.stream_at = host.heard_at = now_;
    host.newest = Clock(i);
    host.fence.Acknowledged(Clock(i), Clock(i));
  }
  // The launcher asks about the silent through one host at a time, and passes on what it has.
  void Relay(std::size_t i) {
    if (now_ - hosts_[i].heard_at < 1500ms || rng_.Below(20) != 0) return;
    const std::size_t by = rng_.Below(hosts_.size());
    if (by == i || !launcher_link_[by] || !Linked(by, i)) return;
    Host& host = hosts_[i];
    if (host.newest) host.fence.Acknowledged(Clock(i), *host.newest);
    host.heard_at = now_;
    host.newest = Clock(i);
  }
  void Counts(std::size_t i) {
    Fence::Step step = hosts_[i].fence.Tick(Clock(i), rng_);
    std::vector<Fence::Question> open = step.ask;
    while (true) {
      rounds_won += step.grew ? 1 : 0;
      if (open.empty()) return;
      const Fence::Question question = open.back();
      open.pop_back();
      const std::size_t j = static_cast<std::size_t>(std::stoi(question.peer.node.value.substr(1)));
      PingAnswer answer{.node = question.peer.node, .nonce = question.nonce};
      if (Linked(i, j)) {
        answer.finding = PeerFinding::alive;
        answer.pong = Pong{.nonce = question.nonce,
                           .node = question.peer.node,
                           .launcher_silent = !honest_ || hosts_[j].fence.LauncherSilent(Clock(j))};
      }
      step = hosts_[i].fence.Answered(Clock(i), answer);
      open.insert(open.end(), step.ask.begin(), step.ask.end());
    }
  }
  void Judge(std::size_t i) {
    Host& host = hosts_[i];
    fenced += host.fence.Lease() && !host.fence.Holds(Clock(i)) ? 1 : 0;
    const bool silent = now_ - host.heard_at > kNeeded;  // L1
    if (!silent) host.replaced = false;
    if (!silent || host.replaced) return;
    std::size_t heard = 0;  // L2
    for (const Host& other : hosts_)
      if (now_ - other.stream_at < kF / 2 && other.stream_since <= now_ - kNeeded) ++heard;
    if (2 * heard <= hosts_.size()) return;
    host.replaced = true;
    ++successors;
    if (host.fence.Holds(Clock(i)))
      unsafe = Cat("n", i, " is replaced at ", Show(now_.time_since_epoch()), " but may live for another ",
                   Show(*host.fence.Lease() - Clock(i)));
  }

  Rng rng_;
  bool honest_;
  std::vector<Host> hosts_{};
  std::vector<std::vector<bool>> links_{};
  std::vector<bool> launcher_link_;
  Time now_ = AtNanoseconds(0);
};

TEST(FenceModel, NoSuccessorStartsWhileALeaseHoldsWhateverTheLinksDo) {
  int successors = 0, rounds_won = 0, fenced = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    Cluster cluster(seed, 3 + seed % 5, true);
    cluster.Run(3min);
    ASSERT_EQ(cluster.unsafe, "") << "seed " << seed;
    successors += cluster.successors;
    rounds_won += cluster.rounds_won;
    fenced += cluster.fenced;
  }
  EXPECT_GT(successors, 20) << "else the model proves nothing";
  EXPECT_GT(rounds_won, 50);
  EXPECT_GT(fenced, 50);
}

TEST(FenceModel, ItWouldNotHoldIfMembersThatHearTheLauncherCounted) {
  int unsafe = 0;
  for (std::uint64_t seed = 1; seed <= 40 && unsafe == 0; ++seed) {
    Cluster cluster(seed, 3 + seed % 5, false);
    cluster.Run(3min);
    unsafe += cluster.unsafe.empty() ? 0 : 1;
  }
  EXPECT_GT(unsafe, 0);
}

}  // namespace
}  // namespace everstep
