// The failure detector: who is silent, for how long, and what others found when they looked. A pure state machine: it is told
// of every beat, lost session and peer answer with the time it came, and returns what it wants asked and what it concludes.
//
//   trusted --silence > suspect_after, or its session broke--> suspect: ask the launcher's own fresh connection and three
//   peers, suspect --any beat, direct or relayed--> trusted           again every second, and everybody before the end suspect
//   --silence > lost_after, and somebody got nothing--> lost suspect --the host answers "agent down"--> waits agent_return for
//   the agent to come back, then lost lost    --a new session--> trusted (the launcher decides what the host may do)
//
// A peer that got nothing is evidence; a peer that did not answer is none. "Agent down" counts until others have got nothing
// for two rounds. Without any peer to ask, silence past lost_after must do. Lateness of the launcher itself is subtracted
// (ForgiveLateness): slow observers are the main cause of false alarms (Dadgar et al., Lifeguard, DSN 2018). Losing a host here
// never proves that its processes are dead: that is exclusion's work (launcher/core/exclusion.h).
//
// A question costs the launcher a connection, and many hosts may fall silent at once: not more than kAsksPerSecond are asked,
// who has waited longest first. What is due after lost_after is in time for as many as can be asked between suspect_after and
// then.
//
// Cost: O(log N) a beat, O(1) a Deadline, O(due × log N) a tick.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/messages.h"
#include "base/time.h"

namespace everstep {

inline constexpr int kAsksPerSecond = 300;
inline constexpr int kAsksAtOnce = 128;

struct DetectorOptions {
  Duration suspect_after = 1500ms;
  Duration lost_after = 5s;
  Duration agent_return = 5s;    // its keepers have ended its gangs by then (fence time): waiting longer would save nothing
  Duration ask_every = 1s;       // while suspect
  Duration ask_all_before = 2s;  // of lost_after: from here on everybody is asked, not three
};

EVERSTEP_ENUM(Trust, trusted, suspect, lost)

// What somebody found out about a suspect, newest per asker.
struct Opinion {
  NodeId by{};  // empty: the launcher itself
  PeerFinding finding = PeerFinding::nothing;
  std::string evidence{};
  Time at{};
};

// Please ask about `suspect` with `nonce`: the launcher itself over a fresh connection, and peers: three, or everybody.
struct AskAbout {
  NodeId suspect{};
  std::uint64_t nonce = 0;
  bool everybody = false;
};

// A change of mind. `why` is one sentence with the evidence.
struct TrustChanged {
  NodeId node{};
  Trust trust = Trust::trusted;
  std::string why{};
};

struct DetectorOutput {
  std::vector<AskAbout> ask{};
  std::vector<TrustChanged> changed{};
};

class FailureDetector {
 public:
  explicit FailureDetector(DetectorOptions options) : options_(options) {}

  // `node` is watched from now on, as if it had beaten now, and not found lost before `not_lost_before`.
  void Watch(const NodeId& node, Time now, Time not_lost_before);
  void Forget(const NodeId& node);

  // A beat arrived, over its session or relayed by somebody who asked the host itself. An older beat than the newest known (by
  // incarnation, then sequence) proves nothing and changes nothing.
  DetectorOutput Heard(const NodeId& node, Time now, const Beat& beat);
  // The session ended: not evidence of death, but a reason to look at once.
  DetectorOutput SessionLost(const NodeId& node, Time now, const std::string& why);
  // Somebody's finding; counted only if `nonce` belongs to the current suspicion. alive comes with the beat and counts as one.
  DetectorOutput Found(const NodeId& node, std::uint64_t nonce, const Opinion& opinion, const std::optional<Beat>& beat);
  // Time has passed. REQUIRES: now does not go back.
  DetectorOutput Tick(Time now);
  // The caller was `late` (its loop was stuck): silence in that time is the caller's own.
  void ForgiveLateness(Duration late);

  // When Tick can next conclude something; nullopt: nobody is watched.
  std::optional<Time> Deadline() const;

  Trust TrustIn(const NodeId& node) const;
  // When the newest beat arrived; nullopt: not watched, or nothing heard since Watch.
  std::optional<Time> HeardAt(const NodeId& node) const;
  // Since when nothing has been heard: HeardAt, or the time of Watch. Later than the truth, never earlier. nullopt: not
  // watched.
  std::optional<Time> SilentSince(const NodeId& node) const;
  // Beat::sent of the newest beat: to be acknowledged through whoever reaches the host.
  std::optional<Time> NewestSent(const NodeId& node) const;
  std::vector<Opinion> Opinions(const NodeId& node) const;

 private:
  struct Host {
    Time silent_since{};
    Time not_lost_before{};
    std::optional<Time> heard_at{};
    std::optional<Beat> beat{};
    Trust trust = Trust::trusted;
    std::string session_lost{};  // why; empty: not lost since the last beat
    std::uint64_t nonce = 0;     // of the current suspicion's newest question
    std::uint64_t nonce_first = 0;
    std::optional<Time> asked_at{};
    std::optional<Time> asked_first{};  // of the current suspicion
    std::map<NodeId, Opinion> opinions{};
    Time ask_due{};                     // as listed; while suspect
    std::optional<Time> verdict_due{};  // likewise; nullopt: time alone changes nothing any more
  };

  // What Deadline and Tick look at, instead of all hosts: around every change of what a host is listed by.
  void Enlist(const NodeId& node, Host& host);
  void Strike(const NodeId& node, const Host& host);
  Time JudgedFrom(const Host& host) const;
  Time SlotAt() const;
  std::set<NodeId> Due(Time now) const;
  DetectorOutput Suspect(const NodeId& node, Host& host, Time now, std::string why);
  void Ask(const NodeId& node, Host& host, Time now, DetectorOutput& out);
  void Judge(const NodeId& node, Host& host, Time now, DetectorOutput& out);

  DetectorOptions options_;
  std::map<NodeId, Host> hosts_;
  std::set<std::pair<Time, NodeId>> trusted_{};   // by silent_since
  std::set<std::pair<Time, NodeId>> asks_{};      // suspects, by when they are to be asked about
  std::set<std::pair<Time, NodeId>> verdicts_{};  // suspects, by when time may tell that they are lost
  Time slots_until_{};                            // questions so far, at their pace, last until here
  std::uint64_t last_nonce_ = 0;
  Time ticked_at_{};
};

// Why a host silent for `silence` with these opinions is lost, or nullopt while it may not be concluded. Pure.
std::optional<std::string> LostBecause(const DetectorOptions& options, Duration silence, const std::vector<Opinion>& opinions);

}  // namespace everstep
