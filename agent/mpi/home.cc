#include "agent/mpi/home.h"

#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <filesystem>

#include "agent/mpi/process.h"
#include "agent/mpi/signals.h"
#include "base/text.h"

namespace everstep::mpi {

namespace {

constexpr int kNotFound = 127, kNotRun = 126;  // as a shell says that it could not start a program

// Everstep's own programs lie beside this one, whatever PATH is.
std::vector<std::string> WithOwnPath(std::vector<std::string> words) {
  std::error_code ignored;
  if (words.front().starts_with("everstep-"))
    words.front() = std::filesystem::read_symlink("/proc/self/exe", ignored).replace_filename(words.front()).string();
  return words;
}

}  // namespace

Home::Home(const Place& place, std::vector<std::string> program, bool holds)
    : place_(place), program_(WithOwnPath(std::move(program))), fate_{.holds = holds} {}

bool Home::Open() {
  Result<Door> door = Door::Open(DoorName(place_.gang, place_.rank()));
  if (!door) return Told(door.error().Str(), false);
  door_.emplace(*std::move(door));
  return true;
}

void Home::AddTo(std::vector<pollfd>& waits) const {
  waits.push_back({door_->fd(), POLLIN, 0});
  for (const auto& caller : callers_) waits.push_back({caller->fd(), POLLIN, 0});
  if (stand_in_) waits.push_back({stand_in_->fd(), POLLIN, 0});
}

// First whether the program has ended: what it did by itself is not put down to a signal that has come meanwhile.
void Home::Turn() {
  Reap();
  FromStandIn();
  while (auto caller = door_->Accept()) callers_.push_back(std::move(caller));
  FromCallers();
}

void Home::FromCallers() {
  for (auto& caller : callers_) {
    const bool there = caller->Read();
    const auto frame = caller->Next();
    if (!frame && there) continue;
    std::unique_ptr<Frames> heard = std::move(caller);
    if (!frame) continue;
    if (frame->front() == 'C' && !fate_.came && !fate_.asked) {
      fate_.came = true;
      cpus_ = frame->substr(1);
      stand_in_ = std::move(heard);
    } else if (frame->front() == 'D') {
      fate_.over = static_cast<int>(ParseUnsigned(frame->substr(1)).value_or(1));
    } else if (frame->front() == 'R' && fate_.holds) {
      errands_.push_back({.caller = std::move(heard), .frame = *frame});
    }
  }
  std::erase(callers_, nullptr);
  FromStandIn();
}

void Home::FromStandIn() {
  if (!stand_in_) return;
  const bool there = stand_in_->Read();
  while (const auto frame = stand_in_->Next()) Take(*frame);
  if (there) return;
  stand_in_.reset();
  fate_.came = Runs() || fate_.ended;
  if (!Runs()) return;
  fate_.swept = true;
  // Who is stopped has its grace: mpirun's is a second.
  if (!fate_.asked) ::kill(-pid_, SIGKILL);
}

void Home::Take(const std::string& frame) {
  if (frame.front() == 'W' && !fate_.ended && !Runs()) {
    // Asked to end between two frames: what is not started need not be ended, and mpirun hears of it by the stand-in.
    if (fate_.asked) return HasEnded({.signal = SIGTERM}, SIGTERM);
    return Start(frame.substr(1));
  }
  const auto signal = frame.front() == 'S' ? ParseUnsigned(frame.substr(1)) : std::nullopt;
  if (!signal || *signal >= NSIG || fate_.ended) return;
  if (*signal == SIGTERM) fate_.swept = true;
  ToProgram(static_cast<int>(*signal));
}

void Home::Start(const std::string& environment) {
  const Result<pid_t> started = StartProcess({.argv = program_,
                                              .environment = ForMpi(place_.environment, Split(environment, '\0')),
                                              .on_parents_end = SIGKILL,
                                              .cpus = cpus_});
  if (started) {
    pid_ = *started;
    return;
  }
  const int code = Told(started.error().Str(), started.error().code == ErrorCode::kNotFound ? kNotFound : kNotRun);
  HasEnded({.code = code}, W_EXITCODE(code, 0));
}

void Home::Reap() {
  int status = 0;
  if (Runs() && ::waitpid(pid_, &status, WNOHANG) == pid_) HasEnded(EndedBy(status), status);
}

void Home::HasEnded(const Ended& ended, int wait_status) {
  pid_ = 0;
  fate_.ended = ended;
  if (stand_in_) stand_in_->Send('E', std::to_string(wait_status));
}

void Home::Heard(int signal) {
  Reap();
  if (AsksToEnd(signal)) fate_.asked = true;
  ToProgram(signal);
}

// One SIGTERM, though mpirun and whoever has started this home may both send it: to many programs a second one means at once.
void Home::ToProgram(int signal) {
  if (!Runs() || (signal == SIGTERM && std::exchange(terminated_, true))) return;
  ::kill(-pid_, signal);
}

void TellHomes(const Place& place, int code) {
  for (std::uint32_t local = 1; local < place.locals; ++local)
    if (const auto home = CallAt(DoorName(place.gang, place.node * place.locals + local)))
      (*home)->Send('D', std::to_string(code));
}

}  // namespace everstep::mpi
