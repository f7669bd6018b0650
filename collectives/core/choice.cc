#include "collectives/core/choice.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/check.h"
#include "base/text.h"
#include "collectives/core/figures.h"

namespace everstep {
namespace {

constexpr double kAsGood = 1.05;

double Median(std::vector<double> values) {
  const std::size_t middle = values.size() / 2;
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(middle), values.end());
  return values[middle];
}

PlanWork operator+(const PlanWork& a, const PlanWork& b) {
  return {.rounds = a.rounds + b.rounds,
          .messages = a.messages + b.messages,
          .bytes = a.bytes + b.bytes,
          .bytes_added = a.bytes_added + b.bytes_added};
}

// Half a collective: N-1 shares of the buffer go out and come in.
PlanWork RingHalf(double n, double bytes, bool add) {
  const double moved = (n - 1) / n * bytes;
  return {.rounds = n - 1, .messages = 0, .bytes = moved, .bytes_added = add ? moved : 0};
}
PlanWork DirectHalf(double n, double bytes, bool add) {
  const double moved = (n - 1) / n * bytes;
  return {.rounds = 1, .messages = n - 2, .bytes = moved, .bytes_added = add ? moved : 0};
}
PlanWork FoldHalf(double bytes, bool add) {
  return {.rounds = 1, .messages = 0, .bytes = bytes, .bytes_added = add ? bytes : 0};
}

PlanWork HalvingWork(Collective collective, std::uint32_t ranks, double bytes) {
  const double players = std::bit_floor(ranks);
  const double n = ranks;
  const double rounds = std::log2(players);
  const bool folds = players < n;
  if (collective == Collective::all_reduce) {
    const double moved = (players - 1) / players * bytes;
    const PlanWork play{.rounds = 2 * rounds, .messages = 0, .bytes = 2 * moved, .bytes_added = moved};
    return folds ? FoldHalf(bytes, true) + play + FoldHalf(bytes, false) : play;
  }
  // The busiest player stands for the fewest ranks: it moves all blocks but its own.
  const bool add = collective == Collective::reduce_scatter;
  const double moved = (n - 1) / n * bytes;
  const PlanWork play{.rounds = rounds, .messages = 0, .bytes = moved, .bytes_added = add ? moved : 0};
  if (!folds) return play;
  // A folded rank brings everything and takes its share, or the other way round.
  return play + FoldHalf(bytes, add) + FoldHalf(bytes / n, false);
}

std::string Milliseconds(double seconds) { return Cat(Figure(seconds * 1e3), " ms"); }

}  // namespace

Result<LinkModel> ModelOf(const std::vector<PairMeasured>& pairs, double per_byte_added) {
  std::vector<double> latency, message, per_byte;
  for (const PairMeasured& pair : pairs) {
    if (pair.latency_seconds > 0) latency.push_back(pair.latency_seconds);
    if (pair.message_seconds > 0) message.push_back(pair.message_seconds);
    if (pair.bytes_per_second > 0) per_byte.push_back(1 / pair.bytes_per_second);
  }
  if (latency.empty() || per_byte.empty())
    return Fail(ErrorCode::kInvalid, Cat("no latency or no bandwidth among ", Count(pairs.size(), "pair"), " measured"),
                "a choice needs at least one pair that has both");
  const double small = Median(latency);
  return LinkModel{.latency = small,
                   .message = message.empty() ? small : Median(message),
                   .per_byte = Median(per_byte),
                   .per_byte_added = per_byte_added};
}

PlanWork WorkOf(Collective collective, Algorithm algorithm, std::uint32_t ranks, double bytes) {
  Check(ranks > 0 && Has(collective, algorithm), "the collective has this algorithm");
  if (ranks == 1) return {};
  const double n = ranks;
  const double players = std::bit_floor(ranks);
  const bool adds = collective == Collective::all_reduce || collective == Collective::reduce_scatter;
  switch (algorithm) {
    case Algorithm::ring:
      return collective == Collective::all_reduce ? RingHalf(n, bytes, true) + RingHalf(n, bytes, false)
                                                  : RingHalf(n, bytes, adds);
    case Algorithm::direct:
      return collective == Collective::all_reduce ? DirectHalf(n, bytes, true) + DirectHalf(n, bytes, false)
                                                  : DirectHalf(n, bytes, adds);
    case Algorithm::star: {
      const double moved = (n - 1) * bytes;
      return {.rounds = 2, .messages = 2 * (n - 2), .bytes = 2 * moved, .bytes_added = moved};
    }
    case Algorithm::recursive_doubling: {
      const double rounds = std::log2(players);
      const PlanWork play{.rounds = rounds, .messages = 0, .bytes = rounds * bytes, .bytes_added = rounds * bytes};
      return players < n ? FoldHalf(bytes, true) + play + FoldHalf(bytes, false) : play;
    }
    case Algorithm::halving_doubling: return HalvingWork(collective, ranks, bytes);
  }
  return {};
}

