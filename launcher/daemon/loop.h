// The launcher's one loop: inputs in, decisions (launcher/core), facts to the journal, commands and replies out once they may
// be known.
//
//   input → Decide → facts → Apply at once, Append to the journal → Durable → what waited for it goes out
//
// Starts, acknowledgements and replies wait until what they rest on is durable; stops go at once. No thread, no lock, no clock
// of its own: time is an argument (CLOCK_BOOTTIME), the same class runs in production and in the simulator.
//
// Thread: one, the loop thread.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/rng.h"
#include "base/seam/clock.h"
#include "base/seam/links.h"
#include "health/core/detector.h"
#include "launcher/core/world.h"
#include "launcher/daemon/inputs.h"
#include "launcher/daemon/journal.h"
#include "launcher/daemon/options.h"
#include "launcher/daemon/site_hooks.h"

namespace everstep {

// Lines for the operator's log; level is "info", "warning" or "error".
using LogSink = std::function<void(std::string_view level, const std::string& line)>;

// The ways out of a launcher, owned by main.
struct LauncherRims {
  Clock& clock;
  AgentLinks& links;
  ApiReplies& replies;
  Journal& journal;
  SiteHooks& fences;
  LogSink log;
  // What is known of the ends of a gang's stderr on a host, by rank. Must not block. None: nothing is.
  std::function<std::vector<RankWords>(const NodeId& node, const GangKey& gang)> last_words{};
  // Ends the process at once, as SIGKILL does: for drills.
  std::function<void()> die = [] {};
};

// The epoch for a launcher that begins on this log: later than all that ever wrote there, by a distance that is drawn. So two
// launchers that begin on copies of one log do not take each other's word for their own (but once in kEpochsApart times).
inline constexpr std::uint64_t kEpochsApart = 1000;
Epoch NextEpoch(const Recovered& recovered, Rng& rng);

class LauncherLoop {
 public:
  LauncherLoop(LauncherOptions options, std::string version, LauncherRims rims, Rng rng);

  // Reads the log back, before the store is claimed: a log that this version does not know stays as it is. Errors: kInvalid.
  Status Replay(const Recovered& recovered);
  // Begins the epoch for which the store was claimed (Store::BeginEpoch). REQUIRES: Replay, once.
  void Begin(Time now, WallTime last_write, Epoch epoch);

  void Handle(Time now, LauncherInput input);
  // The same for many that have waited, but decided about once, as far as nothing is lost by that. What came before the
  // deadline has to come here before the tick.
  void HandleAll(Time now, std::deque<LauncherInput> inputs);
  void Tick(Time now);
  std::optional<Time> Deadline() const { return due_; }

  // The process has to end; why.
  bool Ended() const { return !fatal_.empty(); }
  const std::string& fatal() const { return fatal_; }

  const World& world() const { return world_; }  // for tests and the simulator

 private:
  struct Session {
    SessionId id{};
    std::string state_id{};
    Incarnation incarnation{};
    std::string peer{};
    std::uint64_t report_hash = 0;
    std::map<std::string, Time> sent{};  // commands on their way: key → when
    std::uint64_t welcomed = 0;          // version of the membership that was sent last; 0: none
    Duration beat_every{0};              // that was sent last
    std::uint64_t awaited = 0;           // version that it has once a beat comes F/2 after `awaited_since`; 0: none
    Time awaited_since{};
  };
  struct Follower {
    ListEvents query{};
    bool read = false;  // the rows of the past were sent
    LogIndex upto{};
    std::vector<EventView> early{};  // news that came before them
  };
  struct Watcher {
    JobId job{};
    std::optional<JobView> last{};
  };

  // loop.cc: the turn
  Now NowAt(Time now) const;
  std::optional<Time> NextDue() const;
  void Commit(const Facts& facts);
  void Settle();
  void SettleJobs();
  void Retouch(const Fact& fact);
  void SendCommands(const NodeId& node);
  void SendCommand(const NodeId& node, ToAgent command);
  void SendInSession(const NodeId& node, SessionId id, const ToAgent& command);
  void WhenDurable(std::function<void()> action);
  void BroadcastMembership();
  void StartFences(const Facts& facts);
  void StartRemedies(const Facts& facts);
  void RunFence(const NodeId& id, const BootId& boot);
  void MaybeCompact();
  void Halt(std::string why);

