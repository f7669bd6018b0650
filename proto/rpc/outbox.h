// Messages that wait to be written on one stream, bounded in number and bytes, so that a reader who does not read costs a known
// amount of memory. The front is the one being written. No thread of its own, no lock: its owner has one.
#pragma once

#include <google/protobuf/message_lite.h>

#include <cstddef>
#include <deque>
#include <utility>

namespace everstep {

struct OutboxLimits {
  std::size_t messages = 1024;
  std::size_t bytes = 64u << 20;
};

template <class Message>
class Outbox {
 public:
  explicit Outbox(OutboxLimits limits = {}) : limits_(limits) {}

  // False: full, and the message is dropped. One message always fits.
  bool Push(Message message) {
    const std::size_t size = Bytes(message);
    if (!waiting_.empty() && (waiting_.size() >= limits_.messages || bytes_ + size > limits_.bytes)) return false;
    bytes_ += size;
    waiting_.push_back(std::move(message));
    return true;
  }
  // Replaces the last one, if there is one that is not being written; for readers who only want the newest.
  void PushNewest(Message message) {
    if (waiting_.size() > 1) {
      bytes_ -= Bytes(waiting_.back());
      waiting_.pop_back();
    }
    bytes_ += Bytes(message);
    waiting_.push_back(std::move(message));
  }

  // What to write now; nullptr: nothing, or something is being written. Written() must follow when it was. The address stays.
  const Message* Next() {
    if (writing_ || waiting_.empty()) return nullptr;
    writing_ = true;
    return &waiting_.front();
  }
  void Written() {
    writing_ = false;
    bytes_ -= Bytes(waiting_.front());
    waiting_.pop_front();
  }

  bool empty() const { return waiting_.empty(); }
  std::size_t bytes() const { return bytes_; }

 private:
  static std::size_t Bytes(const Message& message) {
    if constexpr (requires { message.ByteSizeLong(); })
      return message.ByteSizeLong();
    else
      return message.Length();  // of a grpc::ByteBuffer
  }

  OutboxLimits limits_;
  std::deque<Message> waiting_{};
  std::size_t bytes_ = 0;
  bool writing_ = false;
};

}  // namespace everstep
