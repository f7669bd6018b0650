// The disk under a launcher's log. Most runs have the real SqliteStore on a disk that keeps apart what was written and what was
// flushed (tests/crash_disk): a crash loses, tears or reorders what was not, bits flip, a flush was a lie, there is no room, an
// operation fails. Some runs have the log in memory, with the same contract and a lock that can be taken away: two launchers
// that both believe to be the one.
//
// A store does its work within one moment of virtual time; how long the disk takes for it is the launcher's own business
// (DiskWeather).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/fields.h"
#include "base/rng.h"
#include "base/seam/clock.h"
#include "base/seam/store.h"
#include "launcher/store/memory_store.h"
#include "tests/crash_disk/crash_disk.h"
#include "tests/sim/bugs.h"

namespace everstep::sim {

EVERSTEP_ENUM(StoreKind, memory, sqlite)

class LauncherDisk {
 public:
  LauncherDisk(StoreKind kind, Bug bug, Rng rng);
  ~LauncherDisk();
  LauncherDisk(const LauncherDisk&) = delete;
  LauncherDisk& operator=(const LauncherDisk&) = delete;

  StoreKind kind() const { return kind_; }
  // One launcher's way to the log. REQUIRES: `clock` outlives it.
  std::unique_ptr<Store> NewStore(Clock& clock);

  // The launcher dies now. True: what it is writing may be tried once more (with Store::Append or Compact) and gets as far as
  // the dice say. The store is destroyed then, and Died follows.
  bool DiesWhileWriting();
  void DiesAtRest();
  void Died(bool power_lost);

  // ---- faults --------------------------------------------------------------------------------------------------------------

  void SetFull(bool full);
  bool full() const { return full_; }
  void FailSoon();
  // There is room, and nothing fails any more.
  void Heal();
  // REQUIRES: no launcher has it open. False: there is nothing that could be harmed (yet, or in a log in memory).
  bool FlipBit();
  // From now on LoseWrite and MisdirectWrite find something. Cost: a copy of the file at each flush.
  void KeepLastSync();
  bool LoseWrite();
  // What was flushed last stands at another place of the same file, over what stood there.
  bool MisdirectWrite();
  // What stands there is not what was written, and nobody has put it right.
  bool Damaged() const { return good_.has_value(); }
  // An operator puts the right bytes back.
  void Repair();
  // A launcher has opened it and found all as it should be.
  void FoundIntact() { good_.reset(); }
  // Whoever has the log open does not know that it is not its own any more. False: not with this kind.
  bool StealLock();
  // It was: from then on the lock tells nothing.
  bool LockStolen() const { return stolen_; }

  // Whoever has it open keeps it, and from now on nobody else does: the next to open it gets a copy of what stands there.
  void GoOnWithACopy();
  // To the log that was left last with GoOnWithACopy, once nobody has it open any more.
  std::unique_ptr<Store> StoreOfBefore(Clock& clock);
  // A launcher of a newer version has written to it: an entry of a kind that this one does not know. False: it could not.
  // REQUIRES: no launcher has it open.
  bool BecomeNewer();
  // All that stands in the log, as a reader finds it. REQUIRES: no launcher has it open.
  std::string Content();
  // What stood there before BecomeNewer is put back.
  void BecomeOlder();

  // An older launcher's log stands there: these entries. REQUIRES: nothing has been written.
  void Load(std::vector<std::string> entries);

 private:
  // Nobody's files any more but those of a launcher that still has them open.
  struct Left {
    std::string directory{};
    std::unique_ptr<CrashDisk> disk{};
    std::shared_ptr<MemoryLog> log{};
  };
  struct Before {
    MemoryLog log{};
    CrashDisk::Image files{};
  };
  void MakeDirectory();
  void Rest(std::unique_ptr<Store> store);
  static std::unique_ptr<Store> StoreOn(const std::string& directory, const CrashDisk& disk, Clock& clock);

  const StoreKind kind_;
  const Bug bug_;
  Rng rng_;
  std::string directory_;  // of the real file system: only the lock is there
  std::shared_ptr<MemoryLog> log_ = std::make_shared<MemoryLog>();
  std::unique_ptr<CrashDisk> disk_;
  std::vector<Left> left_{};
  std::optional<Before> before_{};  // a newer version wrote there
  std::optional<CrashDisk::Image> good_{};
  bool stolen_ = false;
  bool full_ = false;
  bool keeps_last_sync_ = false;
  bool safe_overwrite_ = true;  // a power cut spares the neighbours of what was being written
};

}  // namespace everstep::sim
