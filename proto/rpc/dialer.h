// Asks agents whether they live, each time over a fresh connection: the launcher's Dial and an agent's Ask. First a plain TCP
// connection, which tells refused from silent; if that is accepted, a Ping on a channel of its own.
//
// Thread: any may call Dial; answers come on the dialer's one thread and must not block. However many hosts are silent, their
// dials wait side by side.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/messages.h"
#include "base/time.h"

namespace everstep {

struct DialFinding {
  PeerFinding finding = PeerFinding::nothing;
  std::optional<Pong> pong{};  // set iff alive
  std::string evidence{};      // for people; never empty
};

class Dialer {
 public:
  // `insecure`: plain text also to addresses that are not loopback.
  explicit Dialer(bool insecure);
  // Gives up what is under way, without answers.
  ~Dialer();
  Dialer(const Dialer&) = delete;
  Dialer& operator=(const Dialer&) = delete;

  // `answer` is called once within `deadline`. An address that is not numeric, and a host that is not the one asked for, are
  // `nothing`.
  void Dial(const std::string& address, const Ping& ping, Duration deadline, std::function<void(DialFinding)> answer);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace everstep
