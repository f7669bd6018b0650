#include "collectives/probe/link_measure.h"

#include <algorithm>

#include "collectives/core/pairs.h"

namespace everstep {
namespace {

constexpr int kPings = 100, kStream = 100, kLarge = 12;
constexpr std::size_t kLargeBytes = 1 << 20;

// Messages one after the other in one direction; the last is answered.
Result<double> Stream(PairLink& link, const PairPath& path, bool first, std::byte* data, std::size_t bytes, int times,
                      Clock& clock) {
  const Time start = clock.Now();
  for (int i = 0; i < times; ++i) {
    if (first) EVERSTEP_TRY(link.SendTo(path, data, bytes));
    if (!first) EVERSTEP_TRY(link.ReceiveFrom(path, data, bytes));
  }
  if (first) EVERSTEP_TRY(link.ReceiveFrom(path, data, 1));
  if (!first) EVERSTEP_TRY(link.SendTo(path, data, 1));
  return Seconds(clock.Now() - start) / times;
}

Result<PairMeasured> MeasurePair(PairLink& link, std::uint32_t peer, bool first, Clock& clock) {
  EVERSTEP_ASSIGN(std::byte * data, link.Room(kLargeBytes));
  const PairPath path{.peer = peer, .test = 0, .rail = {}};
  EVERSTEP_TRY(Stream(link, path, first, data, kLargeBytes, 2, clock));  // connects, warms
  const Time start = clock.Now();
  for (int i = 0; i < kPings; ++i) {
    if (first) EVERSTEP_TRY(link.SendTo(path, data, 8));
    EVERSTEP_TRY(link.ReceiveFrom(path, data, 8));
    if (!first) EVERSTEP_TRY(link.SendTo(path, data, 8));
  }
  const double latency = Seconds(clock.Now() - start) / kPings / 2;
  EVERSTEP_ASSIGN(const double message, Stream(link, path, first, data, 8, kStream, clock));
  EVERSTEP_ASSIGN(const double large, Stream(link, path, first, data, kLargeBytes, kLarge, clock));
  return PairMeasured{.latency_seconds = latency, .message_seconds = message, .bytes_per_second = kLargeBytes / large};
}

double SecondsPerByteAdded(DataType type, Clock& clock) {
  std::vector<std::byte> a(kLargeBytes), b(kLargeBytes);
  const ReduceKernel add = ReduceKernelFor(type, ReduceOperation::sum, BestInstructionSet());
  add(a.data(), b.data(), kLargeBytes / SizeOf(type));
  const Time start = clock.Now();
  for (int i = 0; i < 4; ++i) add(a.data(), b.data(), kLargeBytes / SizeOf(type));
  return Seconds(clock.Now() - start) / 4 / kLargeBytes;
}

}  // namespace

Result<LinkModel> MeasureLinks(PairLink& link, const Company& company, DataType type, std::uint64_t seed, Clock& clock) {
  EVERSTEP_ASSIGN(const PairPlan plan,
                  PairRounds(company.ranks, PairLevel::quick, {.seed = seed, .racks = {}, .cross_per_rack_max = {}}));
  PairMeasured mine;
  // Two rounds: with an odd number of ranks, whoever sat out the first has a partner in the second.
  for (std::size_t round = 0; round < std::min<std::size_t>(2, plan.rounds.size()); ++round) {
    EVERSTEP_TRY(company.Barrier());
    for (const HostPair& pair : plan.rounds[round]) {
      if (pair.a != company.rank && pair.b != company.rank) continue;
      const bool first = pair.a == company.rank;
      EVERSTEP_ASSIGN(mine, MeasurePair(link, first ? pair.b : pair.a, first, clock));
    }
  }
  EVERSTEP_ASSIGN(const std::vector<double> latency, company.Numbers(mine.latency_seconds));
  EVERSTEP_ASSIGN(const std::vector<double> message, company.Numbers(mine.message_seconds));
  EVERSTEP_ASSIGN(const std::vector<double> bandwidth, company.Numbers(mine.bytes_per_second));
  std::vector<PairMeasured> all;
  for (std::size_t i = 0; i < latency.size(); ++i)
    all.push_back({.latency_seconds = latency[i], .message_seconds = message[i], .bytes_per_second = bandwidth[i]});
  EVERSTEP_ASSIGN(const double added, company.Mean(SecondsPerByteAdded(type, clock)));
  return ModelOf(all, added);
}

}  // namespace everstep
