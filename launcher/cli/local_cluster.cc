#include "launcher/cli/local_cluster.h"

#include <algorithm>
#include <fstream>

#include "base/json/codec.h"
#include "base/real/files.h"
#include "base/real/proc.h"
#include "base/text.h"

namespace everstep {

namespace {
std::string RecordPath(const std::string& directory) { return directory + "/cluster.json"; }
}  // namespace

Result<std::string> LocalDirectory(const yaml::Environment& environment) {
  EVERSTEP_ASSIGN(const std::string home, yaml::StateHome(environment));
  return home + "/local";
}

Result<LocalCluster> ReadLocalCluster(const std::string& directory) {
  RealFiles files;
  EVERSTEP_ASSIGN(const std::string text, files.Read(RecordPath(directory)));
  auto cluster = FromJson<LocalCluster>(text);
  if (!cluster) return Fail(ErrorCode::kCorrupt, Cat(RecordPath(directory), ": ", cluster.error().message));
  return *std::move(cluster);
}

Status WriteLocalCluster(const std::string& directory, const LocalCluster& cluster) {
  RealFiles files;
  return files.Write(RecordPath(directory), ToJson(cluster) + "\n");
}

Status RemoveLocalCluster(const std::string& directory) {
  RealFiles files;
  EVERSTEP_TRY(files.Remove(directory + "/address"));
  return files.Remove(RecordPath(directory));
}

std::optional<ProcessRecord> RecordOf(std::string name, std::int64_t pid) {
  const auto stat = StatOf(static_cast<pid_t>(pid));
  if (!stat) return std::nullopt;
  return ProcessRecord{.name = std::move(name), .pid = pid, .started = stat->started};
}

std::optional<Fd> OpenProcess(const LocalCluster& cluster, const ProcessRecord& process) {
  if (process.pid <= 0 || cluster.boot != BootIdText()) return std::nullopt;
  Fd pidfd = OpenPidfd(static_cast<pid_t>(process.pid));
  if (!pidfd.open()) return std::nullopt;
  // Read after the descriptor was opened: what has this start time now is what the descriptor stands for.
  const auto stat = StatOf(static_cast<pid_t>(process.pid));
  if (!stat || stat->started != process.started || stat->state == 'Z') return std::nullopt;
  return pidfd;
}

std::vector<ProcessRecord> Living(const LocalCluster& cluster) {
  std::vector<ProcessRecord> living;
  if (OpenProcess(cluster, cluster.supervisor)) living.push_back(cluster.supervisor);
  for (const ProcessRecord& daemon : cluster.daemons)
    if (OpenProcess(cluster, daemon)) living.push_back(daemon);
  return living;
}

std::optional<std::string> LocalAddress(const std::string& directory) {
  const auto cluster = ReadLocalCluster(directory);
  if (!cluster || Living(*cluster).empty()) return std::nullopt;
  RealFiles files;
  const auto text = files.Read(directory + "/address");
  if (!text || Trim(*text).empty()) return std::nullopt;
  return std::string(Trim(*text));
}

std::string LogTail(const std::string& path, std::size_t lines) {
  constexpr std::streamoff kEnough = 16 << 10;
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  const std::streamoff size = in ? static_cast<std::streamoff>(in.tellg()) : 0;
  if (size <= 0) return {};
  std::string text(static_cast<std::size_t>(std::min(size, kEnough)), '\0');
  in.seekg(size - static_cast<std::streamoff>(text.size()));
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  std::vector<std::string> all = Split(Trim(text), '\n');
  if (all.size() > lines) all.erase(all.begin(), all.end() - static_cast<std::ptrdiff_t>(lines));
  return Printable(Join(all, "\n"));
}

std::string LastError(const std::string& path) {
  constexpr std::size_t kLines = 20;
  const std::vector<std::string> lines = Split(LogTail(path, kLines), '\n');
  const auto error =
      std::find_if(lines.rbegin(), lines.rend(), [](const std::string& line) { return line.starts_with("everstep-"); });
  if (error == lines.rend()) return lines.back();
  const std::size_t colon = error->find(": ");
  return colon == std::string::npos ? *error : error->substr(colon + 2);
}

}  // namespace everstep
