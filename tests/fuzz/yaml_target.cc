#include "tests/fuzz/yaml_target.h"

#include "agent/config/agent_file.h"
#include "base/text.h"
#include "launcher/config/job_file.h"
#include "launcher/config/launcher_file.h"

namespace everstep {

namespace {

// "f:12:3: …": a continued line of a long problem does not exist.
bool HasPlace(std::string_view line) {
  if (line.starts_with("f: and ")) return true;  // "and 80 problems more"
  const std::size_t row = 2, column = line.find(':', row) + 1;
  if (!line.starts_with("f:") || column == 0) return false;
  const std::size_t end = line.find(':', column);
  return end != std::string_view::npos && ParseUnsigned(line.substr(row, column - 1 - row)).value_or(0) > 0 &&
         ParseUnsigned(line.substr(column, end - column)).value_or(0) > 0;
}

std::optional<std::string> BadError(std::string_view file, const Error& error) {
  const std::string text = error.Str();
  if (error.code != ErrorCode::kInvalid) return Cat(file, ": not a mistake of the file: ", text);
  if (text.size() > (64u << 10)) return Cat(file, ": an error of ", text.size(), " bytes");
  if (Printable(text) != text) return Cat(file, ": an error that is not safe to show: ", Printable(text));
  for (const std::string& line : Split(text, '\n'))
    if (!HasPlace(line)) return Cat(file, ": a line without a place: ", line);
  return std::nullopt;
}

}  // namespace

std::optional<std::string> BrokenPromise(std::string_view bytes) {
  const auto job = ReadJobFile(bytes, "f", "/dir");
  if (!job) {
    if (auto bad = BadError("job.yaml", job.error())) return bad;
  } else {
    const std::string written = WriteJobFile(*job);
    const auto again = ReadJobFile(written, "f", "/dir");
    if (!again) return Cat("job.yaml: what was written is refused: ", again.error().Str(), "\n", written);
    if (*again != *job) return Cat("job.yaml: what was written reads as another job:\n", written);
  }
  const auto launcher = yaml::Read<LauncherOptions>(LauncherFileTable(), bytes, "f", {},
                                                    [](LauncherOptions& options) { return CheckLauncher(options); });
  if (!launcher)
    if (auto bad = BadError("launcher.yaml", launcher.error())) return bad;
  const auto agent = yaml::Read<AgentOptions>(AgentFileTable(), bytes, "f");
  return agent ? std::nullopt : BadError("agent.yaml", agent.error());
}

}  // namespace everstep
