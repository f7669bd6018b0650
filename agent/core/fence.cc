#include "agent/core/fence.h"

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace everstep {

namespace {
constexpr std::size_t kOpenMax = 16;
}  // namespace

void Fence::Told(Duration fence_after, std::vector<Peer> peers) {
  fence_after_ = fence_after;
  peers_ = std::move(peers);
  round_.reset();  // its count was of another membership
  if (acknowledged_) Grow(*acknowledged_ + fence_after);
}

void Fence::Told(Duration fence_after) {
  fence_after_ = fence_after;
  if (acknowledged_) Grow(*acknowledged_ + fence_after);
}

bool Fence::Grow(Time until) {
  if (lease_ && until <= *lease_) return false;
  lease_ = until;
  return true;
}

bool Fence::Acknowledged(Time now, Time sent) {
  if (sent > now || (acknowledged_ && sent <= *acknowledged_)) return false;
  acknowledged_ = sent;
  if (!fence_after_) return false;
  return Grow(sent + *fence_after_);
}

bool Fence::LauncherSilent(Time now) const {
  const Time heard = std::max(acknowledged_.value_or(started_), started_);
  return now - heard >= fence_after_.value_or(4s) / 2;
}

Duration Fence::Patience() const { return std::min<Duration>(700ms, fence_after_.value_or(4s) / 5); }

std::optional<Time> Fence::Deadline() const {
  if (!fence_after_ || peers_.empty()) return std::nullopt;
  if (round_) return round_->began + *fence_after_;
  const Time silent = acknowledged_ ? *acknowledged_ + *fence_after_ / 2 : started_;
  return std::max(silent, round_not_before_.value_or(silent));
}

Fence::Step Fence::Tick(Time now, Rng& rng) {
  Step step;
  const std::optional<Time> due = Deadline();
  if (!due || now < *due) return step;
  Round round{.began = now, .nonce = rng.Next()};
  for (const Peer& peer : peers_) {
    if (peer.node == self_)
      round.reached = 1;
    else
      round.unasked.push_back(peer);
  }
  for (std::size_t i = round.unasked.size(); i > 1; --i) std::swap(round.unasked[i - 1], round.unasked[rng.Below(i)]);
  round_ = std::move(round);
  Judge(now, step);
  Ask(step);
  return step;
}

void Fence::Ask(Step& step) {
  while (round_ && !round_->unasked.empty() && round_->open.size() < kOpenMax) {
    round_->open.insert(round_->unasked.back().node);
    step.ask.push_back({.peer = std::move(round_->unasked.back()), .nonce = round_->nonce});
    round_->unasked.pop_back();
  }
}

Fence::Step Fence::Answered(Time now, const PingAnswer& answer) {
  Step step;
  if (!round_ || answer.nonce != round_->nonce || round_->open.erase(answer.node) == 0) return step;
  const bool itself = answer.finding == PeerFinding::alive && answer.pong && answer.pong->node == answer.node &&
                      answer.pong->nonce == answer.nonce;
  if (itself && answer.pong->launcher_silent) ++round_->reached;
  step.launcher_heard = itself && !answer.pong->launcher_silent;
  Judge(now, step);
  Ask(step);
  return step;
}

void Fence::Judge(Time now, Step& step) {
  const std::size_t needed = peers_.size() / 2 + 1;
  const std::string count = Cat(round_->reached, " of ", peers_.size(), " hosts, this one counted, are without a launcher");
  if (round_->reached >= needed) {
    step.grew = Grow(round_->began + *fence_after_);
    step.why = Cat("the gangs live on: ", count, " and reach each other");
    round_not_before_ = round_->began + *fence_after_ / 4;
    round_.reset();
  } else if (round_->reached + round_->open.size() + round_->unasked.size() < needed) {
    step.why = Cat("no majority: at most ", count, " and reachable, ", needed, " are needed");
    round_not_before_ = std::max(now, round_->began + *fence_after_ / 8);
    round_.reset();
  }
}

}  // namespace everstep
