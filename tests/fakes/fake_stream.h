// What the look-alikes of libnccl.so.2 and libcudart.so share: a stream is a queue of steps, and who asks for an event takes
// the steps that can be taken. So all runs on the probe's own thread, and a step that is never done is a GPU that hangs.
#pragma once

#include <deque>
#include <functional>

namespace everstep::cuda {

// Of the leak checker, where there is one.
extern "C" __attribute__((weak)) void __lsan_ignore_object(void*);

// What a device and a communicator hold ends with the process, and everstep-probe leaves it to that: no leak.
template <class T>
T* Kept(T* made) {
  if (__lsan_ignore_object != nullptr) __lsan_ignore_object(made);
  return made;
}

struct Stream {
  std::deque<std::function<bool()>> steps{};  // false: not yet, ask again

  void Go() {
    while (!steps.empty() && steps.front()()) steps.pop_front();
  }
};

}  // namespace everstep::cuda
