#include "collectives/probe/pair_bench.h"
#include "collectives/core/figures.h"
#include "collectives/core/robust.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <map>
#include <set>

#include "base/contains.h"
#include "base/text.h"
#include "collectives/core/rail_loss.h"
#include "collectives/probe/reach_tester.h"

namespace everstep {
namespace {

constexpr std::uint32_t kPings = 50, kMessages = 8;
constexpr std::size_t kNone = static_cast<std::size_t>(-1);  // no measurement is a retest

std::uint32_t MessagesOf(const ProbeOptions& options) { return options.iterations.value_or(kMessages); }

struct Latency {
  double p50 = 0;
  double p99 = 0;
};

// One rank's side of pair tests. After a test that failed there is new memory: something may still arrive in the old.
class PairTester {
 public:
  PairTester(ProbeGroup& group, PairLink& link, const ProbeOptions& options, Clock& clock)
      : group_(group),
        link_(link),
        options_(options),
        clock_(clock),
        bytes_(std::max<std::size_t>(options.bytes_max / 8 * 8, 8)),
        messages_(MessagesOf(options)),
        data_(DataType::f32, group.ranks(), options.seed) {}

  // This rank's view of the test: what it has measured, and what was wrong of what it got. `round` counts alike on all ranks.
  Result<PairMeasurement> Test(HostPair pair, std::size_t round, std::uint32_t rail, std::uint32_t messages);
  Result<LoopbackMeasurement> Loopback(std::uint32_t rail);

 private:
  bool Wrong(std::uint32_t from) {
    if (options_.tamper && options_.tamper->rank == group_.rank()) in_[0] ^= std::byte{1};
    return data_.Compare(in_, {from}, 0, bytes_ / 4).has_value();
  }
  Status Begin(std::uint16_t test, std::uint32_t rail);
  PairPath To(std::uint32_t peer) const { return {.peer = peer, .test = test_, .rail = rail_}; }
  Result<Latency> Ping(std::uint32_t peer, bool first);
  Result<double> Stream(std::uint32_t peer, bool sends, bool& wrong);
  Result<double> Both(std::uint32_t peer, bool& wrong);

