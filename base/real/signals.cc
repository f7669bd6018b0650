#include "base/real/signals.h"

#include <pthread.h>

#include <utility>

namespace everstep {

StopSignals::StopSignals() {
  signal(SIGPIPE, SIG_IGN);
  sigemptyset(&set_);
  for (const int s : {SIGINT, SIGTERM, SIGHUP, SIGUSR2}) sigaddset(&set_, s);
  pthread_sigmask(SIG_BLOCK, &set_, nullptr);
  thread_ = std::thread([this] { Run(); });
}

StopSignals::~StopSignals() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  pthread_kill(thread_.native_handle(), SIGUSR2);
  thread_.join();
}

void StopSignals::OnStop(std::function<void(int)> f) {
  const std::lock_guard lock(mutex_);
  f_ = std::move(f);
  if (f_ && pending_ != 0) f_(std::exchange(pending_, 0));
}

void StopSignals::Run() {
  for (;;) {
    int signal_number = 0;
    if (sigwait(&set_, &signal_number) != 0) continue;
    const std::lock_guard lock(mutex_);
    if (ending_) return;
    if (signal_number == SIGUSR2) continue;
    if (f_)
      f_(signal_number);
    else
      pending_ = signal_number;
  }
}

}  // namespace everstep
