#include "tests/sim/replay.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

#include "base/rng.h"
#include "base/text.h"
#include "tests/sim/cluster.h"

namespace everstep::sim {

namespace {

constexpr double kHour = 3600, kDay = 24 * kHour;

struct Trace {
  const char* name;
  const char* what;
  LongJob job;
  int hosts;  // at most 128 are simulated
};

// Llama 3: 419 interruptions in 54 days; a host that falls silent is the exception, most say XID or ECC and the rank ends.
constexpr Trace kTraces[] = {
    {"llama3", "Llama 3, 2,048 hosts, 419 failures in 54 days", {54 * kDay, 54 * kDay / 419, 0.2}, 128},
    {"rsc", "RSC, 128 hosts, one failure in 7.9 h", {54 * kDay, 7.9 * kHour, 0.2}, 128},
    {"finetune", "fine-tune, 8 hosts, one failure in 5.3 days", {54 * kDay, 5.3 * kDay, 0.2}, 8}};

// The columns of the table that the design rests on.
constexpr Saves kSetups[] = {{"sync, C 60 s, D+R 15 min", 60, 0, 15 * 60},
                             {"async, C 5 s, L 60 s, D+R 5 min", 5, 60, 5 * 60},
                             {"async, C 1 s, L 30 s, D+R 2 min", 1, 30, 2 * 60},
                             {"peer memory, C 0.5 s, L 10 s, D+R 30 s", 0.5, 10, 30}};

// One job on all of so many hosts but the spares, and such a failure every half minute.
std::vector<double> Measure(int hosts, FaultKind kind) {
  std::vector<double> all;
  RunOptions options{.hosts = hosts + 3, .jobs = 1, .nodes = static_cast<std::uint32_t>(hosts), .fault_phase = 150s};
  for (options.seed = 1; options.seed <= (hosts > 20 ? 10u : 40u); ++options.seed) {
    Rng dice(options.seed);
    options.faults.emplace();
    for (Duration at = 30s; at < 130s; at += 30s)
      options.faults->push_back({.at = AtNanoseconds(0) + at + dice.Jitter(5s),
                                 .kind = kind,
                                 .hosts = {1 + static_cast<int>(dice.Below(static_cast<std::uint64_t>(hosts)))},
                                 .lasts = 25s,
                                 .dice = dice.Next()});
    for (const Duration recovery : Cluster(options).Run().recoveries) all.push_back(Seconds(recovery));
  }
  std::sort(all.begin(), all.end());
  return all;
}

double Mean(const std::vector<double>& all) {
  double sum = 0;
  for (const double one : all) sum += one;
  return all.empty() ? 0 : sum / static_cast<double>(all.size());
}

class Run {
 public:
  Run(const LongJob& job, const Saves& setup, const Recoveries& recoveries, double interval, Rng rng)
      : job_(job), setup_(setup), recoveries_(recoveries), interval_(interval), rng_(rng) {
    const double ours = job.host_lost * Mean(recoveries.host) + (1 - job.host_lost) * Mean(recoveries.rank);
    own_ = std::max(0.0, setup.restart - ours);  // of the script: imports, communicators, reading the checkpoint
  }

  // The useful share of its time.
  double Ettr() {
    const double end = job_.lasts;
    double now = 0, durable = 0;  // time, and useful time that no failure takes away
    double ready = 0;             // the ranks step from here on
    while (now < end) {
      const double fails = now - std::log(1 - rng_.Unit()) * job_.mttf;
      if (fails > ready) durable += Saved(std::min(fails, end) - ready);
      if (fails >= end) {
        durable += Unsaved(end - std::min(end, ready));  // at the end nothing is lost
        break;
      }
      now = fails;
      const std::vector<double>& from = rng_.Unit() < job_.host_lost ? recoveries_.host : recoveries_.rank;
      ready = now + from[rng_.Below(from.size())] + own_ * (0.8 + 0.4 * rng_.Unit());
    }
    return durable / end;
  }

 private:
  double Useful(double lasted) const {
    const double round = interval_ + setup_.cost;
    const double rounds = std::floor(lasted / round);
    return rounds * interval_ + std::min(interval_, lasted - rounds * round);
  }
  // Of a stretch of steps and saves: what the last save that became durable has in it.
  double Saved(double lasted) const {
    const double rounds = std::floor((lasted - setup_.latency) / (interval_ + setup_.cost));
    return std::max(0.0, rounds) * interval_;
  }
  double Unsaved(double lasted) const { return Useful(lasted) - Saved(lasted); }

  const LongJob& job_;
  const Saves& setup_;
  const Recoveries& recoveries_;
  const double interval_;
  double own_ = 0;
  Rng rng_;
};

void Print(const Trace& trace, const Saves& setup, const Recoveries& recoveries, double interval, std::uint64_t runs) {
  std::vector<double> shares;
  for (std::uint64_t run = 1; run <= runs; ++run)
    shares.push_back(100 * SimulatedEttr(trace.job, setup, recoveries, interval, Rng(run * 7919)));
  std::sort(shares.begin(), shares.end());
  const double mean = Mean(shares), predicted = 100 * PredictedEttr(trace.job.mttf, setup, interval);
  std::printf("| %s | %s | %.2f %% (%.2f to %.2f) | %.2f %% | %+.2f |\n", setup.name,
              Show(std::chrono::duration_cast<Duration>(std::chrono::duration<double>(interval))).c_str(), mean, shares.front(),
              shares.back(), predicted, mean - predicted);
}

}  // namespace

double SimulatedEttr(const LongJob& job, const Saves& saves, const Recoveries& recoveries, double interval, Rng rng) {
  return Run(job, saves, recoveries, interval, rng).Ettr();
}

double PredictedEttr(double mttf, const Saves& saves, double interval) {
  return interval / (mttf * std::exp((saves.restart + saves.latency) / mttf) * (std::exp((interval + saves.cost) / mttf) - 1));
}

double AdvisedInterval(double mttf, const Saves& saves) { return std::max(saves.latency, std::sqrt(2 * saves.cost * mttf)); }

bool Replay(const std::string& name, std::uint64_t runs) {
  const auto wanted = [&name](const Trace& trace) { return name == "all" || name == trace.name; };
  if (std::none_of(std::begin(kTraces), std::end(kTraces), wanted)) return false;
  for (const Trace& trace : kTraces) {
    if (!wanted(trace)) continue;
    const Recoveries recoveries{Measure(trace.hosts, FaultKind::rank_kill), Measure(trace.hosts, FaultKind::power_loss)};
    std::printf("\n%s; %llu runs of %.0f days\n", trace.what, static_cast<unsigned long long>(runs), trace.job.lasts / kDay);
    for (const auto& [what, all] : {std::pair("a rank's end", &recoveries.rank), std::pair("a host's loss", &recoveries.host)})
      std::printf("%s on %d hosts, first sign to the next start: mean %.2f s, p50 %.2f s, max %.2f s, %zu recoveries\n", what,
                  trace.hosts, Mean(*all), (*all)[all->size() / 2], all->back(), all->size());
    std::printf("\n| saves | interval | ETTR, mean (least to most) | formula | difference, points |\n|---|---|---|---|---|\n");
    for (const Saves& setup : kSetups) {
      Print(trace, setup, recoveries, kHour, runs);
      Print(trace, setup, recoveries, AdvisedInterval(trace.job.mttf, setup), runs);
    }
  }
  return true;
}

}  // namespace everstep::sim
