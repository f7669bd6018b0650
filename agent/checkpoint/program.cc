#include "agent/checkpoint/program.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

namespace everstep {

namespace {

enum class Found { nothing, not_executable, program };

Found LookAt(const std::string& file) {
  struct stat found {};
  if (::stat(file.c_str(), &found) != 0) return Found::nothing;
  if (!S_ISREG(found.st_mode) || ::faccessat(AT_FDCWD, file.c_str(), X_OK, AT_EACCESS) != 0) return Found::not_executable;
  return Found::program;
}

std::string Absolute(const std::string& path, const std::string& workdir) {
  if (path.empty()) return workdir;
  return path.front() == '/' ? path : Cat(workdir, '/', path);
}

}  // namespace

std::string BesideThisProgram(std::string_view name) {
  char own[4096];
  const ssize_t size = ::readlink("/proc/self/exe", own, sizeof own);
  if (size <= 0) return {};
  const std::string_view path(own, static_cast<std::size_t>(size));
  std::string file = Cat(path.substr(0, path.rfind('/') + 1), name);
  return LookAt(file) == Found::program ? file : std::string();
}

Result<std::string> FindProgram(const std::string& argv0, const std::optional<std::string>& path, const std::string& workdir) {
  const std::string shown = Clip(Printable(argv0), 200);
  if (argv0.find('/') != std::string::npos) {
    const std::string file = Absolute(argv0, workdir);
    switch (LookAt(file)) {
      case Found::nothing:
        return Fail(ErrorCode::kNotFound, Cat(shown, ": no such file", argv0.front() == '/' ? "" : Cat(" in ", workdir)));
      case Found::not_executable: return Fail(ErrorCode::kInvalid, Cat(shown, ": not an executable file"));
      case Found::program: return file;
    }
  }
  const std::string searched = path.value_or("/usr/local/bin:/usr/bin:/bin");
  std::string not_executable;
  for (const std::string& directory : Split(searched, ':')) {
    const std::string file = Cat(Absolute(directory, workdir), '/', argv0);
    const Found found = argv0.empty() ? Found::nothing : LookAt(file);
    if (found == Found::program) return file;
    if (found == Found::not_executable && not_executable.empty()) not_executable = file;
  }
  if (!not_executable.empty()) return Fail(ErrorCode::kInvalid, Cat(shown, ": ", not_executable, " is not an executable file"));
  return Fail(ErrorCode::kNotFound, Cat(shown, ": not found in PATH=", Clip(Printable(searched), 600)));
}

}  // namespace everstep
