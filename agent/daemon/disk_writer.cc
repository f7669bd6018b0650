#include "agent/daemon/disk_writer.h"

#include <iterator>
#include <optional>
#include <utility>

namespace everstep {

DiskWriter::DiskWriter(Files& files, std::function<void(StateWritten)> post) : files_(files), post_(std::move(post)) {
  thread_ = std::thread([this] { Run(); });
}

DiskWriter::~DiskWriter() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void DiskWriter::Write(std::string path, std::uint64_t number, std::string bytes) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.insert_or_assign(std::move(path), Waiting{.number = number, .bytes = std::move(bytes)});
  }
  changed_.notify_one();
}

void DiskWriter::Run() {
  for (;;) {
    std::optional<std::pair<std::string, Waiting>> next;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return ending_ || !waiting_.empty(); });
      if (ending_) return;
      // memory.json, which actions wait for, comes after cluster.json in the alphabet: the last one first.
      auto node = waiting_.extract(std::prev(waiting_.end()));
      next.emplace(std::move(node.key()), std::move(node.mapped()));
    }
    Status status = files_.Write(next->first, next->second.bytes);
    post_({.path = std::move(next->first), .number = next->second.number, .status = std::move(status)});
  }
}

}  // namespace everstep
