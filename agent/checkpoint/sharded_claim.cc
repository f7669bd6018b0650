#include "agent/checkpoint/sharded_claim.h"

#include <algorithm>
#include <set>

#include "agent/checkpoint/input_file.h"
#include "agent/checkpoint/layout.h"
#include "agent/checkpoint/pickle_scan.h"
#include "agent/checkpoint/zip_check.h"
#include "base/text.h"

namespace everstep {

namespace {

constexpr std::size_t kMetadataBytesMax = 64u << 20;

bool IsMetadata(std::string_view name) { return name == ".metadata" || name.ends_with("/.metadata"); }

// Collects "relative_path" NAME "offset" NUMBER "length" NUMBER, as a _StorageInfo stands in the pickle.
class StorageInfos {
 public:
  void Take(const PickleValue& value) {
    const std::string_view text = value.text.value_or("");
    if (text.ends_with(".distcp")) shards_[std::string(text)];
    if (text == "relative_path") {
      step_ = 1;
    } else if (step_ == 1 && value.text) {
      name_ = std::string(text);
      step_ = 2;
    } else if (step_ == 2 && text == "offset") {
      step_ = 3;
    } else if (step_ == 3 && value.number) {
      offset_ = *value.number;
      step_ = 4;
    } else if (step_ == 4 && text == "length") {
      step_ = 5;
    } else if (step_ == 5 && value.number) {
      shards_[name_].push_back({.offset = offset_, .bytes = *value.number});
      step_ = 0;
    } else {
      step_ = 0;
    }
  }
  Shards TakeShards() { return std::move(shards_); }

 private:
  int step_ = 0;
  std::string name_;
  std::uint64_t offset_ = 0;
  Shards shards_;
};

// Where the parts of a shard end.
std::uint64_t EndOf(const std::vector<ShardPart>& parts) {
  std::uint64_t end = 0;
  for (const ShardPart& part : parts) {
    std::uint64_t its = 0;
    if (__builtin_add_overflow(part.offset, part.bytes, &its)) return ~std::uint64_t{0};
    end = std::max(end, its);
  }
  return end;
}

Result<Shards> ReadMetadata(const std::string& path, const std::string& name) {
  EVERSTEP_ASSIGN(const std::string metadata, ReadSmallFile(PathIn(path, name), kMetadataBytesMax));
  return ShardsNamedIn(metadata);
}

Result<Recognised> ClaimOf(const std::string& path, const Survey& survey, const std::string& metadata, std::uint64_t& found) {
  const Result<Shards> shards = ReadMetadata(path, metadata);
  if (!shards && shards.error().code == ErrorCode::kCorrupt) return Incomplete(Cat(metadata, ": ", shards.error().message));
  if (!shards) return Fail(shards.error());
  if (shards->empty()) return Incomplete(metadata + " names no shard");
  for (const auto& [shard, parts] : *shards) {
    const std::string name = Cat(DirectoryPart(metadata), shard);
    const SurveyFile* file = survey.Find(name);
    if (file == nullptr) return Incomplete(Cat(Printable(name), " is missing: .metadata names it"));
    if (file->size == 0) return Incomplete(Cat(name, " is empty: .metadata names it"));
    if (parts.empty())
      return Recognised{.completeness = Completeness::unverifiable,
                        .why = Cat(metadata, " does not say which bytes of ", Printable(name), " are used")};
    if (const std::uint64_t end = EndOf(parts); file->size < end)
      return Incomplete(Cat(name, " is torn: it has ", file->size, " bytes, .metadata needs ", end));
  }
  // Megatron writes it last.
  if (survey.Find(DirectoryPart(metadata) + "common.pt") != nullptr &&
      survey.Find(DirectoryPart(metadata) + "metadata.json") == nullptr)
    return Incomplete(Cat("no ", DirectoryPart(metadata), "metadata.json, which is written last"));
  found += shards->size();
  return Recognised{.completeness = Completeness::complete};
}

}  // namespace

Result<Shards> ShardsNamedIn(std::string_view metadata) {
  StorageInfos infos;
  EVERSTEP_TRY(ScanPickle(metadata, [&infos](const PickleValue& value) { infos.Take(value); }));
  return infos.TakeShards();
}

bool HoldsShards(const Survey& survey) {
  return std::any_of(survey.files.begin(), survey.files.end(),
                     [](const SurveyFile& file) { return file.name.ends_with(".distcp") || IsMetadata(file.name); });
}

Result<Recognised> ShardedClaim(const std::string& path, const Survey& survey) {
  std::set<std::string> sharded;
  for (const SurveyFile& file : survey.files)
    if (file.name.ends_with(".distcp") || IsMetadata(file.name)) sharded.insert(DirectoryPart(file.name));
  std::uint64_t found = 0;
  for (const std::string& directory : sharded) {
    const std::string metadata = directory + ".metadata";
    if (survey.Find(metadata) == nullptr) return Incomplete(Cat("shards without ", metadata, ", which is written last"));
    EVERSTEP_ASSIGN(Recognised claim, ClaimOf(path, survey, metadata, found));
    if (claim.completeness != Completeness::complete) return claim;
  }
  return Recognised{.completeness = Completeness::complete,
                    .why = Cat("distributed checkpoint with .metadata and its ", Count(found, "shard"))};
}

Result<std::string> CheckShards(const std::string& path, const Survey& survey, Depth depth, std::stop_token stop) {
  std::uint64_t zips = 0;
  for (const SurveyFile& metadata : survey.files) {
    if (!IsMetadata(metadata.name)) continue;
    EVERSTEP_ASSIGN(const Shards shards, ReadMetadata(path, metadata.name));
    for (const auto& [shard, parts] : shards) {
      const std::string name = Cat(DirectoryPart(metadata.name), shard);
      EVERSTEP_ASSIGN(const InputFile file, InputFile::Open(PathIn(path, name)));
      for (const ShardPart& part : parts) {
        EVERSTEP_ASSIGN(const InputFile inside, file.Part(part.offset, part.bytes));
        if (inside.size() < kZipStart.size()) continue;
        EVERSTEP_ASSIGN(const std::string start, inside.ReadAt(0, kZipStart.size()));
        if (start != kZipStart) continue;
        const Result<std::string> zip = CheckZip(inside, depth, stop);
        if (!zip) return Fail(zip.error().code, Cat(name, ", at byte ", part.offset, ": ", zip.error().message));
        ++zips;
      }
    }
  }
  return Cat(Count(zips, "part"), " of shards verified");
}

}  // namespace everstep
