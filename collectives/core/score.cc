#include "collectives/core/score.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <utility>

#include "base/text.h"
#include "collectives/core/figures.h"
#include "collectives/core/robust.h"

namespace everstep {
namespace {

constexpr std::size_t kFewest = 4;  // transfers that make a class of its own
constexpr int kPolishings = 4;      // it converges in two or three
// Transfers for each effect taken out. With fewer, effects swallow the spread itself: six pairs of four noisy hosts looked like
// six outliers.
constexpr std::size_t kPerEffect = 4;

bool Across(const CheckedHosts& hosts, const Transfer& transfer) {
  return !hosts.racks.empty() && hosts.racks[transfer.from] != hosts.racks[transfer.to];
}

bool Came(const Transfer& transfer) { return transfer.bytes_per_second && *transfer.bytes_per_second > 0; }

// One of each direction of a pair: who was tested again, because it is slow, must not make slow what is normal. Of three hosts
// two tests more of the bad one's pairs were enough for that.
std::vector<Transfer> Newest(const std::vector<Transfer>& transfers) {
  std::map<std::pair<std::uint32_t, std::uint32_t>, Transfer> newest;
  for (const Transfer& transfer : transfers) newest.insert_or_assign({transfer.from, transfer.to}, transfer);
  std::vector<Transfer> all;
  for (const auto& [ends, transfer] : newest) all.push_back(transfer);
  return all;
}

using ByHost = std::vector<std::vector<double>>;

// The median of the hosts' own medians: two bad hosts of eight have a part in nearly half of all transfers, and in more than
// half once suspects have been tested again, but in a minority of any good host's.
double MedianOfHosts(const ByHost& logs) {
  std::vector<double> medians;
  for (const std::vector<double>& own : logs)
    if (!own.empty()) medians.push_back(MedianOf(own));
  return MedianOf(std::move(medians));
}

// Of log(bandwidth) within and across racks; one for both where either has too few.
std::array<double, 2> ClassMedians(const CheckedHosts& hosts, const std::vector<Transfer>& transfers) {
  std::array<ByHost, 2> logs{ByHost(hosts.names.size()), ByHost(hosts.names.size())};
  std::array<std::size_t, 2> counts{};
  ByHost all(hosts.names.size());
  for (const Transfer& transfer : transfers) {
    if (!Came(transfer)) continue;
    const bool across = Across(hosts, transfer);
    ++counts[across];
    for (const std::uint32_t host : {transfer.from, transfer.to}) {
      logs[across][host].push_back(std::log(*transfer.bytes_per_second));
      all[host].push_back(logs[across][host].back());
    }
  }
  if (std::min(counts[0], counts[1]) < kFewest) return {MedianOfHosts(all), MedianOfHosts(all)};
  return {MedianOfHosts(logs[0]), MedianOfHosts(logs[1])};
}

struct Cell {
  std::uint32_t from = 0;
  std::uint32_t to = 0;
  double left = 0;  // of the deviation, when effects are taken out
};

// Takes the median of each sender's (or receiver's) cells out of them and adds it to `effects`.
void Polish(std::vector<Cell>& cells, std::uint32_t Cell::*by, std::vector<double>& effects) {
  std::vector<std::vector<double>> groups(effects.size());
  for (const Cell& cell : cells) groups[cell.*by].push_back(cell.left);
  std::vector<double> medians;
  for (std::vector<double>& group : groups) medians.push_back(MedianOf(std::move(group)));
  for (std::size_t host = 0; host < effects.size(); ++host) effects[host] += medians[host];
  for (Cell& cell : cells) cell.left -= medians[cell.*by];
}

double Spread(const std::vector<Cell>& cells) {
  std::vector<double> left;
  for (const Cell& cell : cells) left.push_back(cell.left);
  return kSigmaPerMad * MadOf(std::move(left));
}

}  // namespace

Scores ScoreTransfers(const CheckedHosts& hosts, const std::vector<Transfer>& transfers, const std::optional<Floor>& floor,
                      const ScoreOptions& options) {
  const std::vector<Transfer> newest = Newest(transfers);
  const std::array<double, 2> medians = ClassMedians(hosts, newest);
  const auto deviation_of = [&](const Transfer& transfer) {
    return std::log(*transfer.bytes_per_second) - medians[Across(hosts, transfer)];
  };
  Scores scores;
  std::vector<Cell> cells;
  for (const Transfer& transfer : newest)
    if (Came(transfer)) cells.push_back({transfer.from, transfer.to, deviation_of(transfer)});
  const std::vector<Cell> deviations = cells;
  scores.as_sender.resize(hosts.names.size());
  scores.as_receiver.resize(hosts.names.size());
  for (int i = 0; i < kPolishings; ++i) {
    Polish(cells, &Cell::from, scores.as_sender);
    Polish(cells, &Cell::to, scores.as_receiver);
  }
  for (std::vector<double>* effects : {&scores.as_sender, &scores.as_receiver})
    for (double& effect : *effects) effect = std::exp(effect);
  scores.median = cells.empty() ? 0 : std::exp(medians[0]);
  const bool enough = cells.size() >= kPerEffect * 2 * hosts.names.size();
  scores.sigma = std::max(options.sigma_min, Spread(enough ? cells : deviations));

  const double unusual = std::max(options.sigmas * scores.sigma, -std::log1p(-options.slower_min));
  const double slow_below = -std::min(unusual, -std::log(options.always_slow));
  for (const Transfer& transfer : transfers) {
    Edge edge{.from = transfer.from, .to = transfer.to, .rail = transfer.rail, .fault = EdgeFault::silent, .ratio = 0};
    if (Came(transfer)) {
      const double deviation = deviation_of(transfer);
      edge.ratio = std::exp(deviation);
      const double below = transfer.again ? std::max(slow_below, std::log(options.slow_again)) : slow_below;
      edge.fault = deviation < below                                               ? EdgeFault::slow
                   : floor && *transfer.bytes_per_second < floor->bytes_per_second ? EdgeFault::below_floor
                                                                                   : EdgeFault::none;
    }
    if (transfer.wrong_data) edge.fault = EdgeFault::wrong_data;
    scores.edges.push_back(edge);
  }
  scores.why = Cat(Count(transfers.size(), "transfer"), ", median ", Figure(scores.median / 1e9), " GB/s; slow is below ",
                   Figure(std::exp(slow_below), 2), " of it", floor ? Cat(", or below the floor: ", floor->why) : "");
  return scores;
}

}  // namespace everstep
