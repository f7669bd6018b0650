#include "agent/checkpoint/directory_claim.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "agent/checkpoint/input_file.h"
#include "agent/checkpoint/json_whole.h"
#include "agent/checkpoint/rank_files.h"
#include "agent/checkpoint/recognise.h"
#include "agent/checkpoint/sharded_claim.h"
#include "base/text.h"

namespace everstep {

namespace {

using nlohmann::json;

constexpr std::size_t kManifestBytesMax = 64u << 20;
constexpr std::string_view kMarkers[] = {"COMMITTED", "COMPLETE",          "DONE", "_SUCCESS", ".done",
                                         ".complete", "commit_success.txt"};

Recognised Is(Completeness completeness, std::string why) { return {.completeness = completeness, .why = std::move(why)}; }

std::string_view BaseName(std::string_view name) { return name.substr(name.find_last_of('/') + 1); }
std::string DirectoryName(const std::string& name) {
  const std::size_t slash = name.find_last_of('/');
  return slash == std::string::npos ? std::string() : name.substr(0, slash);
}

const SurveyFile* CompletionMarker(const Survey& survey) {
  for (const std::string_view marker : kMarkers)
    if (const SurveyFile* file = survey.Find(marker)) return file;
  return nullptr;
}

// checkpoint-500 with training_args.bin in it: also a model that was only exported has that file, but not that name.
bool TrainersOwn(std::string_view directory, const Survey& survey) {
  return survey.Find("trainer_state.json") != nullptr ||
         (directory.starts_with("checkpoint-") && survey.Find("training_args.bin") != nullptr);
}

bool Weights(std::string_view base) {
  if (base == "training_args.bin") return false;
  return base.ends_with(".safetensors") || base.ends_with(".bin") || base.ends_with(".distcp") ||
         base.ends_with("model_states.pt");
}

// Every shard that a *.index.json beside it lists must be there.
Result<Recognised> IndexClaim(const std::string& path, const Survey& survey, const SurveyFile& index) {
  EVERSTEP_ASSIGN(const std::string text, ReadSmallFile(PathIn(path, index.name), kManifestBytesMax));
  const json parsed = json::parse(text, nullptr, false);
  if (!parsed.is_object() || !parsed.contains("weight_map") || !parsed["weight_map"].is_object())
    return Is(Completeness::incomplete, Cat(index.name, " is torn: no JSON with a weight_map"));
  const std::string directory = DirectoryName(index.name);
  for (const auto& [tensor, shard] : parsed["weight_map"].items()) {
    if (!shard.is_string()) return Is(Completeness::incomplete, Cat(index.name, " names no file for a tensor"));
    const std::string name = shard.get<std::string>();
    if (survey.Find(directory.empty() ? name : Cat(directory, '/', name)) == nullptr)
      return Is(Completeness::incomplete, Cat(Clip(Printable(name), 200), " is missing: ", index.name, " names it"));
  }
  return Is(Completeness::complete, {});
}

// Hugging Face Trainer: trainer_state.json is written after weights, optimizer and scheduler.
Result<Recognised> TrainerClaim(const std::string& path, const Survey& survey) {
  if (survey.Find("trainer_state.json") == nullptr)
    return Is(Completeness::incomplete, "a Trainer's files without trainer_state.json, which is written last");
  EVERSTEP_ASSIGN(const std::string state, ReadSmallFile(PathIn(path, "trainer_state.json"), kManifestBytesMax));
  if (!WholeJson(state)) return Is(Completeness::incomplete, "trainer_state.json is torn: no JSON");
  bool weights = false;
  for (const SurveyFile& file : survey.files) {
    weights = weights || Weights(BaseName(file.name));
    if (!file.name.ends_with(".index.json")) continue;
    EVERSTEP_ASSIGN(Recognised index, IndexClaim(path, survey, file));
    if (index.completeness != Completeness::complete) return index;
  }
  if (!weights) return Is(Completeness::incomplete, "trainer_state.json without weights");
  return Is(Completeness::complete, "Trainer checkpoint with trainer_state.json");
}

// Safetensors files with an index that names them all, in a directory whose name has a step: a model that was only exported has
// none. save_pretrained writes the index last.
Result<std::optional<Recognised>> SetClaim(const std::string& path, const Survey& survey) {
  const SurveyFile* index = nullptr;
  std::uint64_t parts = 0;
  for (const SurveyFile& file : survey.files) {
    if (file.name.ends_with(".safetensors.index.json") && file.name.find('/') == std::string::npos) index = &file;
    if (file.name.ends_with(".safetensors")) ++parts;
  }
  if (index == nullptr || !StepOf(BaseName(path))) return std::optional<Recognised>();
  EVERSTEP_ASSIGN(Recognised claim, IndexClaim(path, survey, *index));
  if (claim.completeness == Completeness::complete)
    claim.why = Cat(Count(parts, "safetensors file"), ", all that ", index->name, " names");
  return std::optional(claim);
}

}  // namespace

bool HasCompletionMarker(const Survey& survey) { return CompletionMarker(survey) != nullptr; }

Result<Recognised> DirectoryClaim(const std::string& path, const Survey& survey) {
  if (const SurveyFile* marker = CompletionMarker(survey)) return Is(Completeness::complete, Cat("marker ", marker->name));
  std::vector<std::string> whys;
  // Each that it is: all must say that it is whole.
  const auto add = [&whys](const Recognised& claim) {
    if (claim.completeness == Completeness::complete) whys.push_back(claim.why);
    return claim.completeness == Completeness::complete;
  };
  if (HoldsShards(survey)) {
    EVERSTEP_ASSIGN(const Recognised claim, ShardedClaim(path, survey));
    if (!add(claim)) return claim;
    // Lightning writes it after the shards.
    if (path.ends_with(".ckpt") && survey.Find("meta.pt") == nullptr) return Is(Completeness::incomplete, "no meta.pt in it");
  }
  if (TrainersOwn(BaseName(path), survey)) {
    EVERSTEP_ASSIGN(const Recognised claim, TrainerClaim(path, survey));
    if (!add(claim)) return claim;
  }
  for (const auto& find : {DeepSpeedClaim, MegatronClaim}) {
    EVERSTEP_ASSIGN(const std::optional<Recognised> claim, find(path, survey));
    if (claim && !add(*claim)) return *claim;
  }
  if (whys.empty()) {
    EVERSTEP_ASSIGN(const std::optional<Recognised> claim, SetClaim(path, survey));
    if (claim && !add(*claim)) return *claim;
  }
  if (!whys.empty()) return Is(Completeness::complete, Join(whys));
  return Is(Completeness::unverifiable, "directory without marker or manifest: give checkpoint.complete_when");
}

}  // namespace everstep
