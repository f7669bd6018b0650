#include "tests/health/probe/tree.h"

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/check.h"
#include "base/text.h"

namespace everstep::health {

namespace {

namespace fs = std::filesystem;

void Put(const fs::path& path, std::string_view text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path) << text;
}

}  // namespace

Tree::Tree(std::string_view sections) {
  std::string name = (fs::temp_directory_path() / "everstep-tree-XXXXXX").string();
  everstep::Check(::mkdtemp(name.data()) != nullptr, "a directory for the tree");
  root_ = name;
  Change(sections);
}

Tree::~Tree() {
  std::error_code error;
  fs::remove_all(root_, error);
}

void Tree::Change(std::string_view sections) {
  std::string path, text;
  const auto flush = [&] {
    if (!path.empty()) Put(root_ + path, text);
    path.clear();
    text.clear();
  };
  for (const std::string& line : Split(sections, '\n')) {
    if (!line.starts_with("== ")) {
      if (!path.empty()) text += line + '\n';
      continue;
    }
    flush();
    const std::string rest = line.substr(3);
    const std::size_t arrow = rest.find(" -> ");
    if (arrow != std::string::npos) {
      const fs::path link = root_ + rest.substr(0, arrow);
      fs::create_directories(link.parent_path());
      fs::remove(link);
      fs::create_symlink(rest.substr(arrow + 4), link);
    } else if (rest.ends_with(" gone")) {
      everstep::Check(fs::remove_all(root_ + rest.substr(0, rest.size() - 5)) > 0, "what goes was there");
    } else {
      path = rest;
    }
  }
  flush();
}

std::string TreeText(const std::string& name) {
  std::ifstream file(std::string(EVERSTEP_SOURCE_DIR) + "/tests/testdata/health/" + name);
  everstep::Check(file.good(), "the recorded tree is there");
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace everstep::health
