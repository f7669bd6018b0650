// Which algorithm a size and a number of ranks ask for, by a model of latency and bandwidth that is fed by what pairs measured
// here. Nothing is assumed about a provider or a wire: the switching points follow from the figures.
//
// The model: a round costs `latency`, each further message of a round `message`, each byte that a rank sends or receives
// `per_byte` (the larger of both directions: links work both ways at once), each byte added `per_byte_added`. A round is as
// slow as its busiest rank (Hockney's model with LogGP's gap between messages: Alexandrov et al. 1995).
//
// The model knows no wake-ups, no cores that ranks share and no message size at which a provider changes its protocol: between
// 64 KiB and 1 MiB on four lab hosts it was off by a factor of two, and chose what was half as fast. So it says which
// algorithms are worth a trial, and the trial decides.
//
// Cost: O(N) a prediction at most.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "collectives/core/plan.h"

namespace everstep {

// In seconds.
struct LinkModel {
  double latency = 0;         // one small message from the post to the peer's completion
  double message = 0;         // a further small message in the same direction
  double per_byte = 0;        // on the wire
  double per_byte_added = 0;  // by the reduction kernel
};

// What one pair measured in one direction.
struct PairMeasured {
  double latency_seconds = 0;   // half a round trip of the smallest message, p50
  double message_seconds = 0;   // one over the rate of small messages in a stream
  double bytes_per_second = 0;  // of a stream of large messages
};

// The median pair of each figure: one bad link is the localiser's business and must not steer the choice. kInvalid: no pair
// measured anything.
Result<LinkModel> ModelOf(const std::vector<PairMeasured>& pairs, double per_byte_added);

// The work of the busiest rank, in the units of the model.
struct PlanWork {
  double rounds = 0;
  double messages = 0;  // beyond the first of their round
  double bytes = 0;
  double bytes_added = 0;
  double Seconds(const LinkModel& model) const {
    return rounds * model.latency + messages * model.message + bytes * model.per_byte + bytes_added * model.per_byte_added;
  }
};

// In closed form; `bytes` is what one rank's buffer holds. REQUIRES: Has(collective, algorithm), ranks > 0.
PlanWork WorkOf(Collective collective, Algorithm algorithm, std::uint32_t ranks, double bytes);

struct Choice {
  Algorithm algorithm = Algorithm::ring;
  double seconds = 0;  // predicted
  std::string why{};
};

// The cheapest, but a ring if it costs up to a twentieth more. The model knows no bursts: at 1 Gb/s and 16 MiB, where it saw no
// difference, a ring reached 0.95 of the wire, direct exchange and halving 0.6 (four lab hosts). REQUIRES: ranks > 0.
Choice ChooseAlgorithm(Collective collective, std::uint32_t ranks, std::uint64_t bytes, const LinkModel& model);

// Those that the model sees within a factor of three of the fastest, at most four; the soonest first. REQUIRES: ranks > 0.
std::vector<Choice> WorthATrial(Collective collective, std::uint32_t ranks, std::uint64_t bytes, const LinkModel& model);

// How a candidate is tried: `rounds` times `runs` of it, in turns with the others.
struct TrialSize {
  std::uint32_t rounds = 0;
  std::uint32_t runs = 0;
};
TrialSize TrialOf(double seconds_predicted);

// The fastest of the candidates by what their trials took, the best of each, in seconds of the slowest rank; a ring if it took
// up to a twentieth more, for the next run may meet other bursts. REQUIRES: one figure a candidate, and there are some.
Choice ChooseTried(const std::vector<Choice>& candidates, const std::vector<double>& seconds);

}  // namespace everstep
