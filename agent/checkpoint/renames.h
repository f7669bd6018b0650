// Which names of a directory came there by rename, as the kernel tells it (inotify): the proof that a script saves elsewhere
// and renames, and so does not write to what has its final name. Nothing is guessed: what happened before the directory was
// watched, on another host, or while events were lost is not proven.
//
// A name is proven until it is created, or a file that was open for writing is closed under it.
//
// Thread: one at a time. Cost: one read a call, mostly of nothing. A user may have 128 such watches by default
// (fs.inotify.max_user_instances); without one nothing is proven.
#pragma once

#include <set>
#include <string>

namespace everstep {

class Renames {
 public:
  explicit Renames(std::string directory);
  ~Renames();
  Renames(const Renames&) = delete;
  Renames& operator=(const Renames&) = delete;

  // Takes in what happened up to now.
  void Update();
  bool Proven(const std::string& name) const { return names_.contains(name); }

 private:
  void Watch();
  bool Take(const char* events, std::size_t bytes);

  const std::string directory_;
  int fd_ = -1;
  int watch_ = -1;
  std::set<std::string> names_;
};

}  // namespace everstep
