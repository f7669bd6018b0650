#include "collectives/probe/pair_tester.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "base/text.h"

namespace everstep {
namespace {

constexpr std::uint32_t kPings = 50;
constexpr std::size_t kSmall = 8;                  // bytes of a ping or an acknowledgement
constexpr std::size_t kWindowBytesMax = 8u << 20;  // memory that is registered for it
constexpr std::size_t kWindowMessagesMax = 1024;   // less than a period: no two of a window hold the same
constexpr std::size_t kElement = 4;

// Where in the period the data of a message begin. Steps of a cache line: what is sent stays aligned for the first 255.
std::size_t FirstOf(std::uint64_t number) { return static_cast<std::size_t>(number * 16 % ExactData::kPeriod); }

struct Latency {
  double p50 = 0;
  double p99 = 0;
};

Latency LatencyOf(std::vector<double> times) {
  std::sort(times.begin(), times.end());
  return {.p50 = times[times.size() / 2], .p99 = times[times.size() * 99 / 100]};
}

std::string Value(double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%.17g", value);
  return text;
}

}  // namespace

PairTester::PairTester(const ProbeGroup& group, PairLink& link, std::size_t bytes, std::uint64_t salt,
                       std::optional<std::uint32_t> tamper, Clock& clock)
    : group_(group),
      link_(link),
      clock_(clock),
      bytes_(bytes),
      tamper_(tamper),
      data_(DataType::f32, ReduceOperation::sum, group.ranks(), salt) {}

Status PairTester::Begin(std::uint32_t peer, std::size_t test, std::uint32_t rail, std::uint32_t messages) {
  constexpr std::uint64_t kTestsApart = 257, kRailsApart = 31;  // a test begins with other data than the one before it
  peer_ = peer;
  test_ = static_cast<std::uint16_t>(test);
  rail_ = rail;
  messages_ = messages;
  number_ = kTestsApart * test + kRailsApart * rail;
  wrong_.clear();
  wrong_messages_ = 0;
  if (expected_of_ != peer) {
    expected_.resize(2 * ExactData::kPeriod * kElement);
    data_.Fill(expected_.data(), peer, 0, 2 * ExactData::kPeriod);
    expected_of_ = peer;
  }
  const std::size_t most = std::clamp(kWindowBytesMax / bytes_, std::size_t{1}, kWindowMessagesMax);
  const auto wanted = static_cast<std::uint32_t>(std::min<std::size_t>(most, std::max(messages, 1u)));
  if (!spoilt_ && slots_ >= wanted) return {};
  if (spoilt_) {
    const std::size_t room = bytes_ + ExactData::kPeriod * kElement;
    EVERSTEP_ASSIGN(out_, link_.Room(room));
    data_.Fill(out_, group_.rank(), 0, room / kElement);
  }
  EVERSTEP_ASSIGN(in_, link_.Room(wanted * bytes_));
  slots_ = wanted;
  spoilt_ = false;
  return {};
}

const std::byte* PairTester::Given() const { return out_ + FirstOf(number_) * kElement; }

Status PairTester::Send(std::size_t bytes) {
  const std::byte* data = Given();
  ++number_;
  return link_.SendTo(To(), data, bytes);
}

Status PairTester::Receive(std::byte* into, std::size_t bytes) {
  ++number_;
  return link_.ReceiveFrom(To(), into, bytes);
}

Status PairTester::Swap(std::byte* into, std::size_t bytes) {
  const std::byte* data = Given();
  ++number_;
  return link_.SwapWith(To(), data, into, bytes);
}

// Against the period, which stays in the cache: half the memory traffic of a whole second message.
void PairTester::Compare(std::byte* came, std::uint64_t number, std::size_t bytes, Part part, std::uint32_t message) {
  constexpr std::size_t kPeriodBytes = ExactData::kPeriod * kElement;
  if (tamper_ == message && part != Part::latency) came[bytes / 2] ^= std::byte{1};
  const std::byte* expected = expected_.data() + FirstOf(number) * kElement;
  bool same = true;
  for (std::size_t done = 0; done < bytes && same; done += kPeriodBytes)
    same = std::memcmp(came + done, expected, std::min(kPeriodBytes, bytes - done)) == 0;
  if (same) return;
  ++wrong_messages_;
  const auto wrong = data_.Compare(came, {peer_}, FirstOf(number), bytes / kElement);
  if (!wrong_.empty() || !wrong) return;
  const std::string where = part == Part::latency ? Cat("small message ", message)
                            : part == Part::both  ? Cat("message ", message, " of both ways at once")
                                                  : Cat("message ", message, " one way");
  const std::string over = link_.rails() > 1 ? Cat(" over its ", link_.Nic(group_.rank(), rail_)) : "";
  wrong_ = Cat(group_.company.Who(group_.rank()), ": what came from ", group_.company.Who(peer_), over, " in test ", test_,
               ", ", where, ", at byte ", wrong->at * kElement, " of ", bytes, " is ", Value(wrong->got), " instead of ",
               Value(wrong->expected), " (", Count(wrong->elements, "element"), ")");
}

// The newest `count` messages, which end before `number_`; the first of them has the number `number`.
void PairTester::CompareWindow(std::uint64_t number, std::uint32_t count, Part part, std::uint32_t message) {
  for (std::uint32_t i = 0; i < count; ++i) Compare(Slot(i), number + i, bytes_, part, message + i);
}

std::string PairTester::Wrong() const {
  if (wrong_messages_ < 2) return wrong_;
  return Cat(wrong_, "; so are ", Count(wrong_messages_ - 1, "more message"));
}

// Compared as they come: eight bytes cost nothing beside a round trip.
Result<PairSide> PairTester::Pinged(bool first) {
  std::vector<double> times;
  for (std::uint32_t i = 0; i < kPings; ++i) {
    const Time start = clock_.Now();
    if (first) EVERSTEP_TRY(Send(kSmall));
    const std::uint64_t number = number_;
    EVERSTEP_TRY(Receive(in_, kSmall));
    if (!first) EVERSTEP_TRY(Send(kSmall));
    if (i >= kPings / 5) times.push_back(Seconds(clock_.Now() - start) / 2);  // the first ones connect and warm
    Compare(in_, number, kSmall, Part::latency, i);
  }
  const Latency latency = LatencyOf(std::move(times));
  return PairSide{.latency_p50 = latency.p50, .latency_p99 = latency.p99};
}

// Seconds from the first to the word that all have come.
Result<double> PairTester::StreamWindow(bool sends, std::uint32_t message, std::uint32_t count) {
  const std::uint64_t number = number_;
  const Time start = clock_.Now();
  for (std::uint32_t i = 0; i < count; ++i) {
    if (sends) EVERSTEP_TRY(Send(bytes_));
    if (!sends) EVERSTEP_TRY(Receive(Slot(i), bytes_));
  }
  std::byte* small = Slot(0);
  const std::uint64_t told = number_;
  if (sends) EVERSTEP_TRY(Receive(small, kSmall));
  if (!sends) EVERSTEP_TRY(Send(kSmall));
  const double seconds = Seconds(clock_.Now() - start);
  if (sends) Compare(small, told, kSmall, Part::latency, message);
  if (!sends) CompareWindow(number, count, Part::stream, message);
  // The sender goes on when what came has been looked at.
  const std::uint64_t ready = number_;
  if (sends) EVERSTEP_TRY(Receive(small, kSmall));
  if (!sends) EVERSTEP_TRY(Send(kSmall));
  if (sends) Compare(small, ready, kSmall, Part::latency, message);
  return seconds;
}

// Messages in one direction. The first is not timed.
Result<double> PairTester::Stream(bool sends) {
  EVERSTEP_TRY(StreamWindow(sends, 0, 1));
  double seconds = 0;
  for (std::uint32_t done = 0; done < messages_;) {
    const std::uint32_t count = std::min(messages_ - done, slots_);
    EVERSTEP_ASSIGN(const double window, StreamWindow(sends, 1 + done, count));
    seconds += window;
    done += count;
  }
  return static_cast<double>(messages_) * static_cast<double>(bytes_) / seconds;
}

Result<double> PairTester::Both() {
  double seconds = 0;
  for (std::uint32_t done = 0; done < messages_;) {
    const std::uint32_t count = std::min(messages_ - done, slots_);
    const std::uint64_t number = number_;
    const Time start = clock_.Now();
    for (std::uint32_t i = 0; i < count; ++i) EVERSTEP_TRY(Swap(Slot(i), bytes_));
    seconds += Seconds(clock_.Now() - start);
    CompareWindow(number, count, Part::both, done);
    done += count;
    if (done == messages_) break;
    const std::uint64_t ready = number_;
    EVERSTEP_TRY(Swap(Slot(0), kSmall));
    Compare(Slot(0), ready, kSmall, Part::latency, done);
  }
  return 2 * static_cast<double>(messages_) * static_cast<double>(bytes_) / seconds;
}

Result<PairSide> PairTester::Test(std::uint32_t peer, bool first, std::size_t test, std::uint32_t rail,
                                  std::uint32_t messages) {
  EVERSTEP_TRY(Begin(peer, test, rail, messages));
  PairSide measured;
  const auto ended = [&](const auto& result) {
    if (!result) measured.error = result.error().message;
    spoilt_ = spoilt_ || !result;
    measured.wrong = Wrong();
    return !result;
  };
  const Result<PairSide> latency = Pinged(first);
  if (ended(latency)) return measured;
  measured.latency_p50 = latency->latency_p50;
  measured.latency_p99 = latency->latency_p99;
  for (int direction = 0; direction < 2; ++direction) {
    const Result<double> rate = Stream(first == (direction == 0));
    if (ended(rate)) return measured;
    measured.one_way[direction] = *rate;
  }
  const Result<double> both = Both();
  if (!ended(both)) measured.both_ways = *both;
  return measured;
}

Result<PairSide> PairTester::Loopback(std::uint32_t rail, std::uint32_t messages) {
  EVERSTEP_TRY(Begin(group_.rank(), test_, rail, messages));
  PairSide measured;
  std::vector<double> times;
  for (std::uint32_t i = 0; i < kPings; ++i) {
    const Time start = clock_.Now();
    const std::uint64_t number = number_;
    if (const Status swapped = Swap(in_, kSmall); !swapped) {
      measured.error = swapped.error().message;
      spoilt_ = true;
      return measured;
    }
    times.push_back(Seconds(clock_.Now() - start));
    Compare(in_, number, kSmall, Part::latency, i);
  }
  const Latency latency = LatencyOf(std::move(times));
  measured.latency_p50 = latency.p50;
  measured.latency_p99 = latency.p99;
  const Result<double> both = Both();
  if (both) measured.both_ways = *both;
  if (!both) measured.error = both.error().message;
  spoilt_ = spoilt_ || !both;
  measured.wrong = Wrong();
  return measured;
}

}  // namespace everstep
