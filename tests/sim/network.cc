#include "tests/sim/network.h"

#include <algorithm>
#include <utility>

namespace everstep::sim {

namespace {

constexpr Duration kFirstPause = 200ms;  // Linux's smallest retransmission time-out
constexpr Duration kLongestPause = 30s;  // its largest is 120 s; gRPC's keepalive gives up before

}  // namespace

Network::~Network() {
  for (const auto& weak : pipes_)
    if (const auto pipe = weak.lock()) pipe->Clear();
}

Duration Network::Delay() {
  Duration delay = weather.delay_min + rng_.Jitter(weather.delay_jitter);
  for (Duration pause = kFirstPause; weather.loss > 0 && rng_.Unit() < weather.loss && pause < kLongestPause; pause *= 2)
    delay += pause;
  if (weather.stall > 0 && rng_.Unit() < weather.stall) delay += rng_.Jitter(weather.stall_max);
  return delay;
}

void Pipe::Send(std::function<void()> arrive) {
  if (cleared_) return;
  if (!std::exchange(opened_, true)) network_.Opened(weak_from_this());
  const Duration late = network_.Late(from_, to_);
  queue_.push_back({network_.agenda().now() + network_.Delay() + late, std::move(arrive), late > Duration(0)});
  if (!pumping_) PumpAt(queue_.front().ready);
}

void Pipe::Linger() {
  if (!queue_.empty()) queue_.front().ready += network_.Linger();  // the others wait behind it
}

void Pipe::PumpAt(Time when) {
  pumping_ = true;
  network_.agenda().At(when, [pipe = shared_from_this()] { pipe->Pump(); });
}

void Pipe::Pump() {
  pumping_ = false;
  if (const Time clogged = network_.ClogUntil(from_, to_); clogged > network_.agenda().now()) return PumpAt(clogged);
  while (!queue_.empty() && queue_.front().ready <= network_.agenda().now()) {
    const bool acknowledged = network_.Passes(to_, from_);
    if (!network_.Passes(from_, to_) || (!acknowledged && unacknowledged_ && !queue_.front().flying)) {
      pause_ = pause_ == Duration(0) ? kFirstPause : std::min(2 * pause_, kLongestPause);
      return PumpAt(network_.agenda().now() + pause_);
    }
    pause_ = Duration(0);
    unacknowledged_ = !acknowledged;
    const std::function<void()> arrive = std::move(queue_.front().arrive);
    queue_.pop_front();
    arrive();
  }
  if (!queue_.empty() && !pumping_) PumpAt(queue_.front().ready);
}

void Connection::Send(Pipe& pipe, End& to, Pipe& back, End& from, std::function<void()> arrive) {
  pipe.Send([connection = shared_from_this(), &to, &back, &from, arrive = std::move(arrive)] {
    if (to.open) return arrive();
    back.Send([connection, &from] {  // nobody has this connection there: a reset
      if (!from.open) return;
      from.open = false;
      if (from.closed) from.closed("connection reset");
    });
  });
}

void Connection::Close(End& own, Pipe& pipe, End& other, const std::string& why) {
  if (!own.open) return;
  own.open = false;
  pipe.Linger();
  pipe.Send([connection = shared_from_this(), &other, why] {
    if (!other.open) return;
    other.open = false;
    if (other.closed) other.closed(why);
  });
}

}  // namespace everstep::sim