namespace {

std::vector<Choice> Predictions(Collective collective, std::uint32_t ranks, std::uint64_t bytes, const LinkModel& model) {
  Check(ranks > 0, "a collective has ranks");
  std::vector<Choice> all;
  for (std::size_t i = 0; i < NamesOf(Algorithm{}).size(); ++i) {
    const auto algorithm = static_cast<Algorithm>(i);
    if (!Has(collective, algorithm)) continue;
    all.push_back({.algorithm = algorithm,
                   .seconds = WorkOf(collective, algorithm, ranks, static_cast<double>(bytes)).Seconds(model),
                   .why = {}});
  }
  return all;
}

bool Sooner(const Choice& a, const Choice& b) { return a.seconds < b.seconds; }

}  // namespace

Choice ChooseAlgorithm(Collective collective, std::uint32_t ranks, std::uint64_t bytes, const LinkModel& model) {
  const std::vector<Choice> all = Predictions(collective, ranks, bytes, model);
  const Choice fastest = *std::min_element(all.begin(), all.end(), Sooner);
  const Choice& ring = all.front();
  Check(ring.algorithm == Algorithm::ring, "every collective has a ring");
  Choice best = ring.seconds <= kAsGood * fastest.seconds ? ring : fastest;
  best.why = Cat(Name(best.algorithm), " should take ", Milliseconds(best.seconds), " for ", bytes, " bytes on ",
                 Count(ranks, "rank"));
  if (best.algorithm != fastest.algorithm)
    best.why += Cat("; ", Name(fastest.algorithm), " with ", Milliseconds(fastest.seconds), " is too near to be better");
  return best;
}

std::vector<Choice> WorthATrial(Collective collective, std::uint32_t ranks, std::uint64_t bytes, const LinkModel& model) {
  constexpr double kWithin = 3;
  constexpr std::size_t kMost = 4;
  std::vector<Choice> all = Predictions(collective, ranks, bytes, model);
  std::stable_sort(all.begin(), all.end(), Sooner);
  const double most = kWithin * all.front().seconds;
  std::erase_if(all, [&](const Choice& one) { return one.seconds > most; });
  all.resize(std::min(all.size(), kMost));
  return all;
}

TrialSize TrialOf(double seconds_predicted) {
  constexpr double kRoundSeconds = 1e-3;  // long enough that one wake-up does not decide
  constexpr double kLong = 10e-3;
  const double runs = std::clamp(std::ceil(kRoundSeconds / std::max(seconds_predicted, 1e-9)), 1.0, 16.0);
  return {.rounds = seconds_predicted < kLong ? 5u : 2u, .runs = static_cast<std::uint32_t>(runs)};
}

Choice ChooseTried(const std::vector<Choice>& candidates, const std::vector<double>& seconds) {
  Check(!candidates.empty() && candidates.size() == seconds.size(), "every candidate was tried");
  const auto fastest = static_cast<std::size_t>(std::min_element(seconds.begin(), seconds.end()) - seconds.begin());
  std::size_t best = fastest;
  for (std::size_t i = 0; i < candidates.size(); ++i)
    if (candidates[i].algorithm == Algorithm::ring && seconds[i] <= kAsGood * seconds[fastest]) best = i;
  return {.algorithm = candidates[best].algorithm,
          .seconds = seconds[best],
          .why = Cat(Name(candidates[best].algorithm), " took ", Milliseconds(seconds[best]), ", the ",
                     best == fastest ? "fastest" : "ring that is as good as the fastest", " of ",
                     Count(candidates.size(), "candidate"))};
}

}  // namespace everstep
