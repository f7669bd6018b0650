#include "agent/checkpoint/tear.h"

#include <cctype>
#include <filesystem>
#include <system_error>

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
  const auto last = pin ? NameOfNext(LastPart(pin->source), *pin->step) : std::nullopt;
  const CheckpointFile* biggest = pin ? Biggest(*pin) : nullptr;
  if (!last || !biggest)
    return Fail(ErrorCode::kNotFound, Cat("no checkpoint of ", gang.job, " with a step in its name is there yet"));
  const std::string name = DirectoryPart(pin->source) + *last;
  const std::string to = Cat(SavesDirectory(checkpoint, gang), '/', name);
  std::error_code error;
  if (fs::exists(to, error)) return Fail(ErrorCode::kConflict, Cat(to, " is there already"));
  fs::create_directories(fs::path(to).parent_path(), error);
  fs::copy(pin->path(), to, fs::copy_options::recursive, error);
  if (!error) fs::resize_file(biggest->name.empty() ? to : Cat(to, '/', biggest->name), biggest->size / 2, error);
  if (error) return Fail(ErrorCode::kIo, Cat("cannot write half a checkpoint to ", to, ": ", error.message()));
  return name;
}

}  // namespace everstep
