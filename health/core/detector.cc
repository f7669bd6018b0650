#include "health/core/detector.h"

#include <algorithm>

#include "base/text.h"

namespace everstep {

namespace {

bool Newer(const Beat& a, const Beat& b) {
  return a.incarnation != b.incarnation ? a.incarnation > b.incarnation : a.seq > b.seq;
}

constexpr Duration kSlot = Duration(1s) / kAsksPerSecond;

std::string By(const Opinion& opinion) { return opinion.by.empty() ? "the launcher" : opinion.by.value; }

void Append(DetectorOutput& to, DetectorOutput from) {
  std::move(from.ask.begin(), from.ask.end(), std::back_inserter(to.ask));
  std::move(from.changed.begin(), from.changed.end(), std::back_inserter(to.changed));
}

}  // namespace

std::optional<std::string> LostBecause(const DetectorOptions& options, Duration silence, const std::vector<Opinion>& opinions) {
  if (silence < options.lost_after) return std::nullopt;
  Time newest_nothing{};
  for (const Opinion& opinion : opinions)
    if (opinion.finding == PeerFinding::nothing) newest_nothing = std::max(newest_nothing, opinion.at);
  std::uint64_t peers = 0, peers_nothing = 0;
  const Opinion* agent_down = nullptr;
  for (const Opinion& opinion : opinions) {
    // A kernel that answered once may have died since: its last word does not outlive two rounds of silence.
    const bool outlived = opinion.finding == PeerFinding::agent_down && newest_nothing - opinion.at >= 2 * options.ask_every;
    if (outlived) continue;
    peers += opinion.by.empty() ? 0 : 1;
    if (opinion.finding == PeerFinding::agent_down && (!agent_down || opinion.at > agent_down->at)) agent_down = &opinion;
    if (opinion.finding == PeerFinding::nothing && !opinion.by.empty()) ++peers_nothing;
  }
  if (agent_down) {
    if (silence < options.agent_return) return std::nullopt;
    return Cat("its agent has been down for ", Show(silence), " (host up: ", agent_down->evidence, ", seen by ",
               By(*agent_down), ")");
  }
  if (peers == 0) return Cat("silent for ", Show(silence), ", and no peer could be asked");
  if (peers_nothing == 0) return std::nullopt;
  return Cat("silent for ", Show(silence), ", and ", peers_nothing, " of ", Count(peers, "peer"),
             " asked got no answer from it");
}

void FailureDetector::Watch(const NodeId& node, Time now, Time not_lost_before) {
  Host host;
  host.silent_since = now;
  host.not_lost_before = not_lost_before;
  Forget(node);
  Enlist(node, hosts_[node] = std::move(host));
}

void FailureDetector::Forget(const NodeId& node) {
  const auto it = hosts_.find(node);
  if (it == hosts_.end()) return;
  Strike(node, it->second);
  hosts_.erase(it);
}

void FailureDetector::Enlist(const NodeId& node, Host& host) {
  if (host.trust == Trust::trusted) trusted_.emplace(host.silent_since, node);
  if (host.trust != Trust::suspect) return;
  host.ask_due = host.asked_at ? *host.asked_at + options_.ask_every : host.silent_since;
  asks_.emplace(host.ask_due, node);
  host.verdict_due.reset();
  for (const Duration d : {options_.lost_after, options_.agent_return}) {
    if (!host.asked_first) break;
    const Time judged = std::max(host.silent_since + d, JudgedFrom(host));
    if (judged > ticked_at_ && (!host.verdict_due || judged < *host.verdict_due)) host.verdict_due = judged;
  }
  if (host.verdict_due) verdicts_.emplace(*host.verdict_due, node);
}

void FailureDetector::Strike(const NodeId& node, const Host& host) {
  if (host.trust == Trust::trusted) trusted_.erase({host.silent_since, node});
  if (host.trust != Trust::suspect) return;
  asks_.erase({host.ask_due, node});
  if (host.verdict_due) verdicts_.erase({*host.verdict_due, node});
}

// REQUIRES: it was asked about. That nobody could be asked, or nobody has answered yet, may be this launcher's own doing.
Time FailureDetector::JudgedFrom(const Host& host) const {
  return std::max(host.not_lost_before, *host.asked_first + options_.ask_every);
}

// When the next question may be asked.
Time FailureDetector::SlotAt() const { return slots_until_ - (kAsksAtOnce - 1) * kSlot; }

DetectorOutput FailureDetector::Heard(const NodeId& node, Time now, const Beat& beat) {
  DetectorOutput out;
  const auto it = hosts_.find(node);
  if (it == hosts_.end()) return out;
  Host& host = it->second;
  if (host.beat && !Newer(beat, *host.beat)) return out;
  const Duration silence = now - host.silent_since;
  const bool was_trusted = host.trust == Trust::trusted;
  Strike(node, host);
  host.beat = beat;
  host.heard_at = now;
  host.silent_since = now;
  host.session_lost.clear();
  host.trust = Trust::trusted;
  Enlist(node, host);
  if (was_trusted) return out;
  host.opinions.clear();
  host.asked_at.reset();
  out.changed.push_back({node, Trust::trusted, Cat(node, " is heard again after ", Show(silence))});
  return out;
}

DetectorOutput FailureDetector::SessionLost(const NodeId& node, Time now, const std::string& why) {
  const auto it = hosts_.find(node);
  if (it == hosts_.end() || it->second.trust != Trust::trusted) return {};
  it->second.session_lost = why;
  return Suspect(node, it->second, now, Cat(node, " is suspect: its session ended (", why, ")"));
}

DetectorOutput FailureDetector::Found(const NodeId& node, std::uint64_t nonce, const Opinion& opinion,
                                      const std::optional<Beat>& beat) {
  DetectorOutput out;
  const auto it = hosts_.find(node);
  if (it == hosts_.end()) return out;
  Host& host = it->second;
  if (opinion.finding == PeerFinding::alive && beat) Append(out, Heard(node, opinion.at, *beat));
  if (host.trust != Trust::suspect || nonce < host.nonce_first || nonce > host.nonce) return out;
  host.opinions[opinion.by] = opinion;
  Judge(node, host, opinion.at, out);
  return out;
}

// By name, so that what follows does not depend on who was silent first. Of those to be asked about no more than may be.
std::set<NodeId> FailureDetector::Due(Time now) const {
  std::set<NodeId> due;
  for (auto it = trusted_.begin(); it != trusted_.end() && now - it->first >= options_.suspect_after; ++it)
    due.insert(it->second);
  auto slots = (now - std::max(SlotAt(), now - kAsksAtOnce * kSlot)) / kSlot + 1;
  for (auto it = asks_.begin(); it != asks_.end() && it->first <= now && slots > 0; ++it, --slots) due.insert(it->second);
  for (auto it = verdicts_.begin(); it != verdicts_.end() && it->first <= now; ++it) due.insert(it->second);
  return due;
}

DetectorOutput FailureDetector::Tick(Time now) {
  DetectorOutput out;
  const std::set<NodeId> due = Due(now);
  ticked_at_ = now;
  for (const NodeId& node : due) {
    Host& host = hosts_.at(node);
    if (host.trust == Trust::trusted) {
      Append(out, Suspect(node, host, now, Cat(node, " is suspect: silent for ", Show(now - host.silent_since))));
      continue;
    }
    Strike(node, host);
    Ask(node, host, now, out);
    Enlist(node, host);
    Judge(node, host, now, out);
  }
  return out;
}

DetectorOutput FailureDetector::Suspect(const NodeId& node, Host& host, Time now, std::string why) {
  DetectorOutput out;
  Strike(node, host);
  host.trust = Trust::suspect;
  host.opinions.clear();
  host.asked_at.reset();
  host.asked_first.reset();
  host.nonce_first = last_nonce_ + 1;
  out.changed.push_back({node, Trust::suspect, std::move(why)});
  Ask(node, host, now, out);
  Enlist(node, host);
  return out;
}

// If it is time to, and not too many others were asked about just now.
void FailureDetector::Ask(const NodeId& node, Host& host, Time now, DetectorOutput& out) {
  if ((host.asked_at && now - *host.asked_at < options_.ask_every) || now < SlotAt()) return;
  slots_until_ = std::max(slots_until_, now) + kSlot;
  host.asked_at = now;
  if (!host.asked_first) host.asked_first = now;
  host.nonce = ++last_nonce_;
  const bool few = asks_.size() <= std::size_t{kAsksAtOnce};
  const bool everybody = few && now - host.silent_since >= options_.lost_after - options_.ask_all_before;
  out.ask.push_back({node, host.nonce, everybody});
}

void FailureDetector::Judge(const NodeId& node, Host& host, Time now, DetectorOutput& out) {
  if (!host.asked_first || now < JudgedFrom(host)) return;
  const auto why = LostBecause(options_, now - host.silent_since, Opinions(node));
  if (!why) return;
  Strike(node, host);
  host.trust = Trust::lost;
  out.changed.push_back({node, Trust::lost, Cat(node, " is lost: ", *why)});
}

void FailureDetector::ForgiveLateness(Duration late) {
  trusted_.clear();
  asks_.clear();
  verdicts_.clear();
  for (auto& [node, host] : hosts_) {
    host.silent_since += late;
    Enlist(node, host);
  }
}

std::optional<Time> FailureDetector::Deadline() const {
  std::optional<Time> next;
  const auto consider = [&next](Time t) { next = next ? std::min(*next, t) : t; };
  if (!trusted_.empty()) consider(trusted_.begin()->first + options_.suspect_after);
  if (!asks_.empty()) consider(std::max(asks_.begin()->first, SlotAt()));
  if (!verdicts_.empty()) consider(verdicts_.begin()->first);
  return next;
}

Trust FailureDetector::TrustIn(const NodeId& node) const {
  const auto it = hosts_.find(node);
  return it == hosts_.end() ? Trust::lost : it->second.trust;
}
std::optional<Time> FailureDetector::HeardAt(const NodeId& node) const {
  const auto it = hosts_.find(node);
  return it == hosts_.end() ? std::nullopt : it->second.heard_at;
}
std::optional<Time> FailureDetector::SilentSince(const NodeId& node) const {
  const auto it = hosts_.find(node);
  if (it == hosts_.end()) return std::nullopt;
  return it->second.silent_since;
}
std::optional<Time> FailureDetector::NewestSent(const NodeId& node) const {
  const auto it = hosts_.find(node);
  if (it == hosts_.end() || !it->second.beat) return std::nullopt;
  return it->second.beat->sent;
}
std::vector<Opinion> FailureDetector::Opinions(const NodeId& node) const {
  std::vector<Opinion> opinions;
  const auto it = hosts_.find(node);
  if (it == hosts_.end()) return opinions;
  for (const auto& [by, opinion] : it->second.opinions) opinions.push_back(opinion);
  return opinions;
}

}  // namespace everstep
