// What came of a drill, as the launcher's streams tell of it: when it was noticed, decided, started again, and when the first
// step came. Pure: times are arguments.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/fields.h"
#include "launcher/core/api.h"

namespace everstep {

// unfinished: not at its end when the watch was. refused: the host has not done it.
EVERSTEP_ENUM(DrillOutcome, unfinished, recovered, undisturbed, ended, refused)

// Times count from the fault, as this command saw it: they hold the way of the news, a millisecond or a few, and ranks tell of
// their steps once a second.
struct DrillView {
  JobId job{};
  std::string fault{};  // as it is written on the command line
  NodeId node{};        // empty: the launcher
  std::optional<std::uint32_t> rank{};
  Generation generation{};  // that was hit
  DrillOutcome outcome = DrillOutcome::unfinished;
  std::optional<Generation> resumed{};                // the generation that went on
  std::optional<Duration> noticed{};                  // the generation is known to be broken
  std::optional<Duration> decided{};                  // hosts, port and checkpoint of the next one are chosen and durable
  std::optional<Duration> started{};                  // all its ranks are told to start
  std::optional<Duration> stepped{};                  // one of them has told of a step
  std::optional<std::uint64_t> lost{};                // steps to be done again
  std::optional<std::uint64_t> step{};                // the newest before
  std::string checkpoint{};                           // resumed from; empty: the start
  std::string torn{};                                 // what the drill made half of; empty: nothing
  std::optional<Duration> serving{};                  // of a launcher: it answers again …
  std::optional<Duration> hosts_back{};               // … and as many hosts are ready as before
  std::vector<NodeId> hosts_before{}, hosts_after{};  // by node rank
  std::string why{};                                  // the last sentence about it
};
EVERSTEP_FIELDS(DrillView, job, fault, node, rank, generation, outcome, resumed, noticed, decided, started, stepped, lost, step,
                checkpoint, torn, serving, hosts_back, hosts_before, hosts_after, why)

class DrillWatch {
 public:
  // `job`: as it was before. What it has told of a step decides what is waited for: a job that tells of none has recovered when
  // it is started again.
  // `lasts`: of the fault; 0: it does not last. `tears`: it has to be seen that half a checkpoint was passed over.
  DrillWatch(const JobView& job, std::string fault, NodeId node, std::optional<std::uint32_t> rank,
             Duration lasts = Duration(0), bool tears = false);

  // The fault is there.
  void Begun(Time now) { begun_ = now; }
  void On(Time now, const EventView& event);
  void On(Time now, const JobView& job);
  // Time alone: a fault that is over and has broken nothing.
  void Tick(Time now);
  std::optional<Time> over() const { return begun_ && lasts_ > Duration(0) ? std::optional(*begun_ + lasts_) : std::nullopt; }
  bool Done() const { return view_.outcome != DrillOutcome::unfinished; }

  DrillView& view() { return view_; }

 private:
  void Mark(std::optional<Duration>& mark, Time now);

  DrillView view_;
  Duration lasts_;
  bool tears_ = false;
  bool silent_ = false;  // the host is suspect, lost or away
  bool tells_steps_ = false;
  std::optional<Time> begun_{};
};

// For people: a line for each part of the way.
std::string DescribeDrill(const DrillView& drill, std::optional<std::size_t> columns = {});
// Of several drills: the smallest, the median and the largest of each part.
std::string DescribeDrills(const std::vector<DrillView>& drills);

}  // namespace everstep
