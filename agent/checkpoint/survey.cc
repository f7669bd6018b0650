#include "agent/checkpoint/survey.h"

#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "base/messages.h"
#include "base/text.h"

namespace everstep {

namespace {

constexpr int kDepthMax = 16;
constexpr std::size_t kSourcesMax = 65536;

Result<std::vector<std::string>> NamesIn(const std::string& directory, std::size_t names_max) {
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(directory.c_str()), ::closedir);
  if (!dir) return FailErrno(errno, "list", directory);
  std::vector<std::string> names;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(dir.get());
    if (entry == nullptr) break;
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    if (names.size() == names_max)
      return Fail(ErrorCode::kExhausted, Cat(directory, ": found more than ", names_max, " names, legal: at most that"));
    names.emplace_back(name);
  }
  if (errno != 0) return FailErrno(errno, "list", directory);
  std::sort(names.begin(), names.end());
  return names;
}

SurveyFile FileOf(std::string name, const struct stat& found) {
  return {.name = std::move(name),
          .size = static_cast<std::uint64_t>(found.st_size),
          .inode = found.st_ino,
          .mtime_ns = std::int64_t{found.st_mtim.tv_sec} * 1'000'000'000 + found.st_mtim.tv_nsec};
}

Status Walk(const std::string& root, const std::string& below, int depth, Survey& survey) {
  const std::string directory = PathIn(root, below);
  if (depth > kDepthMax) return Fail(ErrorCode::kInvalid, Cat(below, ": directories deeper than ", kDepthMax));
  EVERSTEP_ASSIGN(const std::vector<std::string> names, NamesIn(directory, limit::kCheckpointFiles));
  for (const std::string& name : names) {
    if (LeftoverName(name)) continue;
    const std::string relative = below.empty() ? name : Cat(below, '/', name);
    if (Printable(name) != name)
      return Fail(ErrorCode::kInvalid, Cat("the name ", Printable(relative), " is not printable UTF-8"));
    struct stat found {};
    if (::lstat(PathIn(root, relative).c_str(), &found) != 0) return FailErrno(errno, "look at", PathIn(root, relative));
    if (S_ISDIR(found.st_mode)) {
      survey.directories.push_back(relative);
      EVERSTEP_TRY(Walk(root, relative, depth + 1, survey));
    } else if (S_ISREG(found.st_mode)) {
      if (survey.files.size() == limit::kCheckpointFiles)
        return Fail(ErrorCode::kExhausted, Cat("more than ", limit::kCheckpointFiles, " files"));
      survey.files.push_back(FileOf(relative, found));
    } else {
      return Fail(ErrorCode::kInvalid,
                  Cat(relative, " is ", S_ISLNK(found.st_mode) ? "a symbolic link" : "neither file nor directory"));
    }
  }
  return {};
}

}  // namespace

const SurveyFile* Survey::Find(std::string_view name) const {
  const auto at = std::lower_bound(files.begin(), files.end(), name,
                                   [](const SurveyFile& file, std::string_view wanted) { return file.name < wanted; });
  return at != files.end() && at->name == name ? &*at : nullptr;
}

Result<Survey> SurveyOf(const std::string& path) {
  struct stat found {};
  if (::lstat(path.c_str(), &found) != 0) return FailErrno(errno, "look at", path);
  Survey survey;
  if (S_ISREG(found.st_mode)) {
    survey.files.push_back(FileOf({}, found));
    return survey;
  }
  if (!S_ISDIR(found.st_mode)) return Fail(ErrorCode::kInvalid, Cat(path, " is neither file nor directory"));
  survey.directory = true;
  EVERSTEP_TRY(Walk(path, {}, 1, survey));
  std::sort(survey.files.begin(), survey.files.end(), [](const SurveyFile& a, const SurveyFile& b) { return a.name < b.name; });
  return survey;
}

std::string PathIn(const std::string& root, const std::string& name) { return name.empty() ? root : Cat(root, '/', name); }

bool LeftoverName(std::string_view name) {
  return name.ends_with(".tmp") || name.ends_with(".partial") || name.ends_with('~') || name.starts_with(".nfs");
}

Result<std::vector<std::string>> SourcesIn(const std::string& directory) {
  EVERSTEP_ASSIGN(const std::vector<std::string> names, NamesIn(directory, kSourcesMax));
  std::vector<std::string> sources;
  for (const std::string& name : names) {
    if (name.starts_with('.') || LeftoverName(name)) continue;
    struct stat found {};
    if (::lstat(PathIn(directory, name).c_str(), &found) != 0) continue;  // renamed or deleted since it was listed
    if (S_ISREG(found.st_mode) || S_ISDIR(found.st_mode)) sources.push_back(name);
  }
  return sources;
}

}  // namespace everstep
