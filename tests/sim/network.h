// Links between machines, and TCP as far as it shows: what is sent on a connection arrives once and in order, or the connection
// ends. A cut link is not told to anyone: data waits, is tried again after growing pauses, and arrives after the link is
// healed. A machine that has lost its power answers nothing; one that is back answers old connections with a reset.
//
// Not modelled: bandwidth, windows (but see Pipe on one-way cuts).
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/rng.h"
#include "tests/sim/agenda.h"
#include "tests/sim/machine.h"

namespace everstep::sim {

// How packets travel while nothing is cut. Chances are per message and direction.
struct Weather {
  Duration delay_min = 100us;
  Duration delay_jitter = 400us;  // uniform, on top
  double loss = 0;                // seen as a retransmission: 200 ms, 400 ms, …
  double stall = 0;               // a message that waits for up to stall_max
  Duration stall_max{0};
  Duration linger{0};  // what is on its way when a connection is closed arrives up to this much later
};

class Network {
 public:
  Network(Agenda& agenda, Rng rng, std::vector<std::unique_ptr<Machine>>& machines)
      : agenda_(agenda),
        rng_(rng),
        machines_(machines),
        cut_(machines.size(), std::vector<int>(machines.size(), 0)),
        torn_(cut_),
        late_(machines.size(), std::vector<Duration>(machines.size(), Duration(0))),
        clogged_(machines.size(), std::vector<Time>(machines.size())) {}

  ~Network();  // what is still on its way holds its connection, and is held by it
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  Weather weather{};

  // One direction. Cuts count: a link that was cut twice needs healing twice.
  void Cut(int from, int to) { ++cut_[At(from)][At(to)]; }
  void Heal(int from, int to) { --cut_[At(from)][At(to)]; }
  void HealAll() {
    for (auto& row : cut_) std::fill(row.begin(), row.end(), 0);
    for (auto& row : torn_) std::fill(row.begin(), row.end(), 0);
    for (auto& row : late_) std::fill(row.begin(), row.end(), Duration(0));
    for (auto& row : clogged_) std::fill(row.begin(), row.end(), Time{});
  }
  // The ranks' own network between two hosts, both ways: the control plane does not use it.
  void CutFabric(int a, int b, int by) {
    torn_[At(a)][At(b)] += by;
    torn_[At(b)][At(a)] += by;
  }
  // What is sent from `from` to `to` waits until then, and arrives.
  void Clog(int from, int to, Time until) { clogged_[At(from)][At(to)] = std::max(clogged_[At(from)][At(to)], until); }
  // Everything on this way takes so much longer, until it is set to 0.
  void SetLate(int from, int to, Duration late) { late_[At(from)][At(to)] = late; }
  Duration Late(int from, int to) const { return late_[At(from)][At(to)]; }
  Time ClogUntil(int from, int to) const { return clogged_[At(from)][At(to)]; }

  // A packet sent now would arrive.
  bool Passes(int from, int to) const { return cut_[At(from)][At(to)] <= 0 && machine(from).Runs() && machine(to).Runs(); }
  // Ranks on these hosts reach each other.
  bool Joined(int a, int b) const { return a == b || (Passes(a, b) && Passes(b, a) && torn_[At(a)][At(b)] <= 0); }
  void Opened(std::weak_ptr<class Pipe> pipe) { pipes_.push_back(std::move(pipe)); }
  // Of one message, with its retransmissions.
  Duration Delay();
  Duration Linger() { return rng_.Jitter(weather.linger); }
  Agenda& agenda() { return agenda_; }
  const Machine& machine(int index) const { return *machines_[At(index)]; }

 private:
  static std::size_t At(int index) { return static_cast<std::size_t>(index); }
  Agenda& agenda_;
  Rng rng_;
  std::vector<std::unique_ptr<Machine>>& machines_;
  std::vector<std::vector<int>> cut_, torn_;
  std::vector<std::vector<Duration>> late_;
  std::vector<std::vector<Time>> clogged_;
  std::vector<std::weak_ptr<class Pipe>> pipes_{};
};

// One direction of a connection. When the way back is cut, acknowledgements are lost: the sender repeats what it has sent and
// sends nothing new, so one message more arrives and then none.
class Pipe : public std::enable_shared_from_this<Pipe> {
 public:
  Pipe(Network& network, int from, int to) : network_(network), from_(from), to_(to) {}
  void Send(std::function<void()> arrive);
  // The connection was closed: what is on its way may come late, after the next connection's first words.
  void Linger();
  // Nothing more arrives.
  void Clear() {
    queue_.clear();
    cleared_ = true;
  }

 private:
  struct Packet {
    Time ready{};
    std::function<void()> arrive{};
    bool flying = false;  // on a long way: it arrives whatever becomes of acknowledgements
  };
  void Pump();
  void PumpAt(Time when);

  Network& network_;
  int from_, to_;
  std::deque<Packet> queue_{};
  bool opened_ = false;
  bool pumping_ = false;
  bool unacknowledged_ = false;
  bool cleared_ = false;
  Duration pause_{0};
};

// A connection between a process on machine `a`, which opened it, and one on machine `b`.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  // What a process hears. `closed` is called at most once, and not for an end that was closed by its own process.
  struct End {
    std::function<void(const std::string& why)> closed{};
    bool open = true;
  };
  Connection(Network& network, int from, int to)
      : up_(std::make_shared<Pipe>(network, from, to)), down_(std::make_shared<Pipe>(network, to, from)) {}

  End a{}, b{};

  void SendToB(std::function<void()> arrive) { Send(*up_, b, *down_, a, std::move(arrive)); }
  void SendToA(std::function<void()> arrive) { Send(*down_, a, *up_, b, std::move(arrive)); }
  // The process at that end closes it, or dies: the other end is told as soon as a packet gets through.
  void CloseA(const std::string& why) { Close(a, *up_, b, why); }
  void CloseB(const std::string& why) { Close(b, *down_, a, why); }
  // The machine of that end is gone: nobody is told.
  void VanishA() { Vanish(a, *up_); }
  void VanishB() { Vanish(b, *down_); }

 private:
  void Send(Pipe& pipe, End& to, Pipe& back, End& from, std::function<void()> arrive);
  void Close(End& own, Pipe& pipe, End& other, const std::string& why);
  static void Vanish(End& own, Pipe& pipe) {
    own.open = false;
    pipe.Clear();
  }
  std::shared_ptr<Pipe> up_, down_;
};

}  // namespace everstep::sim
