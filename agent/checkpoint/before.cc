#include "agent/checkpoint/before.h"

#include <dirent.h>
#include <unistd.h>

#include <memory>
#include <vector>

#include "agent/checkpoint/input_file.h"
#include "agent/checkpoint/layout.h"
#include "agent/checkpoint/pin_record.h"
#include "agent/checkpoint/recognise.h"
#include "agent/checkpoint/record_text.h"
#include "base/text.h"

namespace everstep {

namespace {

constexpr std::size_t kRecordBytesMax = 256u << 20;

std::string PathOf(const std::string& dir, const JobId& job, std::string_view which) {
  return Cat(BeforeDirectory(dir), '/', job, '.', which);
}

// The generations of the job that have a record.
std::vector<Generation> RecordedGenerations(const std::string& dir, const JobId& job) {
  std::vector<Generation> generations;
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(::opendir(BeforeDirectory(dir).c_str()), ::closedir);
  if (!entries) return generations;
  const std::string prefix = job.value + ".";
  while (const dirent* entry = ::readdir(entries.get())) {
    const std::string_view name = entry->d_name;
    if (!name.starts_with(prefix)) continue;
    if (const auto number = ParseUnsigned(name.substr(prefix.size()))) generations.emplace_back(*number);
  }
  return generations;
}

Result<std::string> EncodeBefore(const std::string& dir, const CompleteWhen& when) {
  EVERSTEP_ASSIGN(const std::vector<std::string> names, SourcesIn(dir));
  std::string text = EncodeLine({"everstep-before", "1"});
  text += EncodeLine({"pins", Cat(HighestPin(dir))});
  for (const std::string& name : names) {
    const Result<Survey> survey = SurveyOf(PathIn(dir, name));
    if (!survey || !MayBeCheckpoint(name, *survey, when)) continue;  // what cannot be surveyed is never offered either
    text += EncodeLine({"source", name});
    AppendSurvey(text, "was", *survey);
  }
  return text + "end\n";
}

Result<Before> DecodeBefore(const std::string& text) {
  EVERSTEP_ASSIGN(const std::vector<Words> lines, DecodeLines(text));
  if (lines.size() < 2 || lines[0] != Words{"everstep-before", "1"} || lines[1].size() != 2)
    return Fail(ErrorCode::kCorrupt, "no record of an earlier state");
  Before before;
  EVERSTEP_ASSIGN(before.pins, DecodeNumber(lines[1][1]));
  for (std::size_t at = 2; at < lines.size();) {
    if (lines[at].size() != 2 || lines[at][0] != "source") return Fail(ErrorCode::kCorrupt, "a line out of place");
    const std::string& name = lines[at++][1];
    EVERSTEP_ASSIGN(before.sources[name], DecodeSurvey(lines, at, "was"));
  }
  return before;
}

std::optional<Before> ReadOne(const std::string& path) {
  const Result<std::string> text = ReadSmallFile(path, kRecordBytesMax);
  if (!text) return std::nullopt;
  Result<Before> before = DecodeBefore(*text);
  return before ? std::optional(*std::move(before)) : std::nullopt;
}

}  // namespace

Status RecordBefore(const std::string& dir, const GangKey& gang, const CompleteWhen& when) {
  EVERSTEP_TRY(MakeDirectories(BeforeDirectory(dir)));
  EVERSTEP_ASSIGN(const std::string text, EncodeBefore(dir, when));
  const std::string first = PathOf(dir, gang.job, "first");
  if (gang.generation == Generation(1) || !ReadOne(first)) EVERSTEP_TRY(WriteDurably(first, text));
  EVERSTEP_TRY(WriteDurably(PathOf(dir, gang.job, gang.generation.Str()), text));
  // Also higher ones: the same job id in a launcher that has forgotten all begins at generation 1 again.
  for (const Generation other : RecordedGenerations(dir, gang.job))
    if (other != gang.generation) ::unlink(PathOf(dir, gang.job, other.Str()).c_str());
  return SyncDirectory(BeforeDirectory(dir));
}

BeforeRecords ReadBefore(const std::string& dir, const GangKey& gang) {
  return {.generation = ReadOne(PathOf(dir, gang.job, gang.generation.Str())), .job = ReadOne(PathOf(dir, gang.job, "first"))};
}

bool Overtaken(const std::string& dir, const GangKey& gang) {
  for (const Generation other : RecordedGenerations(dir, gang.job))
    if (other > gang.generation) return true;
  return false;
}

}  // namespace everstep
