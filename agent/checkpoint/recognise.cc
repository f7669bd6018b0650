#include "agent/checkpoint/recognise.h"

#include <fnmatch.h>
#include <unistd.h>

#include <algorithm>

#include "agent/checkpoint/directory_claim.h"
#include "agent/checkpoint/json_whole.h"
#include "agent/checkpoint/layout.h"
#include "agent/checkpoint/safetensors_check.h"
#include "agent/checkpoint/sharded_claim.h"
#include "agent/checkpoint/zip_check.h"
#include "base/text.h"

namespace everstep {

namespace {

bool Matches(const std::string& pattern, std::string_view name) {
  return ::fnmatch(pattern.c_str(), std::string(name).c_str(), 0) == 0;
}

std::string_view WithoutExtension(std::string_view name) {
  if (name.ends_with(".pth.tar")) return name.substr(0, name.size() - 8);
  return CheckpointFileName(name) ? name.substr(0, name.find_last_of('.')) : name;
}

// Whether what stands before a number says that it counts steps: "step-", "global_step", "iter_", "checkpoint-".
bool CountsSteps(std::string_view before) {
  while (!before.empty() && (before.back() == '-' || before.back() == '_' || before.back() == '=')) before.remove_suffix(1);
  for (const std::string_view word : {"step", "Step", "iter", "iteration", "checkpoint"})
    if (before.ends_with(word)) return true;
  return false;
}

struct Numbers {
  std::optional<std::uint64_t> last{};
  std::optional<std::uint64_t> after_word{};  // the last one that is said to count steps
};

Numbers Numbered(std::string_view name) {
  name = WithoutExtension(name);
  Numbers numbers;
  for (std::size_t at = 0; at < name.size();) {
    if (!IsDigit(name[at])) {
      ++at;
      continue;
    }
    std::size_t end = at;
    while (end < name.size() && IsDigit(name[end])) ++end;
    numbers.last = ParseUnsigned(name.substr(at, end - at));
    if (CountsSteps(name.substr(0, at))) numbers.after_word = numbers.last;
    at = end;
  }
  return numbers;
}

Result<std::string> CheckFormat(const InputFile& file, std::string_view name, Depth depth, std::stop_token stop) {
  if (file.size() == 0) return Fail(ErrorCode::kCorrupt, "empty file");
  if (name.ends_with(".safetensors")) return CheckSafetensors(file);
  const std::size_t start_size = static_cast<std::size_t>(std::min<std::uint64_t>(file.size(), kZipStart.size()));
  EVERSTEP_ASSIGN(const std::string start, file.ReadAt(0, start_size));
  if (start == kZipStart) return CheckZip(file, depth, stop);
  if (start_size < kZipStart.size()) return Fail(ErrorCode::kCorrupt, Cat("only ", Count(file.size(), "byte")));
  return Fail(ErrorCode::kInvalid,
              "no zip as torch.save writes it (an old pickle?), so its end cannot be checked: give checkpoint.complete_when");
}

// Turns what a format says into a verdict; what is left are failures to read.
Result<Recognised> Verdict(Result<std::string> evidence) {
  if (evidence) return Recognised{.completeness = Completeness::complete, .why = *std::move(evidence)};
  if (evidence.error().code == ErrorCode::kCorrupt)
    return Recognised{.completeness = Completeness::incomplete, .why = evidence.error().message};
  if (evidence.error().code == ErrorCode::kInvalid)
    return Recognised{.completeness = Completeness::unverifiable, .why = evidence.error().message};
  return Fail(std::move(evidence).error());
}

Result<Recognised> RecogniseFile(const std::string& path, Depth depth, std::stop_token stop) {
  EVERSTEP_ASSIGN(const InputFile file, InputFile::Open(path));
  return Verdict(CheckFormat(file, LastPart(path), depth, stop));
}

constexpr std::size_t kJsonBytesMax = 64u << 20;

// Settings and manifests; larger ones are not looked at.
Result<Recognised> RecogniseJson(const std::string& path) {
  const Result<std::string> text = ReadSmallFile(path, kJsonBytesMax);
  if (!text && text.error().code != ErrorCode::kExhausted) return Fail(text.error());
  if (text && !WholeJson(*text)) return Verdict(Fail(ErrorCode::kCorrupt, "torn: no JSON"));
  return Recognised{};
}

Result<Recognised> RecogniseShards(const std::string& path, const Survey& survey, Depth depth, std::stop_token stop,
                                   std::string evidence) {
  Result<std::string> shards = CheckShards(path, survey, depth, stop);
  if (shards) *shards = Cat(evidence, ", ", *shards);
  return Verdict(std::move(shards));
}

// Checks every file in a directory whose format can be checked: the first torn one decides.
Result<Recognised> RecogniseFilesIn(const std::string& path, const Survey& survey, Depth depth, std::stop_token stop) {
  std::uint64_t verified = 0;
  for (const SurveyFile& file : survey.files) {
    const bool json = file.name.ends_with(".json");
    if (!json && (!CheckpointFileName(file.name) || file.name.ends_with(".distcp"))) continue;
    EVERSTEP_ASSIGN(const Recognised recognised,
                    json ? RecogniseJson(PathIn(path, file.name)) : RecogniseFile(PathIn(path, file.name), depth, stop));
    if (recognised.completeness == Completeness::incomplete)
      return Recognised{.completeness = Completeness::incomplete, .why = Cat(file.name, ": ", recognised.why)};
    if (recognised.completeness == Completeness::complete) ++verified;
  }
  const std::string evidence = Cat(Count(verified, "file"), " verified");
  if (HoldsShards(survey)) return RecogniseShards(path, survey, depth, stop, evidence);
  return Recognised{.completeness = Completeness::complete, .why = evidence};
}

// Is it said to be complete, by its own shape or by the user?
Result<Recognised> Claim(const std::string& path, const Survey& survey, const CompleteWhen& when) {
  const std::string_view name = LastPart(path);
  if (survey.directory && survey.files.empty())
    return Recognised{.completeness = Completeness::incomplete, .why = "empty directory"};
  if (when.kind == CompleteWhenKind::glob)
    return Recognised{.completeness = Completeness::complete, .why = Cat("matches ", when.pattern)};
  if (when.kind == CompleteWhenKind::marker) {
    if (survey.Find(when.pattern) != nullptr)
      return Recognised{.completeness = Completeness::complete, .why = Cat("marker ", when.pattern)};
    return Recognised{.completeness = Completeness::incomplete, .why = Cat("no marker ", when.pattern, " in it")};
  }
  // NeMo's convention: a sibling with this name stands there for as long as the save is under way.
  if (::access(Cat(path, "-unfinished").c_str(), F_OK) == 0)
    return Recognised{
        .completeness = Completeness::incomplete, .why = Cat(name, "-unfinished stands beside it"), .beside = true};
  if (survey.directory) return DirectoryClaim(path, survey);
  return Recognised{.completeness = Completeness::complete, .why = {}};  // the format alone decides
}

}  // namespace

std::optional<std::uint64_t> StepOf(std::string_view name) {
  const Numbers numbers = Numbered(name);
  return numbers.after_word ? numbers.after_word : numbers.last;
}

bool CheckpointFileName(std::string_view name) {
  for (const std::string_view extension : {".pt", ".pth", ".ckpt", ".bin", ".pkl", ".pth.tar", ".safetensors", ".distcp"})
    if (name.ends_with(extension) && name.size() > extension.size()) return true;
  return false;
}

bool HoldsCheckpointFiles(std::string_view name, const Survey& survey) {
  if (!survey.directory) return CheckpointFileName(name);
  return std::any_of(survey.files.begin(), survey.files.end(),
                     [](const SurveyFile& file) { return CheckpointFileName(file.name); });
}

bool MayBeCheckpoint(std::string_view name, const Survey& survey, const CompleteWhen& when) {
  if (when.kind == CompleteWhenKind::glob) return Matches(when.pattern, name);
  if (HoldsCheckpointFiles(name, survey)) return survey.directory || when.kind != CompleteWhenKind::marker;
  if (!survey.directory) return false;
  if (when.kind == CompleteWhenKind::marker && survey.Find(when.pattern) != nullptr) return true;
  return HasCompletionMarker(survey) || Numbered(name).after_word.has_value();
}

Result<Recognised> Recognise(const std::string& path, const Survey& survey, const CompleteWhen& when, Depth depth,
                             std::stop_token stop) {
  EVERSTEP_ASSIGN(const Recognised claim, Claim(path, survey, when));
  if (claim.completeness == Completeness::incomplete) return claim;
  // Nothing will be offered that is unverifiable: only a torn file would change the verdict, and its structure shows it.
  const Depth needed = claim.completeness == Completeness::complete ? depth : Depth::structure;
  EVERSTEP_ASSIGN(const Recognised files,
                  survey.directory ? RecogniseFilesIn(path, survey, needed, stop) : RecogniseFile(path, needed, stop));
  if (files.completeness == Completeness::incomplete) return files;
  if (claim.completeness != Completeness::complete) return claim;
  if (claim.why.empty()) return files;
  if (files.completeness != Completeness::complete) return claim;
  return Recognised{.completeness = Completeness::complete, .why = Cat(claim.why, ", ", files.why)};
}

}  // namespace everstep
