// The home of one MPI rank: the process of the gang that the rank is to everybody else. The program is its child and writes
// into its stdout and stderr, so that log, exit code and last lines are the rank's own. When to start the program, and that
// it has to end, is mpirun's to say: by the stand-in (stand_in.cc), which mpirun starts on this host in place of the program.
//
//   stand-in → home   C  the CPUs that it may run on      W  its environment: start now
//                     S  "S15": this signal for the program
//                     gone: mpirun has killed it
//   home → stand-in   E  "E11": the program has ended, with this status of wait(2)
//   first of the host → home   D  "D0": mpirun has ended, with this code
//
// Nothing here waits: the caller polls.
#pragma once

#include <poll.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/mpi/door.h"
#include "agent/mpi/fate.h"
#include "agent/mpi/program.h"

namespace everstep::mpi {

// Somebody at the door who wants something else than a home has, and the first thing it has said.
struct Errand {
  std::unique_ptr<Frames> caller{};
  std::string frame{};
};

class Home {
 public:
  // `holds`: see Fate.
  Home(const Place& place, std::vector<std::string> program, bool holds);
  // False: told why not.
  bool Open();

  void AddTo(std::vector<pollfd>& waits) const;
  // Takes what has come, and whether the program has ended.
  void Turn();
  // That this process has got.
  void Heard(int signal);
  // mpirun has ended with this code, or will not come back.
  void Over(int code) { fate_.over = code; }
  std::vector<Errand> TakeErrands() { return std::exchange(errands_, {}); }

  const Fate& fate() const { return fate_; }
  bool Runs() const { return pid_ > 0; }

 private:
  void FromCallers();
  void FromStandIn();
  void Take(const std::string& frame);
  void Start(const std::string& environment);
  void Reap();
  void ToProgram(int signal);
  void HasEnded(const Ended& ended, int wait_status);

  const Place place_;
  const std::vector<std::string> program_;
  std::optional<Door> door_{};
  std::vector<std::unique_ptr<Frames>> callers_{};  // that have not said what they want
  std::vector<Errand> errands_{};
  std::unique_ptr<Frames> stand_in_{};
  std::string cpus_{};
  pid_t pid_ = 0;  // of the program; 0: it does not run
  bool terminated_ = false;
  Fate fate_{};
};

// Tells the other homes of this host how mpirun has ended.
void TellHomes(const Place& place, int code);

}  // namespace everstep::mpi
