// How the ranks of a probe that stands alone find each other: all connect to rank 0 by TCP (MASTER_ADDR, MASTER_PORT, as under
// torchrun). Then small texts are exchanged here: fabric addresses, times, wrong elements. The connections stay open: a process
// that ends without a word is noticed at once, and named to everybody, where a fabric may never say so.
//
// One thread. Every wait has a deadline; nothing is retried silently. What comes from a stranger (no or another greeting) is
// dropped.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/real/fd.h"
#include "base/result.h"
#include "base/seam/clock.h"
#include "collectives/core/stuck.h"

namespace everstep {

struct MeetingPlace {
  std::uint32_t rank = 0;
  std::uint32_t ranks = 1;
  std::string host = "127.0.0.1";  // of rank 0
  std::uint16_t port = 0;
  std::string name{};       // of this process, for errors of the others: its host
  Duration timeout = 30s;   // until all have come
  Duration patience = 15s;  // afterwards, until somebody's text has come
  Duration answer = 3s;     // for a process that runs, when it is asked whether it does
  Duration away = 10s;      // rank 0: without a look for so long it was itself what the others waited for
  // Rank 0: told once, when ranks are found to be what ends the meeting. `came`: they were there.
  std::function<void(const std::vector<std::uint32_t>& ranks, bool came, const std::string& why)> blames{};
  // Rank 0: for whom all wait, to come or with what they have to say, once a second has passed since the last exchange; again
  // when they are others, at most once a second.
  std::function<void(const std::vector<std::uint32_t>& ranks)> waits{};
};

class Meeting {
 public:
  // Returns when all have come. kTimeout names who has not, kUnavailable what could not be reached.
  static Result<std::unique_ptr<Meeting>> Gather(const MeetingPlace& place, Clock& clock);

  std::uint32_t rank() const { return place_.rank; }
  std::uint32_t ranks() const { return place_.ranks; }
  // "rank 3 (n4)"
  std::string Who(std::uint32_t rank) const;
  // The numeric address by which this process and rank 0 reach each other; empty when there is nobody else.
  const std::string& local_address() const { return local_address_; }

  // Everybody gives a text and gets all, in order of rank: also a barrier. Calls must match on all ranks.
  Result<std::vector<std::string>> Exchange(const std::string& text);

  // Looks without waiting whether somebody has gone or given up. For those who wait on the fabric.
  Status Look();

  // For who has waited for too long on the fabric: rank 0 asks who is still there. The error is what all ranks get: who does
  // not answer, or, if all do, what their waits say together (core/stuck.h).
  Status Stuck(const StuckWait& wait);

  // Tells everybody that it is over and why; they get it as an error. For the first that fails.
  void GiveUp(const std::string& why);

 private:
  struct Absence {
    Duration lasted{0};
    Time until{};
  };
  struct Line {
    Fd fd{};
    std::string in{};                  // not yet a whole frame
    std::deque<std::string> frames{};  // texts that nobody has asked for
  };

  Meeting(MeetingPlace place, Clock& clock)
      : place_(std::move(place)), clock_(clock), lines_(place_.ranks), names_(place_.ranks) {}
  Status Welcome();
  Status Go();
  Status Greet(Fd caller, Time deadline);
  // The ranks with whom there is a connection.
  std::vector<std::uint32_t> Others() const;
  Status Read(std::uint32_t rank);
  Status Pump(Duration wait_max);
  bool SomebodyIsStuck() const;
  Status AskRound();
  void NoteAbsence(Duration waited);
  bool WasAway() const;
  void GiveUp(char kind, const std::string& why);
  Result<std::string> Next(std::uint32_t rank, Time deadline);
  Status Send(std::uint32_t rank, char kind, const std::string& text);
  void Linger();
  Status StillOn() const;
  Status Lost(std::uint32_t rank, const std::string& how);
  void Blame(const std::vector<std::uint32_t>& ranks, bool came, const std::string& why);
  // The ranks whose text for the exchange has not come yet.
  std::vector<std::uint32_t> Unheard() const;
  void TellWaits(const std::vector<std::uint32_t>& ranks);

  MeetingPlace place_;
  Clock& clock_;
  std::vector<Line> lines_;
  std::vector<std::string> names_;
  std::string local_address_{};
  std::optional<Time> looked_{};  // at the others
  std::optional<Absence> absence_{};
  Time exchanged_{};  // the last time that all had each other's texts
  Time waits_told_{};
  std::vector<std::uint32_t> waits_{};  // as they were told last in this exchange
  bool gave_up_ = false;
  std::string why_{};  // when it gave up
};

}  // namespace everstep
