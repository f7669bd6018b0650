#include "agent/checkpoint/pin.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include "agent/checkpoint/facts.h"
#include "agent/checkpoint/layout.h"
#include "agent/checkpoint/rank_files.h"
#include "agent/checkpoint/recognise.h"
#include "agent/checkpoint/transfer.h"
#include "base/text.h"

namespace everstep {

namespace {

constexpr std::size_t kSourceBytesMax = 200;  // of a source's name in a pin's: a file name has at most 255 bytes

std::string HalfBuiltPrefix(const JobId& job) { return Cat(".making-", job, '.'); }
std::string HalfGonePrefix(const JobId& job) { return Cat(".removing-", job, '.'); }

tl::unexpected<Error> Changed() { return Fail(ErrorCode::kConflict, "it changed while it was being pinned"); }

void RemoveTree(const std::string& path) {
  std::error_code ignored;  // what cannot be removed now is tried again by the next watch
  std::filesystem::remove_all(path, ignored);
}

// Whether `pinned` has the files of `was`, and those that were linked are the very same.
bool SameFiles(const Survey& pinned, const Survey& was, const std::vector<Transferred>& how) {
  if (pinned.files.size() != was.files.size()) return false;
  for (std::size_t i = 0; i < was.files.size(); ++i) {
    const SurveyFile &a = pinned.files[i], &b = was.files[i];
    if (a.name != b.name || a.size != b.size) return false;
    if (how[i] == Transferred::linked && (a.inode != b.inode || a.mtime_ns != b.mtime_ns)) return false;
  }
  return true;
}

// Builds the pinned files under `root`, directories included, all on disk.
Result<std::vector<Transferred>> Build(const std::string& from, const std::string& root, const PinRequest& request,
                                       std::stop_token stop) {
  if (request.was.directory) EVERSTEP_TRY(MakeDirectories(root));
  for (const std::string& directory : request.was.directories) EVERSTEP_TRY(MakeDirectories(PathIn(root, directory)));
  std::vector<Transferred> how;
  for (const SurveyFile& file : request.was.files) {
    if (stop.stop_requested()) return Fail(ErrorCode::kUnavailable, "stopped while pinning");
    const Result<Transferred> one = Transfer(PathIn(from, file.name), PathIn(root, file.name), request.own_bytes, stop);
    // kCorrupt: it became shorter while it was read.
    if (!one && (one.error().code == ErrorCode::kNotFound || one.error().code == ErrorCode::kCorrupt)) return Changed();
    if (!one) return Fail(one.error());
    how.push_back(*one);
  }
  if (request.was.directory) EVERSTEP_TRY(SyncDirectory(root));
  for (const std::string& directory : request.was.directories) EVERSTEP_TRY(SyncDirectory(PathIn(root, directory)));
  return how;
}

Status VerifyBuilt(const std::string& from, const std::string& root, const PinRequest& request, const CompleteWhen& when,
                   const std::vector<Transferred>& how, std::stop_token stop) {
  EVERSTEP_ASSIGN(const Survey pinned, SurveyOf(root));
  if (!SameFiles(pinned, request.was, how)) return Changed();
  const bool all_linked =
      std::all_of(how.begin(), how.end(), [](Transferred transferred) { return transferred == Transferred::linked; });
  if (!all_linked) {
    EVERSTEP_ASSIGN(const Recognised again, Recognise(root, pinned, when, Depth::contents, stop));
    if (again.completeness != Completeness::complete) return Changed();
  }
  const Result<Survey> now = SurveyOf(from);
  if (!now && now.error().code != ErrorCode::kNotFound) return Fail(now.error());
  if (!now || *now != request.was) return Changed();
  return {};
}

// Gives the built pin its name: <generation>-<source>. Where that is taken, or will be again (a name without a step is), the
// pin's number follows: a path that has been registered must not come to mean something else.
Status Publish(const std::string& built, const std::string& dir, Pin& pin) {
  const std::string name = Cat(PinsDirectory(dir), '/', pin.generation, '-', Clip(pin.source, kSourceBytesMax));
  const std::string numbered = Cat(name, '.', pin.number);
  pin.directory = pin.step ? name : numbered;
  int error = ::rename(built.c_str(), pin.directory.c_str()) == 0 ? 0 : errno;
  if ((error == ENOTEMPTY || error == EEXIST) && pin.step) {
    pin.directory = numbered;
    error = ::rename(built.c_str(), pin.directory.c_str()) == 0 ? 0 : errno;
  }
  if (error != 0) return FailErrno(error, "rename to", pin.directory);
  return SyncDirectory(PinsDirectory(dir));
}

Result<Pin> BuildPin(const std::string& building, const CheckpointSpec& checkpoint, const PinRequest& request,
                     std::stop_token stop) {
  const std::string from = PathIn(request.from.empty() ? checkpoint.dir : request.from, request.source);
  const std::string root = PathIn(building, request.source);
  // The trainer's own loader finds the pin by it, as we do when we look again.
  if (const auto pointer = PointerTo(request.source, request.was))
    EVERSTEP_TRY(WriteDurably(PathIn(building, pointer->file), pointer->text));
  EVERSTEP_ASSIGN(const std::vector<Transferred> how, Build(from, root, request, stop));
  EVERSTEP_TRY(VerifyBuilt(from, root, request, checkpoint.complete_when, how, stop));
  Pin pin{.job = request.gang.job,
          .generation = request.gang.generation,
          .number = HighestPin(checkpoint.dir) + 1,
          .source = request.source,
          .step = StepOf(request.source),
          .copied = std::find(how.begin(), how.end(), Transferred::linked) == how.end(),
          .why = request.why,
          .was = request.was};
  EVERSTEP_ASSIGN(pin.files, FactsOf(root, request.was));
  EVERSTEP_TRY(WriteDurably(PathIn(building, kPinRecordName), EncodePin(pin)));
  EVERSTEP_TRY(SyncDirectory(building));
  EVERSTEP_TRY(Publish(building, checkpoint.dir, pin));
  return pin;
}

// Deletes the files of the record from `directory`, the record last: while it is there, this can be done again.
void RemoveRecorded(const std::string& directory, const Pin& pin) {
  const std::string root = PathIn(directory, pin.source);
  for (const CheckpointFile& file : pin.files) ::unlink(PathIn(root, file.name).c_str());
  for (auto below = pin.was.directories.rbegin(); below != pin.was.directories.rend(); ++below)
    ::rmdir(PathIn(root, *below).c_str());
  ::rmdir(root.c_str());
  if (const auto pointer = PointerTo(pin.source, pin.was)) ::unlink(PathIn(directory, pointer->file).c_str());
  ::unlink(PathIn(directory, kPinRecordName).c_str());
  ::rmdir(directory.c_str());
}

}  // namespace

Result<Pin> MakePin(const CheckpointSpec& checkpoint, const PinRequest& request, std::stop_token stop) {
  EVERSTEP_TRY(MakeDirectories(PinsDirectory(checkpoint.dir)));
  std::string building = Cat(PinsDirectory(checkpoint.dir), '/', HalfBuiltPrefix(request.gang.job), "XXXXXX");
  if (::mkdtemp(building.data()) == nullptr) return FailErrno(errno, "create a directory in", PinsDirectory(checkpoint.dir));
  ::chmod(building.c_str(), 0755);  // mkdtemp's 0700 would hide it from ranks of another user
  Result<Pin> pin = BuildPin(building, checkpoint, request, stop);
  if (!pin) RemoveTree(building);
  return pin;
}

std::optional<PinState> StateOf(const Pin& pin) {
  for (const CheckpointFile& file : pin.files) {
    struct stat found {};
    if (::lstat(PathIn(pin.path(), file.name).c_str(), &found) != 0) {
      if (errno == ENOENT || errno == ENOTDIR) return PinState::gone;
      return std::nullopt;
    }
    const std::int64_t mtime_ns = std::int64_t{found.st_mtim.tv_sec} * 1'000'000'000 + found.st_mtim.tv_nsec;
    if (found.st_ino != file.inode || static_cast<std::uint64_t>(found.st_size) != file.size || mtime_ns != file.mtime_ns)
      return PinState::changed;
  }
  return PinState::intact;
}

void RemovePin(const Pin& pin) {
  std::string doomed = Cat(pin.directory.substr(0, pin.directory.find_last_of('/') + 1), HalfGonePrefix(pin.job), "XXXXXX");
  // Renamed first: half a pin must not stand under its name. A failure leaves it whole, for the next time.
  if (::mkdtemp(doomed.data()) == nullptr) return;
  if (::rename(pin.directory.c_str(), doomed.c_str()) != 0) {
    ::rmdir(doomed.c_str());
    return;
  }
  RemoveRecorded(doomed, pin);
}

void RemoveHalfDone(const std::string& dir, const JobId& job) {
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(::opendir(PinsDirectory(dir).c_str()), ::closedir);
  if (!entries) return;
  std::vector<std::string> half_built, half_gone;
  while (const dirent* entry = ::readdir(entries.get())) {
    const std::string_view name = entry->d_name;
    if (name.starts_with(HalfBuiltPrefix(job))) half_built.push_back(Cat(PinsDirectory(dir), '/', name));
    if (name.starts_with(HalfGonePrefix(job))) half_gone.push_back(Cat(PinsDirectory(dir), '/', name));
  }
  for (const std::string& directory : half_built) RemoveTree(directory);
  for (const std::string& directory : half_gone)
    if (const std::optional<Pin> pin = ReadPin(directory)) RemoveRecorded(directory, *pin);
}

}  // namespace everstep
