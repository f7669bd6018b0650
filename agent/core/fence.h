// The fence: until when the gangs of this host may live. The loop pushes the answer to every keeper; a keeper kills its gang at
// that time by itself, whether its agent lives or not (promise 2, exclusion, of the product).
//
//   lease = max over   s + F   for every beat of ours, sent at s, that the launcher acknowledged, directly or through a peer
//                      t + F   for every round of questions, begun at t, that reached more than half
//
// Rounds. An agent that has gangs and has heard nothing of the launcher for F/2 asks all members of the last membership it was
// told, in random order, at most 16 at a time. A member counts if it answers that it, too, has heard no launcher for F/2. With
// more than half of the membership (this host counted) the round succeeds and the next one begins F/4 after its start; a round
// that can no longer succeed ends at once, and the next begins no sooner than F/8 after its start. Alone in a membership of one
// is more than half.
//
// Why no second world starts while ours may live. The launcher starts a successor without proof of death only when
//   L1  the newest beat of this host that it has, however it came, was received more than 1.1 F + 0.5 s ago, and
//   L2  during all of that time at least half of the membership that this host was told of last was heard over streams of
//       their own with gaps shorter than F/2 less a beat period and a round trip, the same hosts all the time. (Half of it
//       at the moment of the decision is not enough: they may have come back just now. A beat that came through a peer does not
//       count here: its host learns of the acknowledgement one question later. The margin is for an agent that is stuck between
//       a beat and its acknowledgement.)
// Let two boot clocks run at rates that differ by less than 4 % (crystals: 0.01 %; the kernel slews by 0.05 % at most).
//   By acknowledgement: every acknowledged beat was received by the launcher, at or after s, and not after the newest one that
//   it has. So s + F on our clock lies before newest receipt + 1.1 F on the launcher's. 0.5 s is left for the keeper's timer
//   to be late and for SIGKILL to do its work.
//   By a round: suppose t + F lies after the moment T of L1 and L2. Then the whole round lies within the span of L2. More
//   than half and half of one membership share a host P, and P is not this one, which was silent. P was heard and acknowledged
//   all the time and yet told us that it had no launcher for F/2: a contradiction. This is why a member that hears the launcher
//   must not count: it could reach us and the launcher both, while none of the few peers that the launcher asks about us can.
// Assumed: who is heard over its stream also gets the acknowledgements on it (a TCP stream with one dead
// direction dies whole), and keepers run. A frozen host runs nothing: CLOCK_BOOTTIME goes on, so its keepers fire first thing
// when it thaws. What the kernel cannot kill (D state) outlives its lease: registered checkpoints are safe from it by
// promise 3. tests/agent/core/fence_model_test.cc tries all this under random links and clock rates.
//
// Pure: time is an argument. Cost: O(1) a call, O(members) for the start of a round.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/messages.h"
#include "base/rng.h"
#include "base/seam/links.h"
#include "base/time.h"

namespace everstep {

class Fence {
 public:
  // `started`: when this agent did. An earlier incarnation may have heard the launcher just before.
  Fence(NodeId self, Time started) : self_(std::move(self)), started_(started) {}

  // As last told by the launcher (or remembered from that). `peers`: all members, this host too.
  void Told(Duration fence_after, std::vector<Peer> peers);
  // The same peers as before.
  void Told(Duration fence_after);

  // The launcher has our beat that was sent at `sent`. True when the lease grew. A time to come is not ours: ignored.
  bool Acknowledged(Time now, Time sent);

  // No acknowledged beat is younger than F/2, nor this agent itself.
  bool LauncherSilent(Time now) const;

  // Until when gangs may live; nullopt: nothing known yet (keepers keep what an earlier agent told them).
  std::optional<Time> Lease() const { return lease_; }
  bool Holds(Time now) const { return lease_ && now < *lease_; }

  struct Question {
    Peer peer{};
    std::uint64_t nonce = 0;
  };
  struct Step {
    std::vector<Question> ask{};  // to be sent now, each with Patience()
    bool grew = false;            // the lease
    bool launcher_heard = false;  // a peer hears the launcher: it is worth trying again now
    std::string why{};            // a round has ended: how; else empty
  };
  // Begins a round when one is due. Called only while there are gangs to keep alive.
  Step Tick(Time now, Rng& rng);
  // Answers that belong to no open question change nothing.
  Step Answered(Time now, const PingAnswer& answer);
  // When Tick is next due.
  std::optional<Time> Deadline() const;

  // How long one question may take.
  Duration Patience() const;
  std::optional<Duration> fence_after() const { return fence_after_; }

 private:
  struct Round {
    Time began{};
    std::uint64_t nonce = 0;
    std::vector<Peer> unasked{};
    std::set<NodeId> open{};
    std::size_t reached = 0;
  };
  void Ask(Step& step);
  // Ends the round if it is decided.
  void Judge(Time now, Step& step);
  bool Grow(Time until);

  NodeId self_;
  Time started_;
  std::optional<Duration> fence_after_{};
  std::vector<Peer> peers_{};
  std::optional<Time> acknowledged_{};  // sending time of our newest beat that the launcher has
  std::optional<Time> lease_{};
  std::optional<Round> round_{};
  std::optional<Time> round_not_before_{};
};

}  // namespace everstep
