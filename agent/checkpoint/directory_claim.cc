#include "agent/checkpoint/directory_claim.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "agent/checkpoint/input_file.h"
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

// The names of the form __N_M.distcp in a .metadata file. It is a pickle, which must not be loaded; but names in it stand as
// plain text (the protocol writes strings as length and UTF-8 bytes).
std::set<std::string> ShardsNamedIn(std::string_view metadata) {
  constexpr std::string_view kExtension = ".distcp";
  const auto in_name = [](char c) { return (c >= '0' && c <= '9') || c == '_'; };
  std::set<std::string> shards;
  for (std::size_t at = metadata.find(kExtension); at != std::string_view::npos; at = metadata.find(kExtension, at + 1)) {
    std::size_t begin = at;
    while (begin > 0 && in_name(metadata[begin - 1])) --begin;
    const std::string_view stem = metadata.substr(begin, at - begin);
    const std::size_t start = stem.find("__");
    if (start != std::string_view::npos) shards.insert(Cat(stem.substr(start), kExtension));
  }
  return shards;
}

// torch.distributed.checkpoint: rank 0 writes .metadata once every rank has written its shards.
Result<Recognised> ShardedClaim(const std::string& path, const Survey& survey) {
  std::set<std::string> sharded;
  std::uint64_t found = 0;
  for (const SurveyFile& file : survey.files)
    if (file.name.ends_with(".distcp")) sharded.insert(DirectoryName(file.name));
  for (const std::string& directory : sharded) {
    const std::string in = directory.empty() ? "" : Cat(directory, '/');
    if (survey.Find(in + ".metadata") == nullptr)
      return Is(Completeness::incomplete, Cat("shards without ", in, ".metadata, which is written last"));
    EVERSTEP_ASSIGN(const std::string metadata, ReadSmallFile(Cat(path, '/', in, ".metadata"), kManifestBytesMax));
    const std::set<std::string> shards = ShardsNamedIn(metadata);
    if (shards.empty()) return Is(Completeness::incomplete, Cat(in, ".metadata names no shard"));
    for (const std::string& shard : shards) {
      const SurveyFile* file = survey.Find(in + shard);
      if (file == nullptr || file->size == 0)
        return Is(Completeness::incomplete,
                  Cat(in, shard, " is ", file == nullptr ? "missing" : "empty", ": .metadata names it"));
    }
    found += shards.size();
  }
  return Is(Completeness::complete, Cat("distributed checkpoint with .metadata and its ", Count(found, "shard")));
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
  if (!json::accept(state)) return Is(Completeness::incomplete, "trainer_state.json is torn: no JSON");
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

}  // namespace

bool HasCompletionMarker(const Survey& survey) { return CompletionMarker(survey) != nullptr; }

Result<Recognised> DirectoryClaim(const std::string& path, const Survey& survey) {
  if (const SurveyFile* marker = CompletionMarker(survey)) return Is(Completeness::complete, Cat("marker ", marker->name));
  const bool sharded = std::any_of(survey.files.begin(), survey.files.end(),
                                   [](const SurveyFile& file) { return file.name.ends_with(".distcp"); });
  const bool trainers = TrainersOwn(BaseName(path), survey);
  if (sharded) {
    EVERSTEP_ASSIGN(Recognised claim, ShardedClaim(path, survey));
    if (claim.completeness != Completeness::complete || !trainers) return claim;
  }
  if (trainers) return TrainerClaim(path, survey);
  return Is(Completeness::unverifiable, "directory without marker or manifest: give checkpoint.complete_when");
}

}  // namespace everstep
