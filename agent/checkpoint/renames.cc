#include "agent/checkpoint/renames.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <cstring>
#include <utility>

namespace everstep {

namespace {

constexpr std::uint32_t kProves = IN_MOVED_TO;
constexpr std::uint32_t kDisproves = IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_FROM | IN_DELETE;
constexpr std::uint32_t kBlind = IN_Q_OVERFLOW | IN_IGNORED | IN_UNMOUNT | IN_MOVE_SELF;  // what was seen is not all

}  // namespace

Renames::Renames(std::string directory) : directory_(std::move(directory)), fd_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
  Watch();
}

Renames::~Renames() {
  if (fd_ >= 0) ::close(fd_);
}

void Renames::Watch() {
  if (fd_ >= 0) watch_ = ::inotify_add_watch(fd_, directory_.c_str(), kProves | kDisproves | IN_MOVE_SELF | IN_ONLYDIR);
}

void Renames::Update() {
  if (fd_ < 0) return;
  alignas(inotify_event) char buffer[64 << 10];
  bool all = watch_ >= 0;
  for (;;) {
    const ssize_t bytes = ::read(fd_, buffer, sizeof buffer);
    if (bytes <= 0) break;
    all = Take(buffer, static_cast<std::size_t>(bytes)) && all;
  }
  if (all) return;
  names_.clear();
  if (watch_ >= 0) ::inotify_rm_watch(fd_, watch_);
  Watch();
}

// False: some events are missing.
bool Renames::Take(const char* events, std::size_t bytes) {
  bool all = true;
  inotify_event event{};
  for (std::size_t at = 0; at + sizeof event <= bytes; at += sizeof event + event.len) {
    std::memcpy(&event, events + at, sizeof event);
    // IN_IGNORED also follows when a watch is given up for a new one.
    if ((event.mask & kBlind) != 0 && (event.wd == watch_ || event.wd == -1)) all = false;
    if (event.len == 0 || event.wd != watch_) continue;
    const std::string name(events + at + sizeof event);
    if ((event.mask & kProves) != 0) names_.insert(name);
    if ((event.mask & kDisproves) != 0) names_.erase(name);
  }
  return all;
}

}  // namespace everstep
