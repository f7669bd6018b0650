#include "agent/keeper/disk_thread.h"

#include <sys/eventfd.h>

#include <csignal>
#include <utility>

#include "base/check.h"

namespace everstep {

DiskThread::DiskThread() : wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  Check(wake_.open(), "an eventfd can be made");
  sigset_t all{};
  sigset_t before{};
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);  // the thread inherits it
  thread_ = std::thread([this] { Run(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

DiskThread::~DiskThread() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

std::uint64_t DiskThread::Do(std::function<void()> work) {
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(work));
  }
  changed_.notify_one();
  return ++given_;
}

void DiskThread::ClearWake() {
  eventfd_t count = 0;
  eventfd_read(wake_.get(), &count);
}

void DiskThread::Run() {
  for (;;) {
    std::function<void()> work;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return ending_ || !queue_.empty(); });
      if (queue_.empty()) return;
      work = std::move(queue_.front());
      queue_.pop_front();
    }
    work();
    done_.fetch_add(1, std::memory_order_release);
    eventfd_write(wake_.get(), 1);
  }
}

}  // namespace everstep
