#include <algorithm>
#include <filesystem>

#include "base/text.h"
#include "base/yaml/settings.h"
#include "base/yaml/typo.h"
#include "health/catalogue/catalogue.h"

namespace everstep::health {

namespace {

struct File {
  std::string text{};
  std::string name{};  // in errors
};

// The file of the directory, the built-in one where there is none.
Result<File> OwnOr(const std::string& directory, const std::string& name, std::string_view built_in) {
  const std::string path = directory.empty() ? std::string() : Cat(directory, '/', name);
  std::error_code error;
  if (path.empty() || !std::filesystem::exists(path, error)) return File{std::string(built_in), Cat("the built-in ", name)};
  EVERSTEP_ASSIGN(std::string text, yaml::ReadConfigFile(path));
  return File{std::move(text), path};
}

Result<std::vector<File>> ProfileFiles(const std::string& directory) {
  std::vector<File> files;
  std::error_code error;
  if (!directory.empty())
    for (const auto& entry : std::filesystem::directory_iterator(Cat(directory, "/profiles"), error)) {
      if (entry.path().extension() != ".yaml") continue;
      EVERSTEP_ASSIGN(std::string text, yaml::ReadConfigFile(entry.path().string()));
      files.push_back({std::move(text), entry.path().string()});
    }
  for (const BuiltInProfile& one : BuiltInProfiles())
    files.push_back({std::string(one.text), Cat("the built-in profiles/", one.file)});
  return files;
}

// A misspelt name would be the built-in file, and nobody would know.
Status KnowsAll(const std::string& directory, std::string_view below, const std::vector<std::string>& known) {
  std::error_code error;
  if (directory.empty()) return {};
  for (const auto& entry : std::filesystem::directory_iterator(Cat(directory, below), error)) {
    const std::string name = entry.path().filename().string(), extension = entry.path().extension().string();
    const bool any = known.empty() && extension == ".yaml";
    const bool read = any || std::find(known.begin(), known.end(), name) != known.end();
    if (read || (extension != ".yaml" && extension != ".yml")) continue;
    // Files of other programs may lie beside ours.
    if (!known.empty() && DidYouMean(name, known).empty()) continue;
    const std::string meant = known.empty() ? Cat("call it ", entry.path().stem().string(), ".yaml") : DidYouMean(name, known);
    return Fail(ErrorCode::kInvalid,
                Cat(directory, below, ": found ", Printable(name),
                    ", which nobody reads, legal: ", known.empty() ? std::string("*.yaml") : Join(known, ", ", " and ")),
                meant);
  }
  return {};
}

// Into the check that counts them; a site's own checks.yaml may have been written without it.
Status TakeIgnored(const std::string& directory, std::vector<Check>& checks) {
  EVERSTEP_ASSIGN(const File file, OwnOr(directory, "kernel_log.yaml", ""));
  if (file.text.empty() && file.name == "the built-in kernel_log.yaml") return {};
  EVERSTEP_ASSIGN(const std::vector<IgnoredLine> lines, ReadIgnoredLines(file.text, file.name));
  const auto find = [](std::vector<Check>& all) {
    return std::find_if(all.begin(), all.end(), [](const Check& check) { return check.id == kIgnoredLines; });
  };
  if (find(checks) == checks.end()) {
    EVERSTEP_ASSIGN(std::vector<Check> built_in, ReadChecks(BuiltInChecksText(), "the built-in checks.yaml"));
    checks.push_back(*find(built_in));
  }
  Check& ignored = *find(checks);
  for (const IgnoredLine& line : lines) {
    ignored.lines.push_back(line.pattern);
    ignored.notes.push_back(line.note);
  }
  return {};
}

}  // namespace

const Check* Catalogue::Find(std::string_view id) const {
  for (const Check& check : checks)
    if (check.id == id) return &check;
  return nullptr;
}

Result<Catalogue> LoadCatalogue(const std::string& directory) {
  std::error_code error;
  if (!directory.empty() && !std::filesystem::is_directory(directory, error))
    return Fail(ErrorCode::kNotFound, Cat(directory, " is no directory"),
                "it is where checks.yaml, xid.yaml and profiles/ are looked for");
  EVERSTEP_TRY(KnowsAll(directory, "", {"checks.yaml", "xid.yaml", "kernel_log.yaml"}));
  EVERSTEP_TRY(KnowsAll(directory, "/profiles", {}));
  Catalogue catalogue;
  EVERSTEP_ASSIGN(const File checks, OwnOr(directory, "checks.yaml", BuiltInChecksText()));
  EVERSTEP_ASSIGN(catalogue.checks, ReadChecks(checks.text, checks.name));
  EVERSTEP_TRY(TakeIgnored(directory, catalogue.checks));
  EVERSTEP_ASSIGN(const File xids, OwnOr(directory, "xid.yaml", BuiltInXidText()));
  EVERSTEP_ASSIGN(catalogue.xids, ReadXids(xids.text, xids.name));
  EVERSTEP_ASSIGN(const std::vector<File> files, ProfileFiles(directory));
  for (const File& file : files) {
    EVERSTEP_ASSIGN(const std::vector<Profile> profiles, ReadProfile(file.text, file.name, catalogue.checks));
    catalogue.profiles.insert(catalogue.profiles.end(), profiles.begin(), profiles.end());
  }
  return catalogue;
}

}  // namespace everstep::health
