// A disk in memory, as a VFS for SQLite, that can lose power. It keeps apart what was written and what was made durable, for
// contents (xSync) and for names (creating and deleting files), counts every operation that changes something, and can cut the
// power at any of them, fail any of them, or be full.
//
// What stands on the disk after a power cut is what was durable, and of the rest whatever the test's survivors say: nothing,
// all, or by chance for every sector of every write, so that writes are torn and reordered.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/rng.h"

struct sqlite3_vfs;

namespace everstep {

// When, relative to the operation at which the power is cut: nothing of it happened; it is under way (done, not durable); it is
// done and as durable as it asked for, but nobody heard of it.
enum class Moment { before, within, after };

// What of the undurable outlives a power cut. `garbage`: by chance too, and sectors that were being written hold rubbish.
enum class Survivors { nothing, all, some, garbage };

class CrashDisk {
 public:
  using Image = std::map<std::string, std::string>;  // name → content

  // `safe_overwrite`: a power cut harms only bytes that were being written, never their neighbours in the sector.
  explicit CrashDisk(bool safe_overwrite = true);
  ~CrashDisk();
  CrashDisk(const CrashDisk&) = delete;
  CrashDisk& operator=(const CrashDisk&) = delete;

  const std::string& vfs() const { return name_; }

  // Operations so far: creations, writes, truncations, syncs, deletions. The next is number operations() + 1.
  std::uint64_t operations() const { return operations_; }
  void CutPowerAt(std::uint64_t operation, Moment moment) { cut_ = Cut{operation, moment}; }
  // The operation changes nothing and returns SQLite's `code`.
  void FailAt(std::uint64_t operation, int code) { failure_ = Failure{operation, code}; }
  // A write that would make the files larger than this together fails with SQLITE_FULL.
  void SetCapacity(std::optional<std::size_t> bytes) { capacity_ = bytes; }
  bool powered() const { return powered_; }

  // Power on again after a cut.
  void Reboot(Survivors survivors, Rng& rng);
  // The process was killed, the system lives: all that was written is there, and as undurable as before.
  void Restart() {
    powered_ = true;
    cut_.reset();
  }
  // From now on Reboot can lose one sync more than it should, of the first file whose name ends with `name`: a drive that said
  // "flushed" and had not. Cost: a copy of the file at each sync.
  void KeepLastSync() { keeps_last_sync_ = true; }
  // REQUIRES: no file is open. False: nothing was synced.
  bool LoseLastSync(const std::string& name);
  // What the last sync made durable, one of its writes, stands at another place of the file: the intended one has what was
  // there before. REQUIRES: KeepLastSync, no file is open. False: nothing was synced.
  bool MisdirectLastSync(const std::string& name, Rng& rng);
  // Syncs are not done at all, whatever they say.
  void IgnoreSyncs() { ignores_syncs_ = true; }
  // Bytes in all files.
  std::size_t Size() const;

  // All files as a reader sees them.
  Image Files() const;
  // Replaces all files; durable.
  void Load(const Image& image);
  // Becomes what `other` is after a power cut, undurable changes included. REQUIRES: no file is open.
  void CopyFrom(const CrashDisk& other);

 private:
  struct Handle;
  struct Methods;
  struct Change {  // of one file's content
    std::int64_t offset = 0;
    std::string bytes{};
    bool truncate = false;  // to `offset`
  };
  struct File {
    std::string durable{};
    std::string live{};
    std::vector<Change> changes{};        // from durable to live
    std::optional<std::string> before{};  // durable before the last sync; only with KeepLastSync
    std::vector<Change> synced{};         // from there to durable
  };
  struct Cut {
    std::uint64_t operation = 0;
    Moment moment = Moment::before;
  };
  struct Failure {
    std::uint64_t operation = 0;
    int code = 0;
  };
  enum class Turn { go, go_then_off, go_undurable_then_off, refuse };

  Turn Count(int& code);
  int Operate(bool is_sync, const auto& change, const auto& make_durable);
  void Survive(File& file, Survivors survivors, Rng& rng) const;
  bool Fits(const File& file, std::size_t size) const;
  static void Apply(std::string& content, const Change& change);

  std::string name_;
  bool safe_overwrite_;
  std::unique_ptr<sqlite3_vfs> registered_;
  std::map<std::string, std::shared_ptr<File>> live_{};     // names
  std::map<std::string, std::shared_ptr<File>> durable_{};  // names that outlive a power cut
  std::uint64_t operations_ = 0;
  std::optional<Cut> cut_{};
  std::optional<Failure> failure_{};
  std::optional<std::size_t> capacity_{};
  bool powered_ = true;
  bool keeps_last_sync_ = false;
  bool ignores_syncs_ = false;
};

}  // namespace everstep
