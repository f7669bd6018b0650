// One keeper as an agent sees it: connect, greet, follow its status, notice its death, bury what it left. A state machine that
// its owner polls and ticks; what happened comes out as KeeperEvents.
//
//   making ─► connecting ─► greeting ─► up ─► (connection lost: connecting again) ─► dead ─► burying ─► over
//                     └─► ending (closed its socket, or of no use and killed) ─► dead
//
// A keeper that cannot be spoken to, or does not obey a stop, is killed: nothing pushes its lease out any more, and only then
// can be seen that its ranks are gone.
//
// Thread: its owner's. Waits for nothing; what needs a disk (making the spool, reading the record) is done by the owner and
// comes in through Made, MakingFailed and RemainsRead.
#pragma once

#include <poll.h>

#include <optional>
#include <string>
#include <vector>

#include "agent/keeper/burial.h"
#include "agent/keeper/keeper_spawn.h"
#include "agent/keeper/line_socket.h"
#include "agent/keeper/spool.h"
#include "base/seam/processes.h"

namespace everstep {

class KeeperLink {
 public:
  enum class Step { making, connecting, greeting, up, ending, dead, burying, over };

  // Of a keeper that is being made; it must be up at `up_by`.
  static KeeperLink Launched(GangKey gang, std::string spool, Time up_by);
  // Of one that an earlier agent may have left.
  static KeeperLink Found(GangKey gang, std::string spool);

  Step step() const { return step_; }
  const std::string& spool() const { return spool_; }
  const KeeperStatus* last() const { return last_ ? &*last_ : nullptr; }  // what it said last

  void Made(SpawnedKeeper keeper);
  void MakingFailed(const Error& error);
  // The answer to step dead.
  void RemainsRead(Time now, const SpoolRemains& remains);

  void Send(Time now, ToKeeper message);

  void AddTo(std::vector<pollfd>& polled);
  void Take(Time now, const std::vector<pollfd>& polled);
  // Does what is due. Call after every Take and when Next() has come.
  void Tick(Time now);
  std::optional<Time> Next() const;

  // What happened since the last call.
  std::vector<KeeperEvent> TakeEvents();

 private:
  KeeperLink(GangKey gang, std::string spool) : gang_(std::move(gang)), spool_(std::move(spool)) {}

  void Connect(Time now);
  void Receive(Time now);
  void Understand(Time now, const std::string& line);
  void ConnectionLost(Time now);
  void Died();
  void GiveUp(std::string why);
  void LookAtGrave(Time now);
  void Say(KeeperEventKind kind, KeeperStatus status, std::string why);

  GangKey gang_;
  std::string spool_;
  Step step_ = Step::making;
  std::optional<Time> up_by_;  // set while a launched keeper is not up
  bool was_up_ = false;
  bool ours_ = false;  // a child of this process
  SpawnedKeeper keeper_;
  LineSocket socket_;
  std::vector<ToKeeper> waiting_;  // until greeted
  Time connect_at_{};
  Duration backoff_{0};
  std::string failure_;  // why it will never be up
  std::optional<KeeperStatus> last_;
  std::optional<Burial> burial_;
  std::string killed_why_;        // by this agent
  std::optional<Time> obeys_by_;  // it says by then that it stops
  bool started_ = false;          // of a dead keeper: ranks may have run
  std::string record_error_;      // of a dead keeper
  Time look_at_{};
  Time patience_ends_{};
  std::string stuck_said_;
  std::vector<KeeperEvent> events_;
  std::size_t first_ = 0;  // of our entries in `polled`
  bool polled_ = false;
};

}  // namespace everstep
