#include "agent/checkpoint/rank_files.h"

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "agent/checkpoint/input_file.h"
#include "agent/checkpoint/layout.h"
#include "agent/checkpoint/pickle_scan.h"
#include "agent/checkpoint/recognise.h"
#include "agent/checkpoint/zip_check.h"
#include "base/text.h"

namespace everstep {

namespace {

constexpr std::size_t kPickleBytesMax = 64u << 20;
constexpr std::size_t kPointerBytesMax = 4096;
constexpr std::string_view kLatest = "latest";
constexpr std::string_view kTracker = "latest_checkpointed_iteration.txt";

using Place = std::vector<std::uint64_t>;

// A name with its ranks taken out: "zero_pp_rank_3_mp_rank_00_optim_states.pt" is "zero_pp_rank_#_mp_rank_#_optim_states.pt" at
// place 3, 0.
struct Ranked {
  std::string kind{};
  Place place{};
};
Ranked RanksIn(std::string_view name) {
  Ranked ranked;
  bool in_rank = false;  // behind "rank_", and what follows it with '_' between: mp_rank_00_001
  for (std::size_t at = 0; at < name.size();) {
    if (!IsDigit(name[at])) {
      in_rank = (in_rank && name[at] == '_') || name.substr(0, at + 1).ends_with("rank_");
      ranked.kind += name[at++];
      continue;
    }
    std::size_t end = at;
    while (end < name.size() && IsDigit(name[end])) ++end;
    const auto number = ParseUnsigned(name.substr(at, end - at));
    if (in_rank && number && *number < 1'000'000) {
      ranked.place.push_back(*number);
      ranked.kind += '#';
    } else {
      ranked.kind += name.substr(at, end - at);
    }
    at = end;
  }
  return ranked;
}

// The first place between 0 and the highest number of each position that nothing stands at. `least`: of each position, how many
// there must be at least.
std::optional<Place> FirstGap(const std::set<Place>& places, const Place& least) {
  Place sizes = least;
  for (const Place& place : places) {
    sizes.resize(std::max(sizes.size(), place.size()));
    for (std::size_t i = 0; i < place.size(); ++i) sizes[i] = std::max(sizes[i], place[i] + 1);
  }
  std::uint64_t wanted = 1;
  for (const std::uint64_t size : sizes)
    if (__builtin_mul_overflow(wanted, std::max<std::uint64_t>(size, 1), &wanted)) return sizes;
  if (places.size() == wanted) return std::nullopt;
  Place place(sizes.size(), 0);
  for (const Place& there : places) {  // in order: the first that differs is the gap
    if (there != place) break;
    for (std::size_t i = place.size(); i-- > 0;) {
      if (++place[i] < sizes[i]) break;
      place[i] = 0;
    }
  }
  return place;
}

// ---- DeepSpeed -----------------------------------------------------------------------------------------------------------

bool StatesFile(std::string_view base) {
  return (base.ends_with("_model_states.pt") || base.ends_with("_optim_states.pt")) && base.find("rank_") != base.npos;
}

std::string Shown(const Place& place) {
  std::vector<std::string> numbers;
  for (const std::uint64_t number : place) numbers.push_back(Cat(number));
  return Join(numbers, "/");
}

struct World {
  std::optional<std::uint64_t> dp{};
  std::optional<std::uint64_t> mp{};
};
// How many ranks saved, by the words in a file of model states.
World WorldIn(const std::string& path) {
  World world;
  const Result<InputFile> file = InputFile::Open(path);
  if (!file) return world;
  const Result<std::string> pickle = ReadZipRecord(*file, "/data.pkl", kPickleBytesMax);
  if (!pickle) return world;
  std::optional<std::uint64_t>* wanted = nullptr;
  // A torn one is found elsewhere: here only the numbers count.
  static_cast<void>(ScanPickle(*pickle, [&](const PickleValue& value) {
    if (wanted != nullptr && value.number) *wanted = value.number;
    wanted = value.text == "dp_world_size" ? &world.dp : value.text == "mp_world_size" ? &world.mp : nullptr;
  }));
  return world;
}

// The files of one directory (with '/' at its end, or empty).
Result<std::optional<std::string>> MissingStates(const std::string& path, const Survey& survey, const std::string& directory) {
  std::map<std::string, std::set<Place>> kinds;
  World world;
  bool pipeline = false;
  for (const SurveyFile& file : survey.files) {
    if (DirectoryPart(file.name) != directory) continue;
    const std::string base = file.name.substr(directory.size());
    pipeline = pipeline || base.starts_with("layer_");
    if (!StatesFile(base)) continue;
    const Ranked ranked = RanksIn(base);
    kinds[ranked.kind].insert(ranked.place);
    if (!world.dp && base.ends_with("_model_states.pt")) world = WorldIn(PathIn(path, file.name));
  }
  const bool states =
      std::any_of(kinds.begin(), kinds.end(), [](const auto& kind) { return kind.first.ends_with("_model_states.pt"); });
  if (!states) return std::optional(Cat(directory, "the files of model states are missing"));
  for (const auto& [kind, places] : kinds) {
    Place least;
    if (kind.find("pp_rank_#") != std::string::npos) least = {world.dp.value_or(1), pipeline ? 1 : world.mp.value_or(1)};
    if (kind.starts_with("mp_rank_#")) least = {pipeline ? 1 : world.mp.value_or(1)};
    if (const auto gap = FirstGap(places, least)) {
      const std::string saved = world.dp ? Cat(": ", Count(*world.dp, "data-parallel rank"), " saved it") : "";
      return std::optional(Cat(directory, kind, " of rank ", Shown(*gap), " is missing", saved));
    }
  }
  return std::optional<std::string>();
}

// What a pointer file says; nullopt: there is none.
Result<std::optional<std::string>> Pointed(const std::string& path) {
  const Result<std::string> text = ReadSmallFile(path, kPointerBytesMax);
  if (text) return std::optional(std::string(Trim(*text)));
  if (text.error().code == ErrorCode::kNotFound) return std::optional<std::string>();
  return Fail(text.error());
}

std::string Parent(const std::string& path) { return path.substr(0, path.find_last_of('/')); }

// Whether `said`, of a pointer, is `name` or something later.
bool Reached(const std::string& said, std::string_view name) {
  if (said == name) return true;
  const auto theirs = StepOf(said), ours = StepOf(name);
  return theirs && ours && *theirs >= *ours;
}

// Not incomplete: a script may leave the pointer out, and torn leftovers are moved aside.
Recognised NotYet(std::string_view pointer, const std::optional<std::string>& said) {
  return {.completeness = Completeness::unverifiable,
          .why = Cat(pointer, " beside it, which is written last, ",
                     said ? Cat("says ", Printable(Clip(*said, 80))) : "is not there"),
          .beside = true};
}

bool MegatronName(std::string_view name) {
  return name == "release" ||
         (name.starts_with("iter_") && name.size() > 5 && std::all_of(name.begin() + 5, name.end(), IsDigit));
}

}  // namespace

Result<std::optional<Recognised>> DeepSpeedClaim(const std::string& path, const Survey& survey) {
  std::set<std::string> directories;
  for (const SurveyFile& file : survey.files)
    if (const std::string in = DirectoryPart(file.name); StatesFile(std::string_view(file.name).substr(in.size())))
      directories.insert(in);
  if (directories.empty()) return std::optional<Recognised>();
  for (const std::string& directory : directories) {
    EVERSTEP_ASSIGN(const std::optional<std::string> missing, MissingStates(path, survey, directory));
    if (missing) return std::optional(Incomplete(*missing));
    const std::string whole = directory.empty() ? path : Cat(path, '/', directory.substr(0, directory.size() - 1));
    EVERSTEP_ASSIGN(const std::optional<std::string> latest, Pointed(Cat(Parent(whole), '/', kLatest)));
    if (!latest || !Reached(*latest, LastPart(whole))) return std::optional(NotYet(kLatest, latest));
  }
  return std::optional(
      Recognised{.completeness = Completeness::complete, .why = "DeepSpeed checkpoint with the files of all ranks"});
}

Result<std::optional<Recognised>> MegatronClaim(const std::string& path, const Survey& survey) {
  const std::string_view name = LastPart(path);
  if (!MegatronName(name)) return std::optional<Recognised>();
  std::map<std::string, std::set<Place>> kinds;  // of files, below the ranks' directories
  for (const SurveyFile& file : survey.files)
    if (file.name.starts_with("mp_rank_")) {
      const std::size_t slash = std::min(file.name.find('/'), file.name.size());
      const Ranked ranked = RanksIn(std::string_view(file.name).substr(0, slash));
      kinds[ranked.kind + file.name.substr(slash)].insert(ranked.place);
    }
  EVERSTEP_ASSIGN(const std::optional<std::string> said, Pointed(Cat(Parent(path), '/', kTracker)));
  if (kinds.empty() && !said) return std::optional<Recognised>();  // another's directory with such a name
  if (!said || !Reached(*said, name)) return std::optional(NotYet(kTracker, said));
  std::set<Place> all;
  for (const auto& [kind, places] : kinds) all.insert(places.begin(), places.end());
  if (const auto gap = FirstGap(all, {}); !kinds.empty() && gap)
    return std::optional(Incomplete(Cat("the directory of rank ", Shown(*gap), " is missing")));
  for (const auto& [kind, places] : kinds)
    if (places.size() != all.size())
      return std::optional(Incomplete(Cat("only ", places.size(), " of ", all.size(), " ranks have ", kind)));
  if (kinds.empty())
    return std::optional(Recognised{.completeness = Completeness::complete, .why = Cat("named by ", kTracker)});
  return std::optional(Recognised{.completeness = Completeness::complete,
                                  .why = Cat("Megatron checkpoint with the files of ", Count(all.size(), "rank"))});
}

std::optional<Pointer> PointerTo(const std::string& name, const Survey& survey) {
  const bool deepspeed = std::any_of(survey.files.begin(), survey.files.end(), [](const SurveyFile& file) {
    return StatesFile(file.name) && file.name.find('/') == file.name.npos;
  });
  if (deepspeed) return Pointer{.file = std::string(kLatest), .text = name};
  if (!MegatronName(name)) return std::nullopt;
  const auto step = StepOf(name);
  return Pointer{.file = std::string(kTracker), .text = step ? Cat(*step) : name};
}

}  // namespace everstep
