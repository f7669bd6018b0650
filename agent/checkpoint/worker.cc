#include "agent/checkpoint/worker.h"

#include <utility>

namespace everstep {

bool Worker::State::FinishWithin(Duration duration) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, stop(), duration, [this] { return finish_; }) || stop_.stop_requested();
}

bool Worker::State::StopWithin(Duration duration) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, stop(), duration, [] { return false; });
  return stop_.stop_requested();
}

Worker::Worker(Work work) : state_(std::make_shared<State>()) {
  thread_ = std::thread([state = state_, work = std::move(work)]() mutable {
    work(*state);
    work = nullptr;  // before it is said to be done: nothing of it may be left when its owner goes on
    const std::lock_guard lock(state->mutex_);
    state->done_ = true;
    state->changed_.notify_all();
  });
}

Worker::~Worker() {
  if (Done())
    thread_.join();
  else
    thread_.detach();
}

void Worker::Finish() {
  const std::lock_guard lock(state_->mutex_);
  state_->finish_ = true;
  state_->changed_.notify_all();
}

void Worker::Stop() { state_->stop_.request_stop(); }

bool Worker::Done() const {
  const std::lock_guard lock(state_->mutex_);
  return state_->done_;
}

bool Worker::DoneWithin(Duration duration) {
  std::unique_lock lock(state_->mutex_);
  return state_->changed_.wait_for(lock, duration, [this] { return state_->done_; });
}

}  // namespace everstep
