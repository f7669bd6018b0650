// A launcher's life with its store, step by step, with a model beside it: what each step leaves behind if all goes well. After
// a crash at any point, a store must be exactly as after the last step that was acknowledged, or the one that was under way.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/seam/store.h"
#include "launcher/store/memory_store.h"
#include "launcher/store/sqlite_store.h"
#include "tests/crash_disk/crash_disk.h"
#include "tests/launcher/store/scenario.h"

namespace everstep {

// All that can be read back.
struct Contents {
  Epoch epoch{};
  std::optional<Snapshot> snapshot{};
  LogIndex first{1};
  std::vector<std::string> entries{};
  std::vector<HistoryRow> history{};
  WallTime last_write{};
  friend bool operator==(const Contents&, const Contents&) = default;
};

// One line, for failures.
std::string Show(const Contents& contents);

// A step ends the store that is open (`reopen`) and opens the next, or does one thing to it. False: refused, not acknowledged.
struct Step {
  std::string name{};
  bool reopen = false;
  std::function<bool(Store&)> run{};
};

// Opens, appends groups of all sizes, compacts, forgets, is started again; checkpoints happen on the way.
std::vector<Step> AWorkingLife();

// What each prefix of `steps` leaves: element i is the contents after i steps.
std::vector<Contents> Model(const std::vector<Step>& steps);

// A launcher's store on a CrashDisk.
class Launcher {
 public:
  // `directory`: a real one, for the lock; the files are the disk's.
  Launcher(CrashDisk& disk, std::string directory, std::size_t reserve_bytes = 8192)
      : disk_(disk), directory_(std::move(directory)), reserve_bytes_(reserve_bytes) {}

  // Runs the steps until one is not acknowledged; returns how many were. The store stays open.
  std::size_t Run(const std::vector<Step>& steps);
  // Ends what is open, opens again and reads all back.
  Result<Contents> Recover();
  void Close() { store_.reset(); }
  Store& store() { return *store_; }

  static constexpr int kCheckpointPages = 12;  // small, so that checkpoints are among the points at which the power is cut

 private:
  Result<Recovered> Reopen();

  CrashDisk& disk_;
  std::string directory_;
  std::size_t reserve_bytes_;
  StillClock clock_;
  std::unique_ptr<Store> store_;
};

}  // namespace everstep
