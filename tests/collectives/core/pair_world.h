// A cluster with planted faults for the localiser: a pair test fails with chance `p` where a fault touches it, and with chance
// `noise` where none does. Rounds are played as the launcher will play them: matchings, confirmations, retests, verdicts.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/rng.h"
#include "base/text.h"
#include "collectives/core/localise.h"

namespace everstep {

struct PlantedFault {
  enum class On { host, sender, receiver, link, uplink } on = On::host;
  std::uint32_t what = 0;               // host; for uplink, the rack
  std::uint32_t other = 0;              // the other end of a link
  std::optional<std::uint32_t> rail{};  // only this one
  EdgeFault as = EdgeFault::silent;
};

struct PairWorld {
  std::uint32_t hosts = 8;
  std::uint32_t rails = 1;
  std::vector<std::uint32_t> racks{};
  std::vector<PlantedFault> faults{};
  double p = 1;
  double noise = 0;
  std::optional<double> noise_again{};  // in a second look, which lasts longer; nullopt: as much
};

struct PairRun {
  std::vector<Verdict> verdicts{};
  std::size_t rounds = 0;
};

class PairPlay {
 public:
  PairPlay(const PairWorld& world, std::uint64_t seed) : world_(world), rng_(seed ^ 0x9a1fu) {
    hosts_.racks = world.racks;
    hosts_.rails = world.rails;
    for (std::uint32_t host = 0; host < world.hosts; ++host) hosts_.names.push_back(Cat("n", host + 1));
  }

  void NameRacks(std::vector<std::string> names) { hosts_.rack_names = std::move(names); }

  PairRun Run(PairLevel level, std::uint64_t seed, const std::vector<SelfTest>& self = {}) {
    Play(PairRounds(world_.hosts, level, {.seed = seed, .racks = world_.racks, .cross_per_rack_max = {}})->rounds, false);
    Play(PlanConfirmations(world_.hosts, tests_), false);
    Play(PlanSecondLook(hosts_, tests_), false);
    for (auto rounds = PlanRetests(hosts_, tests_); !rounds.empty(); rounds = PlanRetests(hosts_, tests_)) Play(rounds, true);
    return {.verdicts = Conclude(hosts_, tests_, self), .rounds = rounds_};
  }

  // One test of a pair. A host that fails does so for the whole test, not for each edge anew.
  PairTest Test(HostPair pair, bool retest) {
    PairTest test{.pair = pair, .retest = retest, .edges = {}};
    for (std::uint32_t rail = 0; rail < world_.rails; ++rail) {
      test.edges.push_back({.from = pair.a, .to = pair.b, .rail = rail, .fault = EdgeFault::none, .ratio = 1});
      test.edges.push_back({.from = pair.b, .to = pair.a, .rail = rail, .fault = EdgeFault::none, .ratio = 1});
    }
    bool touched = false;
    for (const PlantedFault& fault : world_.faults) {
      if (!Touches(fault, pair)) continue;
      touched = true;
      if (rng_.Unit() >= world_.p) continue;
      for (Edge& edge : test.edges)
        if (Hits(fault, edge)) edge.fault = fault.as, edge.ratio = fault.as == EdgeFault::slow ? 0.4 : 0;
    }
    const double noise = retest ? world_.noise_again.value_or(world_.noise) : world_.noise;
    if (!touched && noise > 0 && rng_.Unit() < noise) test.edges[rng_.Below(test.edges.size())].fault = EdgeFault::slow;
    return test;
  }

 private:
  void Play(const std::vector<PairRound>& rounds, bool retest) {
    rounds_ += rounds.size();
    for (const PairRound& round : rounds)
      for (const HostPair& pair : round) tests_.push_back(Test(pair, retest));
  }

  bool Touches(const PlantedFault& fault, HostPair pair) const {
    switch (fault.on) {
      case PlantedFault::On::host:
      case PlantedFault::On::sender:
      case PlantedFault::On::receiver: return pair.a == fault.what || pair.b == fault.what;
      case PlantedFault::On::link: return pair == HostPair{fault.what, fault.other};
      case PlantedFault::On::uplink: return (world_.racks[pair.a] == fault.what) != (world_.racks[pair.b] == fault.what);
    }
    return false;
  }
  static bool Hits(const PlantedFault& fault, const Edge& edge) {
    if (fault.rail && edge.rail != *fault.rail) return false;
    if (fault.on == PlantedFault::On::sender) return edge.from == fault.what;
    if (fault.on == PlantedFault::On::receiver) return edge.to == fault.what;
    return true;
  }

  PairWorld world_;
  Rng rng_;
  CheckedHosts hosts_{};
  std::vector<PairTest> tests_{};
  std::size_t rounds_ = 0;
};

}  // namespace everstep