  // loop_agents.cc: sessions, beats, reports, detection
  void On(const SessionOpened& input);
  void On(const SessionMessage& input);
  void On(const SessionClosed& input);
  void On(const DialAnswer& input);
  void On(const HookDone& input);
  void OnBeat(const NodeId& node, Session& session, const Beat& beat);
  void OnReport(const NodeId& node, Session& session, const Report& report);
  void SettleReports();
  void CloseSession(const NodeId& node);
  std::string WhyRejected(const Hello& hello, bool& final) const;
  void HaltIfLater(const NodeId& node, Epoch obeyed);
  void Refuse(const SessionOpened& input, const std::string& why, bool final);
  void WarnOfRival(const NodeId& node, const Pong& pong);
  enum class Peers { told, left_out };
  std::shared_ptr<const Welcome> WelcomeWith(Peers peers);
  void SendWelcome(Session& session, Peers peers);
  std::set<NodeId> NodesWithGangs() const;
  bool HasGangs(const NodeId& node) const;
  void Take(const DetectorOutput& output);
  void Found(const NodeId& suspect, std::uint64_t nonce, Opinion opinion, std::optional<Beat> beat);
  std::vector<std::pair<SessionId, NodeId>> PeersToAsk();
  const std::set<NodeId>& GangOf(const NodeId& suspect);
  void Ask(const AskAbout& ask);
  void TakeLost(const NodeId& node, const std::string& why);
  void KeepLastWords(const NodeId& node);
  void RetryHeldEvictions();
  void SyncSilence(const NodeId& node);
  void ForgiveLateness(Time now);
  HostNow& Host(const NodeId& node) { return world_.hosts[node]; }

  // loop_api.cc: people
  void On(const ApiCall& input);
  void On(const ApiGone& input);
  void On(const HistoryRead& input);
  void On(const Durable& input);
  void On(const StoreFailed& input);
  void Answer(std::uint64_t token, const SubmitJob& request);
  void Answer(std::uint64_t token, const CancelJob& request);
  void Answer(std::uint64_t token, const GetJob& request);
  void Answer(std::uint64_t token, const ListJobs& request);
  void Answer(std::uint64_t token, const ExplainJob& request);
  void Answer(std::uint64_t token, const ListNodes& request);
  void Answer(std::uint64_t token, const GetNode& request);
  void Answer(std::uint64_t token, const ConfirmDead& request);
  void Answer(std::uint64_t token, const DrainNode& request);
  void Answer(std::uint64_t token, const UndrainNode& request);
  void Answer(std::uint64_t token, const ClearNode& request);
  void Answer(std::uint64_t token, const InjectFault& request);
  void Answer(std::uint64_t token, const KillLauncher& request);
  void Answer(std::uint64_t token, const ListIncidents& request);
  void Answer(std::uint64_t token, const ListEvents& request);
  void Answer(std::uint64_t token, const GetInfo& request);
  void Reply(std::uint64_t token, Result<ApiReply> reply, bool last = true);
  void ReplyWhenDurable(std::uint64_t token, ApiReply reply);
  void ShowWatchers();
  void ShowFollowers(const std::vector<HistoryRow>& rows);

  const LauncherOptions options_;
  const std::string version_;
  LauncherRims rims_;
  Rng rng_;
  World world_;
  FailureDetector detector_;

  Time now_{};              // of this turn, boot clock
  Time judged_at_{};        // now_, or the deadline that it has overrun: silence counts up to here
  std::size_t left_ = 0;    // inputs of this turn that are still to come
  Duration log_offset_{0};  // log time = boot clock + this
  LogIndex end_{};          // of the log, appended
  LogIndex durable_{};
  LogIndex compacted_{};
  std::optional<Time> due_{};                                      // what Deadline() says, until the next turn
  Time return_until_{};                                            // nobody is lost before
  std::deque<std::pair<LogIndex, std::function<void()>>> held_{};  // waits for durable_

  std::map<SessionId, NodeId> nodes_by_session_{};
  std::map<NodeId, Session> sessions_{};
  std::set<NodeId> touched_nodes_{};
  std::set<JobId> touched_jobs_{};
  std::set<NodeId> pending_{};  // have commands that are not obeyed yet
  std::optional<Time> resend_at_{};
  std::optional<Time> broadcast_at_{};
  std::uint64_t broadcast_membership_ = 0;
  std::pair<GangKey, std::set<NodeId>> gang_asked_{};  // that GangOf found last
  std::size_t members_ = 0;                            // of the version members_of_
  std::uint64_t members_of_ = 0;
  std::shared_ptr<const Welcome> welcome_{};               // as it was sent last, to as many as get the same
  std::shared_ptr<const Welcome> short_welcome_{};         // without peers; likewise
  std::vector<std::pair<SessionId, Sequence>> reports_{};  // taken in this turn, to be acknowledged once it has settled
  bool retry_evictions_ = false;                           // once all inputs of this turn are taken
  bool alarms_wait_ = false;                               // some alarm asks for more than may be done now
  std::optional<Time> health_due_{};                       // log time
  bool look_at_all_ = true;                                // hosts with alarms: what holds for one depends on the others
  bool settled_ = false;                                   // nothing has happened since SettleJobs found nothing to decide
  std::uint64_t last_command_ = 0;
  std::map<std::uint64_t, Follower> followers_{};
  std::map<std::uint64_t, Watcher> watchers_{};
  LogIndex recovered_end_{};  // of the log as it was found
  std::string halted_{};      // why nothing is decided any more; empty: all is well
  bool nearly_full_ = false;  // the store's disk
  std::set<Epoch> rivals_{};  // of earlier epochs, that were warned of
  Epoch superseded_by_{};     // 0: nobody
  std::string fatal_{};
};

}  // namespace everstep
