#include "collectives/probe/pair_bench.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <map>
#include <set>

#include "base/text.h"
#include "collectives/probe/reach_tester.h"

namespace everstep {
namespace {

constexpr std::uint32_t kPings = 50, kMessages = 8;

struct Latency {
  double p50 = 0;
  double p99 = 0;
};

// One rank's side of pair tests. Buffers of a test that failed are kept: something may still arrive in them.
class PairTester {
 public:
  PairTester(ProbeGroup& group, PairLink& link, const ProbeOptions& options, Clock& clock)
      : group_(group),
        link_(link),
        options_(options),
        clock_(clock),
        bytes_(std::max<std::size_t>(options.bytes_max / 8 * 8, 8)),
        messages_(options.iterations.value_or(kMessages)),
        data_(DataType::f32, group.ranks(), options.seed) {
    Renew();
  }

  // This rank's view of the test: what it has measured, and what was wrong of what it got. `round` counts alike on all ranks.
  PairMeasurement Test(HostPair pair, std::size_t round);
  LoopbackMeasurement Loopback();

 private:
  struct Buffers {
    std::vector<std::byte> out{}, in{};
  };
  void Renew() {
    buffers_.push_back(std::make_unique<Buffers>());
    buffers_.back()->out.resize(bytes_);
    buffers_.back()->in.resize(bytes_);
    data_.Fill(buffers_.back()->out.data(), group_.rank(), 0, bytes_ / 4);
  }
  Buffers& buffers() { return *buffers_.back(); }
  bool Wrong(std::uint32_t from) {
    if (options_.tamper && options_.tamper->rank == group_.rank()) buffers().in[0] ^= std::byte{1};
    return data_.Compare(buffers().in.data(), {from}, 0, bytes_ / 4).has_value();
  }
  Result<Latency> Ping(std::uint32_t peer, bool first);
  Result<double> Stream(std::uint32_t peer, bool sends, bool& wrong);
  Result<double> Both(std::uint32_t peer, bool& wrong);

