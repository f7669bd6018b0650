#include "agent/keeper/processes.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <utility>

#include "agent/keeper/disk_thread.h"
#include "agent/keeper/fault.h"
#include "agent/keeper/keeper_link.h"
#include "base/check.h"
#include "base/real/clock.h"
#include "base/real/files.h"
#include "base/real/poll.h"
#include "base/text.h"

namespace everstep {

// The thread with its links. Calls and finished disk work come in through one queue.
class RealProcesses::Rim {
 public:
  Rim(RealProcessesOptions options, std::function<void(KeeperEvent)> post, Fd lock)
      : options_(std::move(options)),
        gangs_(options_.state_dir + "/gangs"),
        post_(std::move(post)),
        lock_(std::move(lock)),
        wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    Check(wake_.open(), "an eventfd can be made");
    thread_ = std::thread([this] { Run(); });
  }

  ~Rim() {
    Queue([this] { ending_ = true; });
    thread_.join();
  }

  void Launch(const GangKey& gang, KeeperLease lease) {
    Queue([this, gang, lease] { LaunchNow(gang, lease); });
  }

  Result<std::vector<GangKey>> Adopt() {
    EVERSTEP_ASSIGN(const std::vector<std::string> names, files_.List(gangs_));
    std::vector<GangKey> found;
    for (const std::string& name : names)
      if (const auto gang = GangOfSpool(name)) found.push_back(*gang);
    Queue([this, found] {
      for (const GangKey& gang : found) links_.try_emplace(gang, KeeperLink::Found(gang, SpoolOf(gang)));
    });
    return found;
  }

  void Send(const GangKey& gang, ToKeeper message) {
    Queue([this, gang, message = std::move(message)] {
      if (const auto at = links_.find(gang); at != links_.end()) at->second.Send(clock_.Now(), message);
    });
  }

  void Inject(const GangKey& gang, const Fault& fault) {
    Queue([this, gang, fault] {
      const auto at = links_.find(gang);
      const KeeperStatus* status = at == links_.end() ? nullptr : at->second.last();
      const Status done =
          status ? BringAbout(gang, fault, *status, options_.keeper) : Fail(ErrorCode::kConflict, "its keeper is not heard");
      if (!done && options_.drill_failed) options_.drill_failed({.gang = gang, .why = done.error().message});
    });
  }

  void Discard(const GangKey& gang) {
    Queue([this, gang] { DiscardNow(gang); });
  }

 private:
  std::string SpoolOf(const GangKey& gang) const { return Cat(gangs_, "/", SpoolName(gang)); }

  void Queue(std::function<void()> call) {
    {
      const std::lock_guard lock(mutex_);
      queue_.push_back(std::move(call));
    }
    eventfd_write(wake_.get(), 1);
  }

  void Run() {
    std::vector<pollfd> polled;
    while (!ending_) {
      polled.assign(1, {.fd = wake_.get(), .events = POLLIN, .revents = 0});
      for (auto& [gang, link] : links_) link.AddTo(polled);
      PollOrPause(polled, TimeToWait());
      const Time now = clock_.Now();
      for (auto& [gang, link] : links_) link.Take(now, polled);
      TakeCalls();
      for (auto& [gang, link] : links_) {
        link.Tick(now);
        if (link.step() == KeeperLink::Step::dead) ReadRemainsOf(gang, link);
        for (KeeperEvent& event : link.TakeEvents()) post_(std::move(event));
      }
    }
  }

