#include "agent/checkpoint/tear.h"

#include <cctype>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <vector>

#include "agent/checkpoint/inspect.h"
#include "agent/checkpoint/layout.h"
#include "agent/checkpoint/own_directory.h"
#include "agent/checkpoint/pin_record.h"
#include "base/text.h"

namespace everstep {

namespace fs = std::filesystem;

namespace {

std::optional<Pin> NewestPin(const std::string& dir, const JobId& job) {
  std::optional<Pin> newest;
  for (Pin& pin : PinsIn(dir))
    if (pin.job == job && pin.step && (!newest || *pin.step >= *newest->step)) newest = std::move(pin);
  return newest;
}

const CheckpointFile* Biggest(const Pin& pin) {
  const CheckpointFile* biggest = nullptr;
  for (const CheckpointFile& file : pin.files)
    if (!biggest || file.size > biggest->size) biggest = &file;
  return biggest;
}

// The first name after the newest that nothing has.
Result<std::string> FreeName(const std::string& saves, const Pin& pin) {
  std::string last(LastPart(pin.source));
  for (std::uint64_t step = *pin.step; step < *pin.step + 10'000; ++step) {
    const auto next = NameOfNext(last, step);
    if (!next) return Fail(ErrorCode::kNotFound, Cat(pin.source, " does not have its step in its name"));
    last = *next;
    std::string name = DirectoryPart(pin.source) + last;
    std::error_code error;
    if (!fs::exists(fs::symlink_status(Cat(saves, '/', name), error))) return name;
  }
  return Fail(ErrorCode::kConflict, Cat("all names after ", pin.source, " are there already"));
}

// The biggest file first, and only half of it.
Status MakeHalf(const Pin& pin, const CheckpointFile& biggest, const std::string& made) {
  std::error_code error;
  std::vector<const CheckpointFile*> files{&biggest};
  for (const CheckpointFile& file : pin.files)
    if (&file != &biggest) files.push_back(&file);
  for (const CheckpointFile* file : files) {
    const auto in = [&](const std::string& place) { return file->name.empty() ? place : Cat(place, '/', file->name); };
    fs::create_directories(fs::path(in(made)).parent_path(), error);
    if (!error && file != &biggest) fs::copy_file(in(pin.path()), in(made), error);
    if (error) return Fail(ErrorCode::kIo, Cat("cannot make half a checkpoint: ", error.message()));
    if (file != &biggest) continue;
    std::ifstream from(in(pin.path()), std::ios::binary);
    std::string half(static_cast<std::size_t>(biggest.size / 2), '\0');
    if (!from.read(half.data(), static_cast<std::streamsize>(half.size())))
      return Fail(ErrorCode::kIo, Cat("cannot read ", in(pin.path())));
    EVERSTEP_TRY(WriteDurably(in(made), half));
  }
  return {};
}

// What Everstep itself would take for whole proves nothing, and would be resumed from.
Status SeenTorn(const std::string& made, const CompleteWhen& when) {
  EVERSTEP_ASSIGN(const Inspected seen, Inspect(made, when, Depth::structure));
  if (seen.completeness == Completeness::incomplete) return {};
  return Fail(ErrorCode::kConflict, Cat("half of one cannot be told from a whole one here: ", seen.why));
}

}  // namespace

std::optional<std::string> NameOfNext(std::string_view name, std::uint64_t step) {
  const std::string next = Cat(step + 1);
  for (std::size_t end = name.size(); end > 0; --end) {
    if (std::isdigit(static_cast<unsigned char>(name[end - 1])) == 0) continue;
    std::size_t begin = end;
    while (begin > 0 && std::isdigit(static_cast<unsigned char>(name[begin - 1])) != 0) --begin;
    if (ParseUnsigned(name.substr(begin, end - begin)) == step) {
      const std::size_t zeros = end - begin > next.size() ? end - begin - next.size() : 0;
      return Cat(name.substr(0, begin), std::string(zeros, '0'), next, name.substr(end));
    }
    end = begin + 1;
  }
  return std::nullopt;
}

Result<std::string> TearCheckpoint(const CheckpointSpec& checkpoint, const GangKey& gang) {
  const std::optional<Pin> pin = NewestPin(checkpoint.dir, gang.job);
  const CheckpointFile* biggest = pin ? Biggest(*pin) : nullptr;
  if (!biggest) return Fail(ErrorCode::kNotFound, Cat("no checkpoint of ", gang.job, " with a step in its name is there yet"));
  const std::string saves = SavesDirectory(checkpoint, gang);
  EVERSTEP_ASSIGN(const std::string name, FreeName(saves, *pin));
  // Made out of everybody's sight, under the name that it will have: half from the first moment on, and seen to be.
  const std::string made = Cat(OwnDirectory(checkpoint.dir), "/drill-", gang, '/', LastPart(name));
  Status status = MakeHalf(*pin, *biggest, made);
  if (status) status = SeenTorn(made, checkpoint.complete_when);
  std::error_code error;
  if (status) fs::create_directories(fs::path(Cat(saves, '/', name)).parent_path(), error);
  if (status && !error) fs::rename(made, Cat(saves, '/', name), error);
  std::error_code ignored;
  fs::remove_all(fs::path(made).parent_path(), ignored);
  if (!status) return Fail(status.error());
  if (error) return Fail(ErrorCode::kIo, Cat("cannot write half a checkpoint to ", saves, '/', name, ": ", error.message()));
  return name;
}

}  // namespace everstep
