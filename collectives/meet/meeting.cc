#include "collectives/meet/meeting.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "base/text.h"
#include "collectives/meet/sockets.h"

namespace everstep {
namespace {

// A frame: a letter, the length in four bytes, the text.
constexpr char kText = 'T', kGaveUp = 'A', kZeroIsSilent = 'Z';  // the last: gave up because rank 0 does not answer
constexpr Duration kLinger = 1s;
constexpr std::chrono::milliseconds kPumpMost{1000};
constexpr Duration kTellsWaits = 1s;  // less is no wait that a person would want to know of
constexpr std::size_t kHead = 5, kTextMax = 16u << 20;
// Begins the text of a rank that is stuck; then its wait.
constexpr char kStuck = '\x01';
constexpr std::string_view kGreeting = "everstep-probe 1\n";

std::string Frame(char kind, const std::string& text) {
  std::string frame(1, kind);
  for (int shift = 0; shift < 32; shift += 8) frame += static_cast<char>((text.size() >> shift) & 0xffu);
  return frame + text;
}

std::size_t LengthIn(std::string_view head) {
  std::size_t length = 0;
  for (std::size_t i = 0; i < 4; ++i) length |= static_cast<std::size_t>(static_cast<unsigned char>(head[1 + i])) << (8 * i);
  return length;
}

// Fixed width, so that it can be read before anything is known: greeting, rank, ranks, length of the name.
constexpr std::size_t kHello = kGreeting.size() + 3 * 10;

std::string Digits(std::size_t number) {
  const std::string text = std::to_string(number);
  return std::string(10 - text.size(), '0') + text;
}

// Several texts as one: length, blank, text.
std::string Pack(const std::vector<std::string>& texts) {
  std::string packed;
  for (const std::string& text : texts) packed += Cat(Digits(text.size()), text);
  return packed;
}

Result<std::vector<std::string>> Unpack(std::string_view packed, std::size_t count) {
  std::vector<std::string> texts;
  while (!packed.empty()) {
    const auto length = packed.size() < 10 ? std::nullopt : ParseUnsigned(packed.substr(0, 10));
    if (!length || packed.size() < 10 + *length) return Fail(ErrorCode::kCorrupt, "rank 0 sent texts that do not add up");
    texts.emplace_back(packed.substr(10, *length));
    packed.remove_prefix(10 + *length);
  }
  if (texts.size() != count)
    return Fail(ErrorCode::kCorrupt, Cat("rank 0 sent ", texts.size(), " texts for ", count, " ranks"));
  return texts;
}

}  // namespace

Result<std::unique_ptr<Meeting>> Meeting::Gather(const MeetingPlace& place, Clock& clock) {
  Check(place.rank < place.ranks, "the rank is one of the ranks");
  std::unique_ptr<Meeting> meeting(new Meeting(place, clock));
  meeting->names_[place.rank] = place.name;
  meeting->exchanged_ = clock.Now();
  if (place.ranks > 1) EVERSTEP_TRY(place.rank == 0 ? meeting->Welcome() : meeting->Go());
  // Who has come early waits for those who come late.
  meeting->place_.patience = place.timeout;
  meeting->exchanged_ = clock.Now();
  EVERSTEP_ASSIGN(meeting->names_, meeting->Exchange(place.name));
  meeting->place_.patience = place.patience;
  return meeting;
}

std::string Meeting::Who(std::uint32_t rank) const {
  return names_[rank].empty() ? Cat("rank ", rank) : Cat("rank ", rank, " (", names_[rank], ")");
}

Status Meeting::Welcome() {
  const Time deadline = clock_.Now() + place_.timeout;
  EVERSTEP_ASSIGN(const Fd listener, ListenOn(place_.port));
  while (Others().size() + 1 < place_.ranks) {
    Result<Fd> caller = AcceptBefore(listener.get(), clock_, std::min(deadline, clock_.Now() + kTellsWaits));
    if (!caller) {
      std::vector<std::string> missing;
      std::vector<std::uint32_t> absent;
      for (std::uint32_t rank = 1; rank < place_.ranks; ++rank)
        if (!lines_[rank].fd.open()) absent.push_back(rank);
      if (caller.error().code == ErrorCode::kTimeout && clock_.Now() < deadline) {
        TellWaits(absent);
        continue;
      }
      for (const std::uint32_t rank : absent) missing.push_back(std::to_string(rank));
      const std::string why =
          Cat("after ", Show(place_.timeout), " of ", place_.ranks, " ranks have not come: ", Join(missing));
      Blame(absent, false, why);
      GiveUp(why);
      return Fail(ErrorCode::kTimeout, why, Cat("do they run, and do they reach port ", place_.port, " of this host?"));
    }
    EVERSTEP_TRY(Greet(*std::move(caller), deadline));
  }
  return {};
}

// A stranger's connection is closed; only two ranks of the same number, or another idea of how many there are, end the meeting.
Status Meeting::Greet(Fd caller, Time deadline) {
  const Result<std::string> hello = ReadExactly(caller.get(), kHello, clock_, std::min(deadline, clock_.Now() + 2s));
  if (!hello || !hello->starts_with(kGreeting)) return {};
  const auto number = [&](std::size_t index) {
    return ParseUnsigned(std::string_view(*hello).substr(kGreeting.size() + 10 * index, 10));
  };
  const auto rank = number(0), ranks = number(1), length = number(2);
  if (!rank || !ranks || !length || *length > 256) return {};
  const Result<std::string> name = ReadExactly(caller.get(), *length, clock_, deadline);
  if (!name) return {};
  const std::string who = Cat("rank ", *rank, " (", Printable(*name), ")");
  if (*ranks != place_.ranks) {
    const std::string why = Cat(who, " expects ", *ranks, " ranks, rank 0 expects ", place_.ranks);
    GiveUp(why);
    return Fail(ErrorCode::kConflict, why, "WORLD_SIZE must be the same everywhere");
  }
  if (*rank == 0 || *rank >= place_.ranks || lines_[*rank].fd.open()) {
    const std::string why =
        Cat(who, " has come although ", *rank == 0 ? "this is rank 0" : "that rank was here already or cannot be");
    GiveUp(why);
    return Fail(ErrorCode::kConflict, why, "RANK must be another one in each process");
  }
  if (local_address_.empty()) local_address_ = LocalAddressOf(caller.get());
  names_[*rank] = Printable(*name);
  lines_[*rank].fd = std::move(caller);
  return {};
}

Status Meeting::Go() {
  const Time deadline = clock_.Now() + place_.timeout;
  EVERSTEP_ASSIGN(lines_[0].fd, ConnectTo(place_.host, place_.port, clock_, deadline));
  local_address_ = LocalAddressOf(lines_[0].fd.get());
  const std::string name = place_.name.substr(0, 256);
  const std::string hello = Cat(kGreeting, Digits(place_.rank), Digits(place_.ranks), Digits(name.size()), name);
  return WriteAll(lines_[0].fd.get(), hello, clock_, deadline);
}

std::vector<std::uint32_t> Meeting::Others() const {
  std::vector<std::uint32_t> others;
  for (std::uint32_t rank = 0; rank < place_.ranks; ++rank)
    if (lines_[rank].fd.open()) others.push_back(rank);
  return others;
}

std::vector<std::uint32_t> Meeting::Unheard() const {
  std::vector<std::uint32_t> ranks;
  for (const std::uint32_t rank : Others())
    if (lines_[rank].frames.empty()) ranks.push_back(rank);
  return ranks;
}

void Meeting::TellWaits(const std::vector<std::uint32_t>& ranks) {
  const Time now = clock_.Now();
  if (place_.rank != 0 || !place_.waits || now - std::max(exchanged_, waits_told_) < kTellsWaits) return;
  if (ranks.empty() || ranks == waits_) return;
  waits_ = ranks;
  waits_told_ = now;
  place_.waits(ranks);
}

void Meeting::Blame(const std::vector<std::uint32_t>& ranks, bool came, const std::string& why) {
  if (place_.rank == 0 && place_.blames && !gave_up_) place_.blames(ranks, came, why);
}

Status Meeting::Lost(std::uint32_t rank, const std::string& how) {
  const std::string why = Cat(Who(rank), " is gone: ", how);
  lines_[rank].fd.Reset();
  Blame({rank}, true, why);
  GiveUp(why);
  return Fail(ErrorCode::kUnavailable, why);
}

Status Meeting::Read(std::uint32_t rank) {
  Line& line = lines_[rank];
  char bytes[64 << 10];
  const ssize_t got = ::recv(line.fd.get(), bytes, sizeof bytes, MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return {};
  if (got < 0) return Lost(rank, std::strerror(errno));
  if (got == 0) return Lost(rank, "it has closed its connection without a word");
  line.in.append(bytes, static_cast<std::size_t>(got));
  while (line.in.size() >= kHead) {
    const std::size_t length = LengthIn(line.in);
    if (length > kTextMax) return Lost(rank, "it sent what is no message");
    if (line.in.size() < kHead + length) return {};
    const char kind = line.in[0];
    std::string text = line.in.substr(kHead, length);
    line.in.erase(0, kHead + length);
    if (kind == kGaveUp || kind == kZeroIsSilent) {
      // Who hears nothing of a rank 0 that was there all the time is cut off itself.
      Blame({kind == kZeroIsSilent && WasAway() ? 0 : rank}, true, text);
      GiveUp(text);
      return Fail(ErrorCode::kUnavailable, text);
    }
    line.frames.push_back(std::move(text));
  }
  return {};
}

Status Meeting::Pump(Duration wait_max) {
  const std::vector<std::uint32_t> others = Others();
  std::vector<pollfd> polled;
  for (const std::uint32_t rank : others) polled.push_back({lines_[rank].fd.get(), POLLIN, 0});
  const auto wait = std::min(std::chrono::ceil<std::chrono::milliseconds>(std::max(wait_max, Duration(0))), kPumpMost);
  const int ready = ::poll(polled.data(), polled.size(), static_cast<int>(wait.count()));
  NoteAbsence(wait);
  if (ready <= 0) return {};
  for (std::size_t i = 0; i < polled.size(); ++i)
    if (polled[i].revents != 0) EVERSTEP_TRY(Read(others[i]));
  return {};
}

// Whoever is stopped learns of it by the clock, which went on.
void Meeting::NoteAbsence(Duration waited) {
  const Time now = clock_.Now();
  if (looked_ && now - *looked_ >= place_.away + waited) absence_ = Absence{.lasted = now - *looked_, .until = now};
  looked_ = now;
}

bool Meeting::WasAway() const { return absence_ && *looked_ - absence_->until <= place_.answer; }

Result<std::string> Meeting::Next(std::uint32_t rank, Time deadline) {
  Line& line = lines_[rank];
  while (line.frames.empty()) {
    if (!line.fd.open()) return Fail(ErrorCode::kUnavailable, Cat(Who(rank), " is gone"));
    const Duration left = deadline - clock_.Now();
    if (left <= 0s) {
      const std::string why = Cat("nothing from ", Who(rank), " in ", Show(place_.patience));
      Blame({rank}, true, why);
      GiveUp(rank == 0 ? kZeroIsSilent : kGaveUp, why);
      return Fail(ErrorCode::kTimeout, why, "is it stopped, or its host cut off?");
    }
    EVERSTEP_TRY(Pump(left));
  }
  std::string text = std::move(line.frames.front());
  line.frames.pop_front();
  return text;
}

Status Meeting::Send(std::uint32_t rank, char kind, const std::string& text) {
  const Status sent = WriteAll(lines_[rank].fd.get(), Frame(kind, text), clock_, clock_.Now() + place_.patience);
  if (sent || gave_up_) return sent;
  // It may have said why it has closed its connection.
  EVERSTEP_TRY(Read(rank));
  return Lost(rank, sent.error().message);
}

Result<std::vector<std::string>> Meeting::Exchange(const std::string& text) {
  if (place_.ranks == 1) return std::vector{text};
  EVERSTEP_TRY(StillOn());
  // Rank 0 names who is missing: let it speak first. It may itself have been held up by that one, as long as its patience is at
  // most.
  const Time deadline = clock_.Now() + (place_.rank == 0 ? place_.patience : 2 * place_.patience);
  if (place_.rank != 0) {
    EVERSTEP_TRY(Send(0, kText, text));
    EVERSTEP_ASSIGN(const std::string all, Next(0, deadline));
    return Unpack(all, place_.ranks);
  }
  while (!Unheard().empty() && !SomebodyIsStuck() && clock_.Now() < deadline) {
    TellWaits(Unheard());
    EVERSTEP_TRY(Pump(deadline - clock_.Now()));
  }
  if (SomebodyIsStuck()) return Fail(AskRound().error());
  std::vector<std::string> all{text};
  for (std::uint32_t rank = 1; rank < place_.ranks; ++rank) {
    EVERSTEP_ASSIGN(std::string one, Next(rank, deadline));
    all.push_back(std::move(one));
  }
  const std::string packed = Pack(all);
  for (std::uint32_t rank = 1; rank < place_.ranks; ++rank) EVERSTEP_TRY(Send(rank, kText, packed));
  exchanged_ = clock_.Now();
  waits_.clear();
  return all;
}

bool Meeting::SomebodyIsStuck() const {
  for (const Line& line : lines_)
    if (!line.frames.empty() && line.frames.back().starts_with(kStuck)) return true;
  return false;
}

// Rank 0: whoever runs says something, be it that it is stuck or that it is done. Who wakes up to hear that others are stuck
// has kept them waiting, and does not judge them by how late they answer now.
Status Meeting::AskRound() {
  const bool away = WasAway();
  const Time deadline = clock_.Now() + place_.answer;
  while (!Unheard().empty() && clock_.Now() < deadline) EVERSTEP_TRY(Pump(deadline - clock_.Now()));
  std::vector<StuckWait> waits;
  for (const Line& line : lines_)
    for (const std::string& frame : line.frames)
      if (frame.starts_with(kStuck))
        if (auto wait = UnpackStuck(frame.substr(1))) waits.push_back(*std::move(wait));
  const std::string how = waits.empty() ? "" : StuckText(waits, [this](std::uint32_t rank) { return Who(rank); });
  const std::vector<std::uint32_t> ranks = away ? std::vector<std::uint32_t>{0} : Unheard();
  std::vector<std::string> names;
  for (const std::uint32_t rank : ranks) names.push_back(Who(rank));
  const std::string what =
      away ? Cat(" was away for ", Show(absence_->lasted)) : Cat(ranks.size() == 1 ? " does" : " do", " not answer");
  const std::string why = ranks.empty() ? how : Cat(Join(names, ", ", " and "), what, "; ", how);
  if (!ranks.empty()) Blame(ranks, true, why);
  GiveUp(why);
  return Fail(ErrorCode::kTimeout, why);
}

Status Meeting::Stuck(const StuckWait& wait) {
  if (place_.ranks == 1) return Fail(ErrorCode::kTimeout, wait.how);
  EVERSTEP_TRY(StillOn());
  const std::string text = Cat(std::string_view(&kStuck, 1), PackStuck(wait));
  if (place_.rank == 0) {
    lines_[0].frames.push_back(text);
    return AskRound();
  }
  EVERSTEP_TRY(Send(0, kText, text));
  const Time deadline = clock_.Now() + 2 * place_.answer;
  while (clock_.Now() < deadline) EVERSTEP_TRY(Pump(deadline - clock_.Now()));
  const std::string why = Cat(Who(0), " does not answer; ", wait.how);
  GiveUp(kZeroIsSilent, why);
  return Fail(ErrorCode::kTimeout, why);
}

Status Meeting::Look() {
  if (place_.ranks == 1) return {};
  EVERSTEP_TRY(StillOn());
  EVERSTEP_TRY(Pump(0s));
  if (place_.rank == 0 && SomebodyIsStuck()) return AskRound();
  if (place_.rank != 0) return {};
  std::vector<std::uint32_t> ranks = Unheard();
  ranks.insert(ranks.begin(), 0);  // which has not given its own text
  TellWaits(ranks);
  return {};
}

Status Meeting::StillOn() const {
  if (!gave_up_) return {};
  return Fail(ErrorCode::kUnavailable, why_);
}

void Meeting::GiveUp(const std::string& why) { GiveUp(kGaveUp, why); }

void Meeting::GiveUp(char kind, const std::string& why) {
  if (gave_up_) return;
  gave_up_ = true;
  why_ = why;
  for (const std::uint32_t rank : Others()) (void)Send(rank, kind, why);
  Linger();
}

// A connection that is closed while something unread has come is reset, and a reset throws away what the other side has not
// read yet: the reason. So what comes is read, until the others have closed or have had time to.
void Meeting::Linger() {
  const Time deadline = clock_.Now() + kLinger;
  for (const std::uint32_t rank : Others()) ::shutdown(lines_[rank].fd.get(), SHUT_WR);
  for (std::vector<std::uint32_t> open = Others(); !open.empty() && clock_.Now() < deadline; open = Others()) {
    std::vector<pollfd> polled;
    for (const std::uint32_t rank : open) polled.push_back({lines_[rank].fd.get(), POLLIN, 0});
    if (::poll(polled.data(), polled.size(), 50) <= 0) continue;
    char bytes[64 << 10];
    for (std::size_t i = 0; i < polled.size(); ++i) {
      if (polled[i].revents == 0) continue;
      const ssize_t got = ::recv(polled[i].fd, bytes, sizeof bytes, MSG_DONTWAIT);
      if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) lines_[open[i]].fd.Reset();
    }
  }
}

}  // namespace everstep
