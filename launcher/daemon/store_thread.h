// The real Journal: one thread that owns the Store. Everything that is waiting when a write ends goes into the next group, so
// the disk is asked once for many decisions, and a stalled disk delays decisions but never the loop.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <variant>

#include "launcher/daemon/inputs.h"
#include "launcher/daemon/journal.h"

namespace everstep {

class StoreThread final : public Journal {
 public:
  // `store` is open; `post` takes Durable, StoreFailed and HistoryRead from the store thread.
  // While its disk is nearly full the store is asked again every `look_every`, also when there is nothing to write: the loop
  // refuses jobs as long as it is, and a cluster without jobs decides nothing.
  StoreThread(Store& store, Duration history, std::function<void(LauncherInput)> post, Duration look_every = 5s);
  // Writes what is waiting, then ends.
  ~StoreThread() override;

  void Append(LogIndex expected, Epoch epoch, Batch batch) override;
  void Compact(Epoch epoch, Snapshot snapshot) override;
  void ReadHistory(std::uint64_t token, HistoryQuery query) override;

 private:
  struct AppendWork {
    LogIndex expected{};
    Epoch epoch{};
    Batch batch{};
  };
  struct CompactWork {
    Epoch epoch{};
    Snapshot snapshot{};
  };
  struct ReadWork {
    std::uint64_t token = 0;
    HistoryQuery query{};
  };
  using Work = std::variant<AppendWork, CompactWork, ReadWork>;

  void Put(Work work);
  void Run();
  bool Write(std::deque<Work>& work);
  bool Do(const CompactWork& work);
  bool Forget(WallTime newest);
  void Look();
  bool Failed(const Error& error);

  Store& store_;
  const Duration history_;  // rows older than this, counted back from the newest, are dropped
  const std::function<void(LauncherInput)> post_;
  const Duration look_every_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Work> waiting_;
  bool stopping_ = false;
  // The store thread's own.
  WallTime forgot_at_{};  // of the newest row then
  LogIndex end_{};        // as last told
  bool nearly_full_ = false;
  std::thread thread_;
};

}  // namespace everstep
