#include "collectives/probe/pair_bench.h"
#include "collectives/core/figures.h"
#include "collectives/core/robust.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <set>

#include "base/contains.h"
#include "base/text.h"
#include "collectives/core/rail_loss.h"
#include "collectives/probe/pair_tester.h"
#include "collectives/probe/reach_tester.h"

namespace everstep {
namespace {

constexpr std::uint32_t kMessages = 8;
constexpr std::size_t kNone = static_cast<std::size_t>(-1);  // no measurement is a retest

std::uint32_t MessagesOf(const ProbeOptions& options) { return options.iterations.value_or(kMessages); }
std::size_t BytesOf(const ProbeOptions& options) { return std::max<std::size_t>(options.bytes_max / 8 * 8, 8); }

PairTester TesterOf(const ProbeGroup& group, PairLink& link, const ProbeOptions& options, Clock& clock) {
  const bool turns = options.tamper && options.tamper->rank == group.rank();
  return {group, link, BytesOf(options), options.seed, turns ? std::optional(options.tamper->round) : std::nullopt, clock};
}

std::string Number(double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%.9g", value);
  return text;
}

std::vector<double> Numbers(const std::string& line) {
  std::vector<double> numbers;
  for (const std::string& word : Split(line, ' ')) numbers.push_back(std::strtod(word.c_str(), nullptr));
  return numbers;
}

constexpr char kBetween = '\x1f';

// "p50 p99 there back both", 0 for what did not come; what was wrong, and the error, are texts behind.
std::string Line(const PairSide& side) {
  const std::string numbers = Join({Number(side.latency_p50), Number(side.latency_p99), Number(side.one_way[0].value_or(0)),
                                    Number(side.one_way[1].value_or(0)), Number(side.both_ways.value_or(0))},
                                   " ");
  return Join({numbers, Printable(side.wrong), Printable(side.error)}, std::string(1, kBetween));
}

std::optional<double> Above0(double value) { return value > 0 ? std::optional(value) : std::nullopt; }

std::optional<PairSide> SideIn(const std::string& line) {
  const std::vector<std::string> parts = Split(line, kBetween);
  if (parts.size() != 3) return std::nullopt;
  const std::vector<double> numbers = Numbers(parts[0]);
  if (numbers.size() != 5) return std::nullopt;
  return PairSide{.latency_p50 = numbers[0],
                  .latency_p99 = numbers[1],
                  .one_way = {Above0(numbers[2]), Above0(numbers[3])},
                  .both_ways = Above0(numbers[4]),
                  .wrong = parts[1],
                  .error = parts[2]};
}

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

// Both ends have told: `a` times its own sending, `b` its own; each knows what was wrong of what it got. What one end did not
// get is not measured.
PairMeasurement Merge(HostPair pair, std::uint32_t rail, const PairSide& a, const PairSide& b) {
  PairMeasurement merged{.pair = pair, .rail = rail, .latency_p50 = a.latency_p50, .latency_p99 = a.latency_p99};
  for (std::size_t direction = 0; direction < 2; ++direction) {
    const PairSide& sender = direction == 0 ? a : b;
    const PairSide& receiver = direction == 0 ? b : a;
    if (receiver.one_way[direction]) merged.one_way[direction] = sender.one_way[direction];
    merged.wrong[direction] = !receiver.wrong.empty();
  }
  if (b.both_ways) merged.both_ways = a.both_ways;
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

using Begins = std::function<void(const PairStep&)>;

void Tell(const Begins& begins, const PairStep& step) {
  if (begins) begins(step);
}

// Rounds of one kind.
struct Stage {
  std::string_view name{};
  std::vector<PairRound> rounds{};
  bool second_look = false;
};

// Plays them, each over one rail after the other, and learns what all pairs measured. What a rail's silence costs one pair is
// waited for by all before the next rail. A rail that is lost between all is not tested any more, and counts as silent.
Status Play(ProbeGroup& group, PairTester& tester, const ProbeOptions& options, const Stage& stage, const Begins& begins,
            PairFindings& findings) {
  const auto rails = static_cast<std::uint32_t>(findings.scores.size());
  const bool second_look = stage.second_look;
  std::size_t begun = 0;
  for (const PairRound& round : stage.rounds) {
    Tell(begins, {.round = ++begun, .of = stage.rounds.size(), .stage = stage.name});
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
          const bool first = pair.a == group.rank();
          EVERSTEP_ASSIGN(const PairSide side, tester.Test(first ? pair.b : pair.a, first, findings.rounds, rail, messages));
          own = Line(side);
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
        const std::optional<PairSide> a = SideIn(lines[rail][pair.a]), b = SideIn(lines[rail][pair.b]);
        if (!a || !b)
          return Fail(ErrorCode::kCorrupt,
                      Cat(group.company.Who(pair.a), " or ", group.company.Who(pair.b), " sent no measurement"));
        findings.pairs.push_back(Merge(pair, rail, *a, *b));
        findings.pairs.back().again = second_look;
        for (const std::string& wrong : {a->wrong, b->wrong})
          if (!wrong.empty()) findings.wrong.push_back(wrong);
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
                                                   const ProbeOptions& options, std::size_t register_bytes) {
  std::vector<std::vector<LoopbackMeasurement>> by_rank(group.ranks());
  for (std::uint32_t rail = 0; rail < link.rails(); ++rail) {
    EVERSTEP_ASSIGN(const PairSide own, tester.Loopback(rail, MessagesOf(options)));
    std::vector<Registered> memory;
    if (rail == 0 && register_bytes > 0) memory = group.backend->Register({register_bytes / 4, register_bytes});
    EVERSTEP_ASSIGN(const std::vector<std::string> lines, group.company.exchange(Line(own)));
    EVERSTEP_ASSIGN(const std::vector<std::string> registered, group.company.exchange(RegisteredLines(memory)));
    for (std::uint32_t rank = 0; rank < group.ranks(); ++rank) {
      const std::optional<PairSide> side = SideIn(lines[rank]);
      if (!side) return Fail(ErrorCode::kCorrupt, Cat(group.company.Who(rank), " sent no measurement"));
      const auto both = side->both_ways;
      by_rank[rank].push_back({.rank = rank,
                               .nic = link.rails() > 1 ? link.Nic(rank, rail) : "",
                               .latency_p50 = side->latency_p50,
                               .latency_p99 = side->latency_p99,
                               .bytes_per_second = both ? std::optional(*both / 2) : std::nullopt,  // sent is what comes
                               .wrong = side->wrong,
                               .error = side->error,
                               .registered = RegisteredIn(registered[rank])});
    }
  }
  std::vector<LoopbackMeasurement> all;
  for (const std::vector<LoopbackMeasurement>& one : by_rank) all.insert(all.end(), one.begin(), one.end());
  return all;
}

// Where pairs cannot say which of their hosts it is, each host's own NICs may.
Result<std::vector<SelfTest>> SelfTests(ProbeGroup& group, PairLink& link, PairTester& tester, const ProbeOptions& options) {
  EVERSTEP_ASSIGN(const std::vector<LoopbackMeasurement> all, Loopbacks(group, link, tester, options, 0));
  std::vector<SelfTest> tests;
  for (const LoopbackMeasurement& one : all) {
    std::string why = one.error;
    if (why.empty() && !one.wrong.empty()) why = "it does not get from itself what it sends";
    if (!one.nic.empty() && !why.empty()) why = Cat(one.nic, ": ", why);
    const auto rail = static_cast<std::uint32_t>(tests.size() % link.rails());
    tests.push_back(
        {.host = one.rank, .rail = link.rails() > 1 ? std::optional(rail) : std::nullopt, .passed = why.empty(), .why = why});
  }
  return tests;
}

}  // namespace

Result<PairFindings> RunPairs(ProbeGroup& group, const ProbeOptions& options, Clock& clock, const Begins& begins) {
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
  PairTester tester = TesterOf(group, *link, options, clock);
  const auto play = [&](Stage stage) { return Play(group, tester, options, stage, begins, findings); };
  EVERSTEP_ASSIGN(const PairPlan plan,
                  PairRounds(group.ranks(), options.level,
                             {.seed = options.seed, .racks = findings.hosts.racks, .cross_per_rack_max = {}}));
  EVERSTEP_TRY(play({.name = "pairs", .rounds = plan.rounds}));
  NoteLostRails(findings);
  const auto judged = [&](std::size_t retests_from) {
    return WithoutRails(Judged(findings, retests_from), findings.lost_rails);
  };
  EVERSTEP_TRY(play({.name = "more partners of suspects", .rounds = PlanConfirmations(group.ranks(), judged(kNone))}));
  EVERSTEP_TRY(play({.name = "still more, where that was little", .rounds = PlanSecondLook(findings.hosts, judged(kNone))}));
  const std::size_t retests_from = findings.pairs.size();
  for (auto rounds = PlanRetests(findings.hosts, judged(retests_from)); !rounds.empty();
       rounds = PlanRetests(findings.hosts, judged(retests_from)))
    EVERSTEP_TRY(play({.name = "a second, longer look", .rounds = rounds, .second_look = true}));
  std::vector<Verdict> verdicts = Conclude(findings.hosts, judged(retests_from), {});
  const auto cannot_say = [](const Verdict& verdict) { return verdict.kind == VerdictKind::pair; };
  if (std::any_of(verdicts.begin(), verdicts.end(), cannot_say)) {
    Tell(begins, {.round = 1, .of = 1, .stage = "each host with itself"});
    EVERSTEP_ASSIGN(const std::vector<SelfTest> self, SelfTests(group, *link, tester, options));
    verdicts = Conclude(findings.hosts, judged(retests_from), self);
  }
  for (Verdict& verdict : verdicts) findings.verdicts.push_back(std::move(verdict));
  if (!findings.verdicts.empty()) Tell(begins, {.round = 1, .of = 1, .stage = "why pairs do not answer"});
  EVERSTEP_ASSIGN(findings.reasons, Reasons(group, findings, clock));
  const std::optional<MeasuredRun> measured = MeasuredOf(findings);
  if (measured && findings.verdicts.empty() && findings.note.empty() && group.ranks() > 1)
    findings.measured = std::pair(KeyOf(group, options), *measured);
  return findings;
}

Result<std::vector<LoopbackMeasurement>> RunLoopback(ProbeGroup& group, const ProbeOptions& options, Clock& clock) {
  EVERSTEP_ASSIGN(PairLink * link, LinkOf(group));
  PairTester tester = TesterOf(group, *link, options, clock);
  return Loopbacks(group, *link, tester, options, options.register_bytes);
}

}  // namespace everstep