  int TimeToWait() const {
    std::optional<Time> next;
    for (const auto& [gang, link] : links_)
      if (const auto due = link.Next()) next = next ? std::min(*next, *due) : *due;
    if (!next) return -1;
    const Duration wait = std::clamp<Duration>(*next - RealClock().Now(), 0ms, 1h);
    return static_cast<int>((wait + 999'999ns) / 1ms);
  }

  void TakeCalls() {
    eventfd_t count = 0;
    eventfd_read(wake_.get(), &count);
    std::vector<std::function<void()>> calls;
    {
      const std::lock_guard lock(mutex_);
      calls.swap(queue_);
    }
    for (const std::function<void()>& call : calls) call();
  }

  void LaunchNow(const GangKey& gang, KeeperLease lease) {
    const auto known = links_.find(gang);
    if (known != links_.end() && known->second.step() != KeeperLink::Step::over) return;
    links_.insert_or_assign(gang, KeeperLink::Launched(gang, SpoolOf(gang), clock_.Now() + options_.up_within));
    const KeeperOptions keeper{.gang = gang,
                               .spool = SpoolOf(gang),
                               .logs = Cat(options_.log_dir, "/", gang.job, "/", gang.generation),
                               .lease = lease.until,
                               .log_limits = options_.log_limits,
                               .kernel_log = options_.kernel_log};
    disk_.Do([this, gang, keeper] {
      auto made = std::make_shared<Result<SpawnedKeeper>>(Make(keeper));
      Queue([this, gang, made] {
        const auto at = links_.find(gang);
        if (at == links_.end()) return;
        if (*made)
          at->second.Made(std::move(**made));
        else
          at->second.MakingFailed(made->error());
      });
    });
  }

  // On the disk thread.
  Result<SpawnedKeeper> Make(const KeeperOptions& keeper) const {
    EVERSTEP_ASSIGN(const Fd listening, MakeSpool(keeper.spool));
    return SpawnKeeper(options_.keeper, keeper, listening);
  }

  void ReadRemainsOf(const GangKey& gang, KeeperLink& link) {
    if (!reading_.insert(gang).second) return;
    disk_.Do([this, gang, spool = link.spool()] {
      Queue([this, gang, remains = ReadRemains(spool)] {
        reading_.erase(gang);
        if (const auto at = links_.find(gang); at != links_.end()) at->second.RemainsRead(clock_.Now(), remains);
      });
    });
  }

  void DiscardNow(const GangKey& gang) {
    const auto known = links_.find(gang);
    if (known != links_.end()) {
      if (known->second.step() != KeeperLink::Step::over) return;  // it lives, or is being buried: not yet
      links_.erase(known);
    }
    std::vector<GangKey> keep;
    for (const auto& [other, link] : links_) keep.push_back(other);
    disk_.Do([spool = SpoolOf(gang)] {
      const Result<Fd> keeper = ConnectUnix(SocketIn(spool));
      if (keeper || keeper.error().code == ErrorCode::kExhausted) return;  // it lives
      // What cannot be removed is found by the next agent, and discarded again.
      static_cast<void>(RemoveSpool(spool));
    });
    prune_disk_.Do([this, keep] { PruneLogs(options_.log_dir, options_.log_gangs_max, keep); });
  }

  const RealProcessesOptions options_;
  const std::string gangs_;
  const std::function<void(KeeperEvent)> post_;
  Fd lock_;
  Fd wake_;
  RealFiles files_;
  std::mutex mutex_;
  std::vector<std::function<void()>> queue_;  // by mutex_

  // Of the thread.
  RealClock clock_;
  std::map<GangKey, KeeperLink> links_;
  std::set<GangKey> reading_;  // remains asked for
  bool ending_ = false;

  DiskThread disk_;        // its work refers to what stands above
  DiskThread prune_disk_;  // deleting much takes long: no launch waits for it
  std::thread thread_;
};

Result<std::unique_ptr<RealProcesses>> RealProcesses::Open(RealProcessesOptions options,
                                                           std::function<void(KeeperEvent)> post) {
  RealFiles files;
  const std::string gangs = options.state_dir + "/gangs";
  EVERSTEP_TRY(files.MakeDirectory(gangs));
  EVERSTEP_TRY(files.MakeDirectory(options.log_dir));
  const std::string path = gangs + "/.lock";
  Fd lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock.open()) return FailErrno(errno, "open", path);
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return FailErrno(errno, "lock", path);
    return Fail(ErrorCode::kConflict, Cat("another agent uses the state directory ", options.state_dir),
                "end it first, or give this one a state_dir of its own");
  }
  auto rim = std::make_unique<Rim>(std::move(options), std::move(post), std::move(lock));
  return std::unique_ptr<RealProcesses>(new RealProcesses(std::move(rim)));
}

RealProcesses::RealProcesses(std::unique_ptr<Rim> rim) : rim_(std::move(rim)) {}
RealProcesses::~RealProcesses() = default;

void RealProcesses::Launch(const GangKey& gang, KeeperLease lease) { rim_->Launch(gang, lease); }
Result<std::vector<GangKey>> RealProcesses::Adopt() { return rim_->Adopt(); }
void RealProcesses::Send(const GangKey& gang, ToKeeper message) { rim_->Send(gang, std::move(message)); }
void RealProcesses::Inject(const GangKey& gang, const Fault& fault) { rim_->Inject(gang, fault); }
void RealProcesses::Discard(const GangKey& gang) { rim_->Discard(gang); }

}  // namespace everstep
