#include "agent/checkpoint/pin_record.h"

#include <dirent.h>

#include <algorithm>
#include <map>
#include <memory>

#include "agent/checkpoint/input_file.h"
#include "agent/checkpoint/layout.h"
#include "agent/checkpoint/record_text.h"
#include "base/text.h"

namespace everstep {

namespace {

constexpr std::size_t kRecordBytesMax = 256u << 20;

Result<CheckpointFile> DecodeFact(const Words& line) {
  if (line.size() != 6 || line[0] != "pinned") return Fail(ErrorCode::kCorrupt, "no pin record: a line out of place");
  CheckpointFile fact{.name = line[5], .digest = line[4]};
  EVERSTEP_ASSIGN(fact.size, DecodeNumber(line[1]));
  EVERSTEP_ASSIGN(fact.inode, DecodeNumber(line[2]));
  EVERSTEP_ASSIGN(fact.mtime_ns, DecodeSigned(line[3]));
  return fact;
}

// Whether a name stays below the directory it is looked up in. Records lie where jobs can write, and pins are deleted by them.
bool StaysBelow(std::string_view name) {
  for (const std::string& part : Split(name, '/'))
    if (part.empty() || part == "." || part == "..") return false;
  return true;
}

bool StaysBelow(const Pin& pin) {
  if (!StaysBelow(pin.source) || pin.source.find('/') != std::string::npos) return false;
  for (const std::string& directory : pin.was.directories)
    if (!StaysBelow(directory)) return false;
  for (const CheckpointFile& file : pin.files)
    if (pin.was.directory ? !StaysBelow(file.name) : !file.name.empty()) return false;
  return true;
}

}  // namespace

std::string EncodePin(const Pin& pin) {
  std::string out = EncodeLine({"everstep-pin", "1"});
  out += EncodeLine({"job", pin.job.value});
  out += EncodeLine({"generation", pin.generation.Str()});
  out += EncodeLine({"number", Cat(pin.number)});
  out += EncodeLine({"source", pin.source});
  out += EncodeLine({"step", pin.step ? Cat(*pin.step) : "none"});
  out += EncodeLine({"by", pin.copied ? "copy" : "link"});
  out += EncodeLine({"why", pin.why});
  AppendSurvey(out, "was", pin.was);
  for (const CheckpointFile& file : pin.files)
    out += EncodeLine({"pinned", Cat(file.size), Cat(file.inode), Cat(file.mtime_ns), file.digest, file.name});
  return out + "end\n";
}

Result<Pin> DecodePin(const std::string& text) {
  EVERSTEP_ASSIGN(const std::vector<Words> lines, DecodeLines(text));
  const char* const keys[] = {"everstep-pin", "job", "generation", "number", "source", "step", "by", "why"};
  std::map<std::string, std::string> values;
  std::size_t at = 0;
  for (const char* key : keys) {
    if (at >= lines.size() || lines[at].size() != 2 || lines[at][0] != key)
      return Fail(ErrorCode::kCorrupt, Cat("no pin record: no ", key));
    values[key] = lines[at++][1];
  }
  Pin pin{.job = JobId(values["job"]), .source = values["source"], .copied = values["by"] == "copy", .why = values["why"]};
  EVERSTEP_ASSIGN(pin.generation.value, DecodeNumber(values["generation"]));
  EVERSTEP_ASSIGN(pin.number, DecodeNumber(values["number"]));
  if (values["step"] != "none") {
    EVERSTEP_ASSIGN(pin.step, DecodeNumber(values["step"]));
  }
  EVERSTEP_ASSIGN(pin.was, DecodeSurvey(lines, at, "was"));
  for (; at < lines.size(); ++at) {
    EVERSTEP_ASSIGN(CheckpointFile fact, DecodeFact(lines[at]));
    pin.files.push_back(std::move(fact));
  }
  if (!StaysBelow(pin)) return Fail(ErrorCode::kCorrupt, "no pin record: a name leads out of the pin");
  return pin;
}

std::optional<Pin> ReadPin(const std::string& directory) {
  const Result<std::string> text = ReadSmallFile(Cat(directory, '/', kPinRecordName), kRecordBytesMax);
  if (!text) return std::nullopt;
  Result<Pin> pin = DecodePin(*text);
  if (!pin) return std::nullopt;
  pin->directory = directory;
  return *std::move(pin);
}

std::vector<Pin> PinsIn(const std::string& dir) {
  std::vector<Pin> pins;
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(::opendir(PinsDirectory(dir).c_str()), ::closedir);
  if (!entries) return pins;
  while (const dirent* entry = ::readdir(entries.get())) {
    const std::string_view name = entry->d_name;
    if (name.starts_with('.')) continue;
    if (std::optional<Pin> pin = ReadPin(Cat(PinsDirectory(dir), '/', name))) pins.push_back(*std::move(pin));
  }
  std::sort(pins.begin(), pins.end(), [](const Pin& a, const Pin& b) { return a.number < b.number; });
  return pins;
}

std::uint64_t HighestPin(const std::string& dir) {
  const std::vector<Pin> pins = PinsIn(dir);
  return pins.empty() ? 0 : pins.back().number;
}

}  // namespace everstep
