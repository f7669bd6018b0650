// A program that runs beside this one and whose output is read when it has ended: what it prints goes to memory, so that nobody
// has to read along. Spawned, never forked: a fork would share pages that a NIC writes to.
//
// One thread. The destructor ends it.
#pragma once

#include <sys/types.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/real/fd.h"
#include "base/result.h"
#include "base/time.h"

namespace everstep {

class PeerProcess {
 public:
  // argv[0] with a slash, or looked for in this process's PATH.
  static Result<std::unique_ptr<PeerProcess>> Start(const std::vector<std::string>& argv,
                                                    const std::map<std::string, std::string>& environment);
  ~PeerProcess();
  PeerProcess(const PeerProcess&) = delete;
  PeerProcess& operator=(const PeerProcess&) = delete;

  bool EndedWithin(Duration most);
  // REQUIRES: it has ended. 128 + signal where one ended it.
  int code() const { return code_; }
  // SIGTERM, and after a moment SIGKILL. It has ended afterwards.
  void Stop();

  std::string Out() const;
  std::string Err() const;

 private:
  PeerProcess() = default;

  pid_t pid_ = -1;  // -1: it has ended
  int code_ = -1;
  Fd handle_{}, out_{}, err_{};
};

}  // namespace everstep
