// An agent's end of the stream, with a launcher of few words behind it: it welcomes, acknowledges and notes what it was told,
// as far as the story lets it. Peers answer pings as the story says.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/seam/links.h"

namespace everstep {

class FakeLauncherLink : public LauncherLink {
 public:
  using Input = std::variant<LinkOpened, LinkMessage, LinkClosed, PingAnswer>;
  using Post = std::function<void(Input)>;
  explicit FakeLauncherLink(Post post) : post_(std::move(post)) {}

  // ---- the launcher --------------------------------------------------------------------------------------------------------
  bool reachable = true;  // opening works
  bool silent = false;    // the stream stands, but nothing comes back (link cut, launcher frozen)
  bool acks_beats = true;
  bool acks_reports = true;
  Welcome welcome{.epoch = Epoch(1), .index = LogIndex(1), .beat_every = 500ms, .fence_after = 4s, .membership = 1};
  std::optional<Rejected> rejection{};  // instead of the welcome
  std::vector<Hello> hellos{};
  std::vector<Beat> beats{};
  std::vector<Report> reports{};  // those in hellos too
  std::vector<PeerAnswer> peer_answers{};
  std::vector<DrillRefused> drills_refused{};
  int opens = 0;
  int closes = 0;

  void Say(ToAgent message) {
    if (open_ && !silent) post_(LinkMessage{std::move(message)});
  }
  // The stream breaks, with a sign (FIN, RST).
  void Break(const std::string& why) {
    if (std::exchange(open_, false)) post_(LinkClosed{why});
  }

  // ---- peers ---------------------------------------------------------------------------------------------------------------
  struct PeerState {
    PeerFinding finding = PeerFinding::alive;
    bool launcher_silent = true;
    bool answers = true;  // false: not even "nothing" comes back
  };
  std::map<NodeId, PeerState> peers{};  // unknown ones do not answer: "nothing"
  std::vector<std::pair<NodeId, Ping>> asked{};
  std::vector<std::pair<std::uint64_t, std::optional<Pong>>> answered{};

  // ---- LauncherLink --------------------------------------------------------------------------------------------------------
  void Open() override {
    ++opens;
    open_ = reachable;
    if (reachable)
      post_(LinkOpened{});
    else
      post_(LinkClosed{"connection refused"});
  }
  void Close() override {
    ++closes;
    open_ = false;
    post_(LinkClosed{"closed by this agent"});
  }
  void Send(FromAgent message) override {
    if (open_ && !silent) std::visit([this](auto& m) { Got(m); }, message);
  }
  void Ask(const NodeId& node, const std::string&, const Ping& ping, Duration) override {
    asked.emplace_back(node, ping);
    const auto found = peers.find(node);
    const PeerState state = found == peers.end() ? PeerState{.finding = PeerFinding::nothing} : found->second;
    if (!state.answers) return;
    PingAnswer answer{.node = node, .nonce = ping.nonce, .finding = state.finding, .pong = {}, .evidence = "as the story says"};
    if (state.finding == PeerFinding::alive)
      answer.pong =
          Pong{.nonce = ping.nonce, .node = node, .beat = {.seq = Sequence(7)}, .launcher_silent = state.launcher_silent};
    post_(std::move(answer));
  }
  void Answer(std::uint64_t token, std::optional<Pong> pong) override { answered.emplace_back(token, std::move(pong)); }

 private:
  void Got(Hello& hello) {
    reports.push_back(hello.report);
    const Sequence seq = hello.report.seq;
    hellos.push_back(std::move(hello));
    if (rejection) {
      Say(*rejection);
      return Break("closed by the launcher");
    }
    Say(welcome);
    if (acks_reports) Say(ReportAck{.epoch = welcome.epoch, .seq = seq, .index = welcome.index});
  }
  void Got(Beat& beat) {
    beats.push_back(beat);
    if (acks_beats) Say(BeatAck{.epoch = welcome.epoch, .seq = beat.seq, .sent = beat.sent, .index = welcome.index});
  }
  void Got(Report& report) {
    const Sequence seq = report.seq;
    reports.push_back(std::move(report));
    if (acks_reports) Say(ReportAck{.epoch = welcome.epoch, .seq = seq, .index = welcome.index});
  }
  void Got(PeerAnswer& answer) { peer_answers.push_back(answer); }
  void Got(DrillRefused& refused) { drills_refused.push_back(refused); }

  Post post_;
  bool open_ = false;
};

}  // namespace everstep
