// Simulated training jobs on a simulated shared file system: what stands where a user's script, PyTorch and NFS stand. Ranks
// step together as long as all live and reach each other; when one dies its neighbours get "connection reset", when a link
// falls silent they hang until the collective's time-out. Rank 0 saves as it goes: a save is torn until it is finished, takes
// as long as the file system likes, and a rank that hangs or cannot be killed may go on saving what it has (a zombie).
//
// It also is the judge of what no decision may bring about: ranks of two generations of one job that run at the same time. And
// it keeps the books: who stepped, waited and repeated for how long.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
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
  bool saves_block = false;            // ranks wait until a save is written
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

// How far a job has come, in truth.
struct JobTruth {
  std::uint64_t reached = 0;    // the highest step of any generation
  std::uint64_t executed = 0;   // steps done, repeated ones too
  Duration stepping{0};         // for so long
  Duration saving{0};           // ranks waited for a save
  Duration stuck{0};            // ranks there, and no steps: imports, hangs, the end
  std::optional<Time> first{};  // rank that was started
  Time last{};                  // something was done
};

class Training {
 public:
  using Exited = std::function<void(const RankPlace&, const RankExit&)>;
  using Stepped = std::function<void(const RankPlace&, std::uint64_t step)>;
  using Accuse = std::function<void(const std::string& what)>;

  Training(Agenda& agenda, Network& network, Rng rng, Exited exited, Stepped stepped, Accuse accuse)
      : agenda_(agenda),
        network_(network),
        rng_(rng),
        exited_(std::move(exited)),
        stepped_(std::move(stepped)),
        accuse_(std::move(accuse)) {}

  std::map<JobId, Script> scripts{};
  std::function<void(const RankPlace&)> starting{};  // told of each rank that starts

  // A rank's process starts. `resume_from`: the path of a pin; empty: from the start.
  void Start(const RankPlace& place, std::uint32_t world_size, const std::string& resume_from);
  // Not the script but everstep-probe, which says whether all ranks reach each other, and ends.
  void StartProbe(const RankPlace& place, std::uint32_t world_size);
  // SIGKILL. False: a system call holds it; it ends when that returns, and Exited tells.
  bool Kill(const RankPlace& place);
  // It hears SIGTERM, unless its script ignores that.
  bool Hears(const RankPlace& place) const;
  // A system call holds it.
  bool Blocked(const RankPlace& place) const;
  // Its machine has no power any more.
  void Gone(const RankPlace& place);
  bool Alive(const RankPlace& place) const;
  // The newest generation of which a rank was ever started; 0: none.
  Generation Newest(const JobId& job) const;
  // Generations that have living ranks.
  std::vector<GangKey> Running() const;
  // Of these the ones that can act: not only ranks that are dead but for a system call.
  bool Acts(const JobId& job) const;
  // Which gangs have ranks on the machine.
  std::vector<GangKey> On(int machine) const;
  // The machine runs again after a pause: whoever still lives on it acts now.
  void Resumed(int machine);
  const std::map<JobId, JobTruth>& truth() const { return truth_; }
  // The first rank of it that ended badly by itself.
  struct Failure {
    Time at{};
    std::string host{};
  };
  std::optional<Failure> FirstFailure(const GangKey& gang) const;
  const std::string* ResumedFrom(const GangKey& gang) const;

  // ---- faults --------------------------------------------------------------------------------------------------------------

  // One rank of a generation, drawn by `dice`, ends so; false: none lives.
  bool EndOne(const GangKey& gang, Rng& dice, RankExit exit);
  void StopOne(const GangKey& gang, Rng& dice, Duration lasts);                                       // SIGSTOP
  void Stop(const RankPlace& place, Duration lasts);                                                  // SIGSTOP, if it lives
  void End(const RankPlace& place, RankExit exit) { Exit(place.gang, place.rank, std::move(exit)); }  // if it lives
  void BlockOne(const GangKey& gang, Rng& dice, Duration lasts);                                      // D state
  void Slow(int machine, int factor) { slow_[machine] = factor; }
  void Poison(int machine, bool is) { is ? void(poison_[machine] = true) : void(poison_.erase(machine)); }
  void StallStorage(Duration lasts) { storage_back_ = std::max(storage_back_, agenda_.now() + lasts); }
  void FillStorage(bool full) { storage_full_ = full; }
  Time storage_back() const { return storage_back_; }
  // A pinned checkpoint of some job is not what it was any more.
  void RotOne(Rng& dice);
  // A bug, planted: what is pinned is the script's own file.
  bool pins_follow = false;
  void Accused(const std::string& what) { accuse_(what); }
  // All of the above are over.
  void Heal();

  // ---- the shared file system ------------------------------------------------------------------------------------------

  std::map<JobId, std::map<std::string, SavedFile>> files{};
  std::map<std::string, SavedFile> pins{};  // by path

 private:
  struct Rank {
    int machine = 0;
    bool stopped = false;           // SIGSTOP
    std::optional<Time> blocked{};  // in D state until then
    bool doomed = false;            // SIGKILL waits for the system call to return
  };
  struct Gang {
    std::uint32_t world_size = 1;
    std::map<std::uint32_t, Rank> ranks{};  // living
    std::set<std::uint32_t> ever{};         // started
    bool complete = false;                  // all were there once
    bool ending = false;
    bool probe = false;
    std::uint64_t step = 0;
    std::string resume{};
    std::optional<Time> stuck_since{};
    bool saving = false;
    bool saves_block = false;
    std::optional<Failure> failure{};
    Time booked{};  // up to here
  };
  bool ActsNow(const Gang& gang) const;
  bool Steps(const Gang& gang) const;
  bool RankRuns(const Rank& rank) const;
  void Step(const GangKey& key);
  void Book(const GangKey& key, Duration JobTruth::*part);
  void Stand(const GangKey& key);
  void Save(const GangKey& key, std::uint64_t step);
  void Written(const GangKey& key, const std::string& name, std::uint64_t version);
  void Finish(const GangKey& key);
  void GiveUpWaiting(const GangKey& key);
  void PeersNotice(const GangKey& key, std::uint32_t dead, int machine);
  void Come(const RankPlace& place, std::uint32_t world_size);
  void ProbeEnds(const GangKey& key);
  void ProbeFinds(const GangKey& key, const std::string& verdicts);
  void Exit(const GangKey& key, std::uint32_t rank, RankExit exit);
  void Unblock(const GangKey& key, std::uint32_t rank);
  void CheckAlone(const GangKey& key);
  Rank* Drawn(const GangKey& gang, Rng& dice, std::uint32_t& rank);

  Agenda& agenda_;
  Network& network_;
  Rng rng_;
  Exited exited_;
  Stepped stepped_;
  Accuse accuse_;
  std::map<GangKey, Gang> gangs_{};
  std::map<JobId, JobTruth> truth_{};
  std::map<int, int> slow_{};
  std::map<int, bool> poison_{};
  Time storage_back_{};
  bool storage_full_ = false;
  bool healed_ = false;
  std::uint64_t versions_ = 0;
};

}  // namespace everstep::sim
