#include "agent/checkpoint/slow_files.h"

#include <mutex>
#include <utility>
#include <vector>

#include "agent/checkpoint/ready.h"
#include "agent/checkpoint/tear.h"
#include "agent/checkpoint/watch.h"
#include "base/text.h"

namespace everstep {

// The way out of the worker threads; it closes before its owner goes.
class RealSlowFiles::Outlet {
 public:
  explicit Outlet(Post post) : post_(std::move(post)) {}

  void Put(Found found) {
    const std::lock_guard lock(mutex_);
    if (post_) post_(std::move(found));
  }
  void Put(std::vector<CheckpointSeen> seen) {
    for (CheckpointSeen& one : seen) Put(CheckpointFound{std::move(one)});
  }
  void Close() {
    const std::lock_guard lock(mutex_);
    post_ = nullptr;
  }

 private:
  std::mutex mutex_;
  Post post_;
};

// What the launcher said of a watch's checkpoints, on its way to the watch's thread.
class RealSlowFiles::Inbox {
 public:
  struct Items {
    std::vector<std::string> registered{};
    std::vector<std::uint32_t> tear{};  // for the drills on these ranks
  };
  void Put(const std::string& registered) {
    const std::lock_guard lock(mutex_);
    items_.registered.push_back(registered);
  }
  void PutTear(std::uint32_t rank) {
    const std::lock_guard lock(mutex_);
    items_.tear.push_back(rank);
  }
  Items Take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(items_, {});
  }

 private:
  std::mutex mutex_;
  Items items_;
};

namespace {

// After the end of a gang a source needs two looks that agree; a third settles what the second one saw change.
constexpr int kLastLooks = 3;

void ForgetDone(std::map<GangKey, std::unique_ptr<Worker>>& workers) {
  std::erase_if(workers, [](const auto& worker) { return worker.second->Done(); });
}

}  // namespace

RealSlowFiles::RealSlowFiles(Post post, SlowFilesOptions options)
    : options_(options), outlet_(std::make_shared<Outlet>(std::move(post))) {}

RealSlowFiles::~RealSlowFiles() {
  outlet_->Close();
  Duration left = options_.stop_deadline;
  for (Workers* workers : {&checks_, &watches_})
    for (auto& [gang, worker] : *workers) worker->Stop();
  for (Workers* workers : {&checks_, &watches_})
    for (auto& [gang, worker] : *workers)
      if (!worker->DoneWithin(left)) left = Duration(0);  // they all had the same time
}

void RealSlowFiles::Ready(const GangSpec& spec) {
  ForgetDone(checks_);
  const GangKey gang{.job = spec.job, .generation = spec.generation};
  if (checks_.contains(gang)) return;
  if (checks_.size() >= options_.checks_max) {
    outlet_->Put(GangChecked{
        .gang = gang,
        .not_readied = NotReadied{.why = Cat(checks_.size(), " checks are waiting for this host's file systems already")}});
    return;
  }
  checks_[gang] = std::make_unique<Worker>([outlet = outlet_, spec](Worker::State& state) {
    ReadyAnswer answer = CheckReady(spec, state.stop());
    outlet->Put(std::move(answer.moved_aside));
    outlet->Put(std::move(answer.checked));
  });
}

void RealSlowFiles::Watch(const GangKey& gang, const CheckpointSpec& checkpoint) {
  ForgetDone(watches_);
  if (watches_.contains(gang)) return;
  std::erase_if(inboxes_, [this](const auto& inbox) { return !watches_.contains(inbox.first); });
  const auto inbox = inboxes_[gang] = std::make_shared<Inbox>();
  watches_[gang] =
      std::make_unique<Worker>([outlet = outlet_, inbox, gang, checkpoint, every = options_.scan_every](Worker::State& state) {
        CheckpointWatch watch(gang, checkpoint, state.stop());
        do {
          const Inbox::Items items = inbox->Take();
          for (const std::string& path : items.registered) watch.Registered(path);
          for (const std::uint32_t rank : items.tear) {
            const auto torn = TearCheckpoint(checkpoint, gang);
            outlet->Put(CheckpointTorn{.gang = gang, .rank = rank, .why_not = torn ? "" : torn.error().message});
          }
          outlet->Put(watch.Look());
        } while (!state.FinishWithin(every));
        for (int looks = 0; looks < kLastLooks; ++looks) {
          if (state.stop().stop_requested()) return;
          outlet->Put(watch.Look(true));
          if (!watch.Undecided() || state.StopWithin(every)) break;
        }
        if (!state.stop().stop_requested()) outlet->Put(watch.Finish());
      });
}

void RealSlowFiles::Registered(const std::string& path) {
  for (const auto& [gang, inbox] : inboxes_) inbox->Put(path);
}

void RealSlowFiles::Tear(const GangKey& gang, std::uint32_t rank) {
  if (const auto inbox = inboxes_.find(gang); inbox != inboxes_.end()) return inbox->second->PutTear(rank);
  outlet_->Put(CheckpointTorn{.gang = gang, .rank = rank, .why_not = "this host does not watch its checkpoints"});
}

void RealSlowFiles::Unwatch(const GangKey& gang) {
  if (const auto watch = watches_.find(gang); watch != watches_.end()) watch->second->Finish();
  ForgetDone(watches_);
}

}  // namespace everstep