  ProbeGroup& group_;
  PairLink& link_;
  const ProbeOptions& options_;
  Clock& clock_;
  std::size_t bytes_;
  std::uint32_t messages_;
  ExactData data_;
  std::vector<std::unique_ptr<Buffers>> buffers_{};
  std::uint16_t test_ = 0;
};

Result<Latency> PairTester::Ping(std::uint32_t peer, bool first) {
  std::vector<double> times;
  for (std::uint32_t i = 0; i < kPings; ++i) {
    const Time start = clock_.Now();
    if (first) EVERSTEP_TRY(link_.SendTo(peer, test_, buffers().out.data(), 8));
    EVERSTEP_TRY(link_.ReceiveFrom(peer, test_, buffers().in.data(), 8));
    if (!first) EVERSTEP_TRY(link_.SendTo(peer, test_, buffers().out.data(), 8));
    if (i >= kPings / 5) times.push_back(Seconds(clock_.Now() - start) / 2);  // the first ones connect and warm
  }
  std::sort(times.begin(), times.end());
  return Latency{.p50 = times[times.size() / 2], .p99 = times[times.size() * 99 / 100]};
}

// Messages in one direction; one small one back when all have come. The first is not timed.
Result<double> PairTester::Stream(std::uint32_t peer, bool sends, bool& wrong) {
  Time start = clock_.Now();
  for (std::uint32_t i = 0; i <= messages_; ++i) {
    if (i == 1) start = clock_.Now();
    if (sends) {
      EVERSTEP_TRY(link_.SendTo(peer, test_, buffers().out.data(), bytes_));
      continue;
    }
    EVERSTEP_TRY(link_.ReceiveFrom(peer, test_, buffers().in.data(), bytes_));
    if (i == 0) wrong = Wrong(peer) || wrong;
  }
  if (!sends) wrong = Wrong(peer) || wrong;
  if (sends) EVERSTEP_TRY(link_.ReceiveFrom(peer, test_, buffers().in.data(), 8));
  if (!sends) EVERSTEP_TRY(link_.SendTo(peer, test_, buffers().out.data(), 8));
  return static_cast<double>(messages_) * static_cast<double>(bytes_) / Seconds(clock_.Now() - start);
}

Result<double> PairTester::Both(std::uint32_t peer, bool& wrong) {
  const Time start = clock_.Now();
  for (std::uint32_t i = 0; i < messages_; ++i)
    EVERSTEP_TRY(link_.SwapWith(peer, test_, buffers().out.data(), buffers().in.data(), bytes_));
  const double seconds = Seconds(clock_.Now() - start);
  wrong = Wrong(peer) || wrong;
  return 2 * static_cast<double>(messages_) * static_cast<double>(bytes_) / seconds;
}

PairMeasurement PairTester::Test(HostPair pair, std::size_t round) {
  test_ = static_cast<std::uint16_t>(round);
  PairMeasurement measured{.pair = pair};
  const bool first = group_.rank() == pair.a;
  const std::uint32_t peer = first ? pair.b : pair.a;
  const auto failed = [&](bool ok) {
    if (!ok) Renew();
    return !ok;
  };
  const Result<Latency> latency = Ping(peer, first);
  if (failed(latency.has_value())) return measured;
  measured.latency_p50 = latency->p50;
  measured.latency_p99 = latency->p99;
  for (int direction = 0; direction < 2; ++direction) {
    const bool sends = first == (direction == 0);
    const Result<double> rate = Stream(peer, sends, measured.wrong[direction]);
    if (failed(rate.has_value())) return measured;
    measured.one_way[direction] = *rate;
  }
  const Result<double> both = Both(peer, measured.wrong[first ? 1 : 0]);
  if (!failed(both.has_value())) measured.both_ways = *both;
  return measured;
}

LoopbackMeasurement PairTester::Loopback() {
  LoopbackMeasurement measured;
  const std::uint32_t self = group_.rank();
  std::vector<double> times;
  for (std::uint32_t i = 0; i < kPings; ++i) {
    const Time start = clock_.Now();
    const Status swapped = link_.SwapWith(self, test_, buffers().out.data(), buffers().in.data(), 8);
    if (!swapped) {
      measured.error = swapped.error().message;
      return measured;
    }
    times.push_back(Seconds(clock_.Now() - start));
  }
  std::sort(times.begin(), times.end());
  measured.latency_p50 = times[times.size() / 2];
  measured.latency_p99 = times[times.size() * 99 / 100];
  const Result<double> both = Both(self, measured.wrong);
  if (both) measured.bytes_per_second = *both / 2;  // what is sent is what comes
  if (!both) measured.error = both.error().message;
  return measured;
}

std::string Number(double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%.9g", value);
  return text;
}

// "a b p50 p99 there back both wrong_there wrong_back"; 0 for what did not come.
std::string Line(const PairMeasurement& m) {
  return Join({std::to_string(m.pair.a), std::to_string(m.pair.b), Number(m.latency_p50), Number(m.latency_p99),
               Number(m.one_way[0].value_or(0)), Number(m.one_way[1].value_or(0)), Number(m.both_ways.value_or(0)),
               m.wrong[0] ? "1" : "0", m.wrong[1] ? "1" : "0"},
              " ");
}

std::vector<double> Numbers(const std::string& line) {
  std::vector<double> numbers;
  for (const std::string& word : Split(line, ' ')) numbers.push_back(std::strtod(word.c_str(), nullptr));
  return numbers;
}

// A line each: "bytes there back error".
std::string RegisteredLines(const std::vector<Registered>& all) {
  std::vector<std::string> lines;
  for (const Registered& one : all)
    lines.push_back(
        Cat(one.bytes, " ", Number(one.register_seconds), " ", Number(one.deregister_seconds), " ", Printable(one.error)));
  return Join(lines, "\n");
}

std::vector<Registered> RegisteredIn(const std::string& lines) {
  std::vector<Registered> all;
  for (const std::string& line : Split(lines, '\n')) {
    const std::vector<std::string> words = Split(line, ' ');
    if (words.size() < 4) continue;
    const std::size_t error = words[0].size() + words[1].size() + words[2].size() + 3;
    all.push_back({.bytes = ParseUnsigned(words[0]).value_or(0),
                   .register_seconds = std::strtod(words[1].c_str(), nullptr),
                   .deregister_seconds = std::strtod(words[2].c_str(), nullptr),
                   .error = line.substr(error)});
  }
  return all;
}

std::optional<double> Above0(double value) { return value > 0 ? std::optional(value) : std::nullopt; }

// Both ends have told: `a` times its own sending, `b` its own; each knows what was wrong of what it got. What one end did not
// get is not measured.
PairMeasurement Merge(HostPair pair, const std::vector<double>& a, const std::vector<double>& b) {
  PairMeasurement merged{.pair = pair, .latency_p50 = a[2], .latency_p99 = a[3]};
  for (std::size_t direction = 0; direction < 2; ++direction) {
    const auto& sender = direction == 0 ? a : b;
    const auto& receiver = direction == 0 ? b : a;
    if (receiver[4 + direction] > 0) merged.one_way[direction] = Above0(sender[4 + direction]);
    merged.wrong[direction] = receiver[7 + direction] > 0;
  }
  if (b[6] > 0) merged.both_ways = Above0(a[6]);
  return merged;
}

// Plays rounds and learns what all pairs measured.
Status Play(ProbeGroup& group, PairTester& tester, const std::vector<PairRound>& rounds, PairFindings& findings) {
  for (const PairRound& round : rounds) {
    ++findings.rounds;
    std::string own;
    for (const HostPair& pair : round)
      if (pair.a == group.rank() || pair.b == group.rank()) own = Line(tester.Test(pair, findings.rounds));
    EVERSTEP_ASSIGN(const std::vector<std::string> all, group.company.exchange(own));
    for (const HostPair& pair : round) {
      const std::vector<double> a = Numbers(all[pair.a]), b = Numbers(all[pair.b]);
      if (a.size() != 9 || b.size() != 9)
        return Fail(ErrorCode::kCorrupt,
                    Cat(group.company.Who(pair.a), " or ", group.company.Who(pair.b), " sent no measurement"));
      findings.pairs.push_back(Merge(pair, a, b));
    }
  }
  return {};
}

// All that was measured, scored together; `retests_from`: the first that is one.
std::vector<PairTest> Judged(PairFindings& findings, std::size_t retests_from) {
  std::vector<Transfer> transfers;
  for (const PairMeasurement& m : findings.pairs) {
    transfers.push_back(
        {.from = m.pair.a, .to = m.pair.b, .rail = 0, .bytes_per_second = m.one_way[0], .wrong_data = m.wrong[0]});
    transfers.push_back(
        {.from = m.pair.b, .to = m.pair.a, .rail = 0, .bytes_per_second = m.one_way[1], .wrong_data = m.wrong[1]});
  }
  findings.scores = ScoreTransfers(findings.hosts, transfers);
  std::vector<PairTest> tests;
  for (std::size_t i = 0; i < findings.pairs.size(); ++i)
    tests.push_back({.pair = findings.pairs[i].pair,
                     .retest = i >= retests_from,
                     .edges = {findings.scores.edges[2 * i], findings.scores.edges[2 * i + 1]}});
  return tests;
}

// Pairs of which something did not come, when they were tested last; a few are enough to see what it is.
std::vector<HostPair> Silent(const std::vector<PairMeasurement>& pairs) {
  constexpr std::size_t kMost = 4;
  std::map<HostPair, bool> silent;
  for (const PairMeasurement& m : pairs) silent[m.pair] = m.latency_p50 <= 0 || !m.one_way[0] || !m.one_way[1];
  std::vector<HostPair> few;
  for (const auto& [pair, is_silent] : silent)
    if (is_silent && few.size() < kMost) few.push_back(pair);
  return few;
}

Result<PairLink*> LinkOf(ProbeGroup& group) {
  if (PairLink* link = group.backend->Pairs(); link != nullptr) return link;
  return Fail(ErrorCode::kInvalid, Cat(group.backend->Library(), " has no messages between two ranks here"),
              "pairs and loopback go by --backend ofi");
}

}  // namespace

Result<PairFindings> RunPairs(ProbeGroup& group, const ProbeOptions& options, Clock& clock) {
  PairFindings findings;
  findings.seed = options.seed;
  for (std::uint32_t rank = 0; rank < group.ranks(); ++rank) findings.hosts.names.push_back(group.company.Who(rank));
  EVERSTEP_ASSIGN(PairLink * link, LinkOf(group));
  const std::size_t hosts = std::set(group.company.hosts.begin(), group.company.hosts.end()).size();
  if (hosts < group.ranks())
    findings.note = Cat(group.ranks(), " ranks are on ", Count(hosts, "host"),
                        ": what passes between ranks of one host passes no network; start one a host to test hosts");
  PairTester tester(group, *link, options, clock);
  const auto play = [&](const std::vector<PairRound>& rounds) { return Play(group, tester, rounds, findings); };
  constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  EVERSTEP_ASSIGN(const PairPlan plan,
                  PairRounds(group.ranks(), options.level, {.seed = options.seed, .racks = {}, .cross_per_rack_max = {}}));
  EVERSTEP_TRY(play(plan.rounds));
  EVERSTEP_TRY(play(PlanConfirmations(group.ranks(), Judged(findings, kNone))));
  EVERSTEP_TRY(play(PlanSecondLook(findings.hosts, Judged(findings, kNone))));
  const std::size_t retests_from = findings.pairs.size();
  for (auto rounds = PlanRetests(findings.hosts, Judged(findings, retests_from)); !rounds.empty();
       rounds = PlanRetests(findings.hosts, Judged(findings, retests_from)))
    EVERSTEP_TRY(play(rounds));
  findings.verdicts = Conclude(findings.hosts, Judged(findings, retests_from), {});
  EVERSTEP_ASSIGN(findings.reasons, ReachTester(group.company, clock).Explain(Silent(findings.pairs)));
  return findings;
}

Result<std::vector<LoopbackMeasurement>> RunLoopback(ProbeGroup& group, const ProbeOptions& options, Clock& clock) {
  EVERSTEP_ASSIGN(PairLink * link, LinkOf(group));
  PairTester tester(group, *link, options, clock);
  LoopbackMeasurement own = tester.Loopback();
  if (options.register_bytes > 0)
    own.registered = group.backend->Register({options.register_bytes / 4, options.register_bytes});
  const std::string line = Join(
      {Number(own.latency_p50), Number(own.latency_p99), Number(own.bytes_per_second.value_or(0)), own.wrong ? "1" : "0"}, " ");
  EVERSTEP_ASSIGN(const std::vector<std::string> lines, group.company.exchange(line));
  EVERSTEP_ASSIGN(const std::vector<std::string> errors, group.company.exchange(own.error));
  EVERSTEP_ASSIGN(const std::vector<std::string> registered, group.company.exchange(RegisteredLines(own.registered)));
  std::vector<LoopbackMeasurement> all;
  for (std::uint32_t rank = 0; rank < group.ranks(); ++rank) {
    const std::vector<double> numbers = Numbers(lines[rank]);
    if (numbers.size() != 4) return Fail(ErrorCode::kCorrupt, Cat(group.company.Who(rank), " sent no measurement"));
    all.push_back({.latency_p50 = numbers[0],
                   .latency_p99 = numbers[1],
                   .bytes_per_second = Above0(numbers[2]),
                   .wrong = numbers[3] > 0,
                   .error = errors[rank],
                   .registered = RegisteredIn(registered[rank])});
  }
  return all;
}

}  // namespace everstep
