// Simulated training jobs on a simulated shared file system: what stands where a user's script, PyTorch and NFS stand. Ranks
// step together as long as all live and reach each other; when one dies its neighbours get "connection reset", when a link
// falls silent they hang until the collective's time-out. Rank 0 saves as it goes: a save is torn until it is finished, and a
// rank that hangs may go on saving what it has (a zombie).
//
// It also is the judge of what no decision may bring about: ranks of two generations of one job that run at the same time.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/messages.h"
#include "base/rng.h"
#include "tests/sim/network.h"

namespace everstep::sim {

struct Script {
  std::uint64_t steps = 200;
  Duration step = 500ms;
  std::uint64_t save_every = 10;  // steps
  Duration save_max = 3s;         // a save takes up to this long
  Duration collective_timeout = 60s;
  bool zombie_saves = false;           // a hanging rank 0 goes on saving
  std::optional<std::uint64_t> bug{};  // every rank ends with an error at this step
};

// A file of the shared file system.
struct SavedFile {
  Generation writer{};
  std::uint64_t step = 0;
  std::uint64_t version = 0;  // of the content: unique
  bool torn = true;
  Time finished{};
};

struct RankPlace {
  int machine = 0;
  GangKey gang{};
  std::uint32_t rank = 0;
};

class Training {
 public:
  using Exited = std::function<void(const RankPlace&, const RankExit&)>;
  using Accuse = std::function<void(const std::string& what)>;

  Training(Agenda& agenda, Network& network, Rng rng, Exited exited, Accuse accuse)
      : agenda_(agenda), network_(network), rng_(rng), exited_(std::move(exited)), accuse_(std::move(accuse)) {}

  std::map<JobId, Script> scripts{};

  // A rank's process starts. `resume_from`: the path of a pin; empty: from the start.
  void Start(const RankPlace& place, std::uint32_t world_size, const std::string& resume_from);
  // It is gone, without a word to its keeper (who did it, or died with it).
  void Gone(const RankPlace& place);
  bool Alive(const RankPlace& place) const;
  // The kernel kills one rank of a generation, drawn by `dice`; false: none lives.
  bool KillOne(const GangKey& gang, Rng& dice, std::uint32_t signal);
  // The newest generation of which a rank was ever started; 0: none.
  Generation Newest(const JobId& job) const;
  // Generations that have living ranks.
  std::vector<GangKey> Running() const;
  // The machine runs again after a pause: whoever still lives on it acts now.
  void Resumed(int machine);

  // ---- the shared file system ------------------------------------------------------------------------------------------

  std::map<JobId, std::map<std::string, SavedFile>> files{};
  std::map<std::string, SavedFile> pins{};  // by path

 private:
  struct Gang {
    std::uint32_t world_size = 1;
    std::map<std::uint32_t, int> ranks{};  // living, with their machines
    bool complete = false;                 // all were there once
    bool ending = false;
    std::uint64_t step = 0;
    std::optional<Time> stuck_since{};
    bool saving = false;
  };
  bool Steps(const Gang& gang) const;
  void Step(const GangKey& key);
  void Save(const GangKey& key, std::uint64_t step);
  void Finish(const GangKey& key);
  void PeersNotice(const GangKey& key, int machine);
  void Exit(const GangKey& key, std::uint32_t rank, RankExit exit);
  void CheckAlone(const GangKey& key);

  Agenda& agenda_;
  Network& network_;
  Rng rng_;
  Exited exited_;
  Accuse accuse_;
  std::map<GangKey, Gang> gangs_{};
  std::uint64_t versions_ = 0;
};

}  // namespace everstep::sim
