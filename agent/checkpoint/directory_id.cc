#include "agent/checkpoint/directory_id.h"

#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "agent/checkpoint/layout.h"
#include "base/real/files.h"
#include "base/text.h"

namespace everstep {

namespace {

constexpr std::size_t kDigits = 32;

std::string RandomId() {
  unsigned char bytes[kDigits / 2];
  if (::getrandom(bytes, sizeof bytes, 0) != static_cast<ssize_t>(sizeof bytes)) return {};
  constexpr char kHex[] = "0123456789abcdef";
  std::string id;
  for (const unsigned char byte : bytes) (id += kHex[byte >> 4]) += kHex[byte & 15];
  return id;
}

std::string ReadId(const std::string& path) {
  const Result<std::string> text = RealFiles().Read(path);
  return text && text->size() == kDigits && Printable(*text) == *text ? *text : std::string();
}

}  // namespace

std::string DirectoryId(const std::string& dir) {
  const std::string path = OwnDirectory(dir) + "/id";
  if (std::string id = ReadId(path); !id.empty()) return id;
  struct stat found {};
  if (::stat(dir.c_str(), &found) != 0 || !S_ISDIR(found.st_mode)) return {};
  const std::string id = RandomId();
  if (id.empty() || !MakeDirectories(OwnDirectory(dir))) return {};
  // Linked, not written in place: of several hosts that come at once one is first, and nobody reads half of it.
  const std::string mine = Cat(path, '.', id);
  if (!WriteDurably(mine, id)) return {};
  const bool made = ::link(mine.c_str(), path.c_str()) == 0 || errno == EEXIST;
  ::unlink(mine.c_str());
  return made ? ReadId(path) : std::string();
}

}  // namespace everstep