  ProbeGroup& group_;
  PairLink& link_;
  const ProbeOptions& options_;
  Clock& clock_;
  std::size_t bytes_;
  std::uint32_t messages_;  // a direction
  ExactData data_;
  std::byte* out_ = nullptr;
  std::byte* in_ = nullptr;
  bool spoilt_ = true;  // there is no memory, or something may still arrive in it
  std::uint16_t test_ = 0;
  std::uint32_t rail_ = 0;
};

Status PairTester::Begin(std::uint16_t test, std::uint32_t rail) {
  test_ = test;
  rail_ = rail;
  if (!spoilt_) return {};
  spoilt_ = false;
  EVERSTEP_ASSIGN(out_, link_.Room(bytes_));
  EVERSTEP_ASSIGN(in_, link_.Room(bytes_));
  data_.Fill(out_, group_.rank(), 0, bytes_ / 4);
  return {};
}

Result<Latency> PairTester::Ping(std::uint32_t peer, bool first) {
  std::vector<double> times;
  for (std::uint32_t i = 0; i < kPings; ++i) {
    const Time start = clock_.Now();
    if (first) EVERSTEP_TRY(link_.SendTo(To(peer), out_, 8));
    EVERSTEP_TRY(link_.ReceiveFrom(To(peer), in_, 8));
    if (!first) EVERSTEP_TRY(link_.SendTo(To(peer), out_, 8));
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
      EVERSTEP_TRY(link_.SendTo(To(peer), out_, bytes_));
      continue;
    }
    EVERSTEP_TRY(link_.ReceiveFrom(To(peer), in_, bytes_));
    if (i == 0) wrong = Wrong(peer) || wrong;
  }
  if (!sends) wrong = Wrong(peer) || wrong;
  if (sends) EVERSTEP_TRY(link_.ReceiveFrom(To(peer), in_, 8));
  if (!sends) EVERSTEP_TRY(link_.SendTo(To(peer), out_, 8));
  return static_cast<double>(messages_) * static_cast<double>(bytes_) / Seconds(clock_.Now() - start);
}

Result<double> PairTester::Both(std::uint32_t peer, bool& wrong) {
  const Time start = clock_.Now();
  for (std::uint32_t i = 0; i < messages_; ++i) EVERSTEP_TRY(link_.SwapWith(To(peer), out_, in_, bytes_));
  const double seconds = Seconds(clock_.Now() - start);
  wrong = Wrong(peer) || wrong;
  return 2 * static_cast<double>(messages_) * static_cast<double>(bytes_) / seconds;
}

Result<PairMeasurement> PairTester::Test(HostPair pair, std::size_t round, std::uint32_t rail, std::uint32_t messages) {
  messages_ = messages;
  EVERSTEP_TRY(Begin(static_cast<std::uint16_t>(round), rail));
  PairMeasurement measured{.pair = pair, .rail = rail};
  const bool first = group_.rank() == pair.a;
  const std::uint32_t peer = first ? pair.b : pair.a;
  const auto failed = [&](bool ok) {
    spoilt_ = spoilt_ || !ok;
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

Result<LoopbackMeasurement> PairTester::Loopback(std::uint32_t rail) {
  EVERSTEP_TRY(Begin(test_, rail));
  LoopbackMeasurement measured;
  const std::uint32_t self = group_.rank();
  std::vector<double> times;
  for (std::uint32_t i = 0; i < kPings; ++i) {
    const Time start = clock_.Now();
    const Status swapped = link_.SwapWith(To(self), out_, in_, 8);
    if (!swapped) {
      measured.error = swapped.error().message;
      spoilt_ = true;
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
  spoilt_ = spoilt_ || !both;
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

constexpr char kBetween = '\x1f';

// A line each.
std::string RegisteredLines(const std::vector<Registered>& all) {
  std::vector<std::string> lines;
  for (const Registered& one : all)
    lines.push_back(Join({one.nic, std::to_string(one.bytes), Number(one.register_seconds), Number(one.deregister_seconds),
                          Printable(one.error)},
                         std::string(1, kBetween)));
  return Join(lines, "\n");
}

std::vector<Registered> RegisteredIn(const std::string& lines) {
  std::vector<Registered> all;
  for (const std::string& line : Split(lines, '\n')) {
    const std::vector<std::string> parts = Split(line, kBetween);
    if (parts.size() != 5) continue;
    all.push_back({.nic = parts[0],
                   .bytes = ParseUnsigned(parts[1]).value_or(0),
                   .register_seconds = std::strtod(parts[2].c_str(), nullptr),
                   .deregister_seconds = std::strtod(parts[3].c_str(), nullptr),
                   .error = parts[4]});
  }
  return all;
}

std::optional<double> Above0(double value) { return value > 0 ? std::optional(value) : std::nullopt; }

// Both ends have told: `a` times its own sending, `b` its own; each knows what was wrong of what it got. What one end did not
// get is not measured.
PairMeasurement Merge(HostPair pair, std::uint32_t rail, const std::vector<double>& a, const std::vector<double>& b) {
  PairMeasurement merged{.pair = pair, .rail = rail, .latency_p50 = a[2], .latency_p99 = a[3]};
  for (std::size_t direction = 0; direction < 2; ++direction) {
    const auto& sender = direction == 0 ? a : b;
    const auto& receiver = direction == 0 ? b : a;
    if (receiver[4 + direction] > 0) merged.one_way[direction] = Above0(sender[4 + direction]);
    merged.wrong[direction] = receiver[7 + direction] > 0;
  }
  if (b[6] > 0) merged.both_ways = Above0(a[6]);
  return merged;
}

// Of one rail, in the order of findings.pairs: there, back.
std::vector<Transfer> TransfersOver(const PairFindings& findings, std::uint32_t rail) {
  std::vector<Transfer> transfers;
  for (const PairMeasurement& m : findings.pairs) {
    if (m.rail != rail) continue;
    // Each way by itself but not both at once: what has not been measured has not passed.
    const bool stalls = m.one_way[0] && m.one_way[1] && !m.both_ways;
    for (const int way : {0, 1})
      transfers.push_back({.from = way == 0 ? m.pair.a : m.pair.b,
                           .to = way == 0 ? m.pair.b : m.pair.a,
                           .rail = rail,
                           .bytes_per_second = stalls ? std::nullopt : m.one_way[way],
                           .wrong_data = m.wrong[way],
                           .again = m.again});
  }
  return transfers;
}

// Held against the floor, unless all of it is below.
Scores Scored(PairFindings& findings, const std::vector<Transfer>& transfers) {
  Scores scores = ScoreTransfers(findings.hosts, transfers);
  if (!findings.floor || scores.median <= 0) return scores;
  if (scores.median >= findings.floor->bytes_per_second) return ScoreTransfers(findings.hosts, transfers, findings.floor);
  findings.below = Cat("the median is ", Figure(scores.median / 1e9), " GB/s, below the floor: ", findings.floor->why);
  return scores;
}

BaselineKey KeyOf(const ProbeGroup& group, const ProbeOptions& options) {
  return {.provider = Split(group.devices[0], ' ').front(), .test = "pair", .bytes = options.bytes_max, .hosts = group.ranks()};
}

// Rank 0's, for all: each decides alone which pairs come next, and profiles of hosts may differ.
Status TakeFloor(const ProbeGroup& group, const ProbeOptions& options, PairFindings& findings) {
  const BaselineKey key = KeyOf(group, options);
  std::vector<MeasuredRun> runs;
  for (const auto& [of, run] : options.learned)
    if (of == key) runs.push_back(run);
  std::vector<Baseline> learned;
  if (!runs.empty()) learned.push_back(LearnBaseline(key, runs));
  const std::optional<Floor> own = FloorFor(key, learned, options.floor);
  const bool by_profile = own && (learned.empty() || learned.front().samples < kBaselineSamplesMin);
  EVERSTEP_ASSIGN(
      const std::vector<std::string> all,
      group.company.exchange(own ? Cat(by_profile ? "1 " : "0 ", Number(own->bytes_per_second), ' ', own->why) : ""));
  const std::string& first = all.front();
  const std::size_t number = first.find(' ', 2);
  if (number == std::string::npos) return {};
  findings.below_profile = first[0] == '1';
  findings.floor = Floor{std::strtod(first.c_str() + 2, nullptr), first.substr(number + 1)};
  return {};
}

// Of all rails together: what one NIC of a pair is good for here.
std::optional<MeasuredRun> MeasuredOf(const PairFindings& findings) {
  std::vector<double> all;
  for (const PairMeasurement& m : findings.pairs)
    for (const auto& one_way : m.one_way)
      if (one_way) all.push_back(*one_way);
  if (all.empty()) return std::nullopt;
  return MeasuredRun{static_cast<std::uint32_t>(all.size()), MedianOf(all), MadOf(all)};
}

// All that was measured, scored together; `retests_from`: the first measurement that is one.
std::vector<PairTest> Judged(PairFindings& findings, std::size_t retests_from) {
  const std::size_t rails = findings.scores.size();
  findings.below.clear();
  std::vector<PairTest> tests;
  for (std::size_t i = 0; i < findings.pairs.size(); i += rails)
    tests.push_back({.pair = findings.pairs[i].pair, .retest = i >= retests_from, .edges = {}});
  for (std::uint32_t rail = 0; rail < rails; ++rail) {
    findings.scores[rail] = Scored(findings, TransfersOver(findings, rail));
    const std::vector<Edge>& edges = findings.scores[rail].edges;
    for (std::size_t i = 0; i < tests.size(); ++i)
      tests[i].edges.insert(tests[i].edges.end(), {edges[2 * i], edges[2 * i + 1]});
  }
  return tests;
}

// Once: what is not tested any more says nothing new.
void NoteLostRails(PairFindings& findings) {
  if (!findings.lost_rails.empty()) return;
  const std::vector<PairTest> tests = Judged(findings, kNone);
  findings.lost_rails = LostRails(findings.hosts, tests);
  findings.verdicts = LostRailVerdicts(findings.hosts, tests, findings.lost_rails);
}

// Of a test that is a second look: so many that it lasts kSecondLook at the speed of the first, which was slow. A core that
// somebody else had for ten milliseconds does not count in it.
std::uint32_t MessagesAgain(const PairFindings& findings, const ProbeOptions& options, HostPair pair, std::uint32_t rail) {
  constexpr double kSecondLook = 0.25;  // seconds, of each of three parts
  constexpr double kFewest = 2, kTimesMore = 64;
  double slowest = 0;
  for (const PairMeasurement& m : findings.pairs)
    if (m.pair == pair && m.rail == rail)
      for (const auto& one_way : m.one_way)
        if (one_way && (slowest <= 0 || *one_way < slowest)) slowest = *one_way;
  const double usual = MessagesOf(options);
  const double wanted = kSecondLook * slowest / static_cast<double>(options.bytes_max);
  return static_cast<std::uint32_t>(std::clamp(wanted, kFewest, usual * kTimesMore));
}

// Plays rounds, each over one rail after the other, and learns what all pairs measured. What a rail's silence costs one pair is
// waited for by all before the next rail. A rail that is lost between all is not tested any more, and counts as silent.
Status Play(ProbeGroup& group, PairTester& tester, const ProbeOptions& options, const std::vector<PairRound>& rounds,
            bool second_look, PairFindings& findings) {
  const auto rails = static_cast<std::uint32_t>(findings.scores.size());
  for (const PairRound& round : rounds) {
    ++findings.rounds;
    if (findings.rounds > kRailLossRoundsMin) NoteLostRails(findings);
    std::vector<std::vector<std::string>> lines;  // by rail, by rank
    for (std::uint32_t rail = 0; rail < rails; ++rail) {
      if (Contains(findings.lost_rails, rail)) {
        lines.emplace_back();
        continue;
      }
      std::string own;
      for (const HostPair& pair : round)
        if (pair.a == group.rank() || pair.b == group.rank()) {
          const std::uint32_t messages = second_look ? MessagesAgain(findings, options, pair, rail) : MessagesOf(options);
          EVERSTEP_ASSIGN(const PairMeasurement measured, tester.Test(pair, findings.rounds, rail, messages));
          own = Line(measured);
        }
      EVERSTEP_ASSIGN(std::vector<std::string> all, group.company.exchange(own));
      lines.push_back(std::move(all));
    }
    for (const HostPair& pair : round)
      for (std::uint32_t rail = 0; rail < rails; ++rail) {
        if (lines[rail].empty()) {
          findings.pairs.push_back({.pair = pair, .rail = rail});
          continue;
        }
        const std::vector<double> a = Numbers(lines[rail][pair.a]), b = Numbers(lines[rail][pair.b]);
        if (a.size() != 9 || b.size() != 9)
          return Fail(ErrorCode::kCorrupt,
                      Cat(group.company.Who(pair.a), " or ", group.company.Who(pair.b), " sent no measurement"));
        findings.pairs.push_back(Merge(pair, rail, a, b));
        findings.pairs.back().again = second_look;
      }
  }
  return {};
}

// Pairs of which something did not come over a rail, when they were tested last; a few are enough to see what it is.
std::vector<HostPair> Silent(const std::vector<PairMeasurement>& pairs, std::uint32_t rail) {
  constexpr std::size_t kMost = 4;
  std::map<HostPair, bool> silent;
  for (const PairMeasurement& m : pairs)
    if (m.rail == rail) silent[m.pair] = m.latency_p50 <= 0 || !m.one_way[0] || !m.one_way[1];
  std::vector<HostPair> few;
  for (const auto& [pair, is_silent] : silent)
    if (is_silent && few.size() < kMost) few.push_back(pair);
  return few;
}

// Why, a sentence a pair, tried over each rail's own addresses. One that has none is tried by way of those by which the ranks
// have met, if it is the only one.
Result<std::vector<std::string>> Reasons(ProbeGroup& group, const PairFindings& findings, Clock& clock) {
  const std::vector<RailUse> nics = group.backend->Nics();
  const std::size_t rails = findings.scores.size();
  std::vector<std::string> reasons;
  for (std::uint32_t rail = 0; rail < rails; ++rail) {
    Company over = group.company;
    if (rails > 1) {
      if (nics[rail].address.empty()) continue;
      over.address = nics[rail].address;
    }
    EVERSTEP_ASSIGN(const std::vector<std::string> some, ReachTester(over, clock).Explain(Silent(findings.pairs, rail)));
    for (const std::string& one : some) reasons.push_back(rails > 1 ? Cat("over rail ", rail, ": ", one) : one);
  }
  return reasons;
}

// Racks by number, in the order of their first ranks.
void TakeRacks(const Company& company, CheckedHosts& hosts) {
  for (const std::string& rack : company.racks) {
    const auto known = std::find(hosts.rack_names.begin(), hosts.rack_names.end(), rack);
    hosts.racks.push_back(static_cast<std::uint32_t>(known - hosts.rack_names.begin()));
    if (known == hosts.rack_names.end()) hosts.rack_names.push_back(rack);
  }
}

Result<PairLink*> LinkOf(ProbeGroup& group) {
  if (PairLink* link = group.backend->Pairs(); link != nullptr) return link;
  return Fail(ErrorCode::kInvalid, Cat(group.backend->Library(), " has no messages between two ranks here"),
              "pairs and loopback go by --backend ofi");
}

// Of all ranks at once, over one rail after the other; with registration of `register_bytes`, where that is not 0.
Result<std::vector<LoopbackMeasurement>> Loopbacks(ProbeGroup& group, PairLink& link, PairTester& tester,
                                                   std::size_t register_bytes) {
  std::vector<std::vector<LoopbackMeasurement>> by_rank(group.ranks());
  for (std::uint32_t rail = 0; rail < link.rails(); ++rail) {
    EVERSTEP_ASSIGN(LoopbackMeasurement own, tester.Loopback(rail));
    if (rail == 0 && register_bytes > 0) own.registered = group.backend->Register({register_bytes / 4, register_bytes});
    const std::string line = Join(
        {Number(own.latency_p50), Number(own.latency_p99), Number(own.bytes_per_second.value_or(0)), own.wrong ? "1" : "0"},
        " ");
    EVERSTEP_ASSIGN(const std::vector<std::string> lines, group.company.exchange(line));
    EVERSTEP_ASSIGN(const std::vector<std::string> errors, group.company.exchange(own.error));
    EVERSTEP_ASSIGN(const std::vector<std::string> registered, group.company.exchange(RegisteredLines(own.registered)));
    for (std::uint32_t rank = 0; rank < group.ranks(); ++rank) {
      const std::vector<double> numbers = Numbers(lines[rank]);
      if (numbers.size() != 4) return Fail(ErrorCode::kCorrupt, Cat(group.company.Who(rank), " sent no measurement"));
      by_rank[rank].push_back({.rank = rank,
                               .nic = link.rails() > 1 ? link.Nic(rank, rail) : "",
                               .latency_p50 = numbers[0],
                               .latency_p99 = numbers[1],
                               .bytes_per_second = Above0(numbers[2]),
                               .wrong = numbers[3] > 0,
                               .error = errors[rank],
                               .registered = RegisteredIn(registered[rank])});
    }
  }
  std::vector<LoopbackMeasurement> all;
  for (const std::vector<LoopbackMeasurement>& one : by_rank) all.insert(all.end(), one.begin(), one.end());
  return all;
}

// Where pairs cannot say which of their hosts it is, each host's own NICs may.
Result<std::vector<SelfTest>> SelfTests(ProbeGroup& group, PairLink& link, PairTester& tester) {
  EVERSTEP_ASSIGN(const std::vector<LoopbackMeasurement> all, Loopbacks(group, link, tester, 0));
  std::vector<SelfTest> tests;
  for (const LoopbackMeasurement& one : all) {
    std::string why = one.error;
    if (why.empty() && one.wrong) why = "it does not get from itself what it sends";
    if (!one.nic.empty() && !why.empty()) why = Cat(one.nic, ": ", why);
    const auto rail = static_cast<std::uint32_t>(tests.size() % link.rails());
    tests.push_back(
        {.host = one.rank, .rail = link.rails() > 1 ? std::optional(rail) : std::nullopt, .passed = why.empty(), .why = why});
  }
  return tests;
}

}  // namespace

Result<PairFindings> RunPairs(ProbeGroup& group, const ProbeOptions& options, Clock& clock) {
  PairFindings findings;
  findings.seed = options.seed;
  for (std::uint32_t rank = 0; rank < group.ranks(); ++rank) findings.hosts.names.push_back(group.company.Who(rank));
  TakeRacks(group.company, findings.hosts);
  EVERSTEP_ASSIGN(PairLink * link, LinkOf(group));
  findings.scores.resize(link->rails());
  findings.hosts.rails = link->rails();
  for (std::uint32_t rank = 0; rank < group.ranks() && link->rails() > 1; ++rank) {
    findings.hosts.nics.emplace_back();
    for (std::uint32_t rail = 0; rail < link->rails(); ++rail) findings.hosts.nics.back().push_back(link->Nic(rank, rail));
  }
  const std::size_t hosts = std::set(group.company.hosts.begin(), group.company.hosts.end()).size();
  if (hosts < group.ranks())
    findings.note = Cat(group.ranks(), " ranks are on ", Count(hosts, "host"),
                        ": what passes between ranks of one host passes no network; start one a host to test hosts");
  EVERSTEP_TRY(TakeFloor(group, options, findings));
  PairTester tester(group, *link, options, clock);
  const auto play = [&](const std::vector<PairRound>& rounds, bool second_look = false) {
    return Play(group, tester, options, rounds, second_look, findings);
  };
  EVERSTEP_ASSIGN(const PairPlan plan,
                  PairRounds(group.ranks(), options.level,
                             {.seed = options.seed, .racks = findings.hosts.racks, .cross_per_rack_max = {}}));
  EVERSTEP_TRY(play(plan.rounds));
  NoteLostRails(findings);
  const auto judged = [&](std::size_t retests_from) {
    return WithoutRails(Judged(findings, retests_from), findings.lost_rails);
  };
  EVERSTEP_TRY(play(PlanConfirmations(group.ranks(), judged(kNone))));
  EVERSTEP_TRY(play(PlanSecondLook(findings.hosts, judged(kNone))));
  const std::size_t retests_from = findings.pairs.size();
  for (auto rounds = PlanRetests(findings.hosts, judged(retests_from)); !rounds.empty();
       rounds = PlanRetests(findings.hosts, judged(retests_from)))
    EVERSTEP_TRY(play(rounds, true));
  std::vector<Verdict> verdicts = Conclude(findings.hosts, judged(retests_from), {});
  const auto cannot_say = [](const Verdict& verdict) { return verdict.kind == VerdictKind::pair; };
  if (std::any_of(verdicts.begin(), verdicts.end(), cannot_say)) {
    EVERSTEP_ASSIGN(const std::vector<SelfTest> self, SelfTests(group, *link, tester));
    verdicts = Conclude(findings.hosts, judged(retests_from), self);
  }
  for (Verdict& verdict : verdicts) findings.verdicts.push_back(std::move(verdict));
  EVERSTEP_ASSIGN(findings.reasons, Reasons(group, findings, clock));
  const std::optional<MeasuredRun> measured = MeasuredOf(findings);
  if (measured && findings.verdicts.empty() && findings.note.empty() && group.ranks() > 1)
    findings.measured = std::pair(KeyOf(group, options), *measured);
  return findings;
}

Result<std::vector<LoopbackMeasurement>> RunLoopback(ProbeGroup& group, const ProbeOptions& options, Clock& clock) {
  EVERSTEP_ASSIGN(PairLink * link, LinkOf(group));
  PairTester tester(group, *link, options, clock);
  return Loopbacks(group, *link, tester, options.register_bytes);
}

}  // namespace everstep
