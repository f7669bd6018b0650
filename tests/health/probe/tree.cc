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

}  // namespace

Tree::Tree(std::string_view sections) {
  std::string name = (fs::temp_directory_path() / "everstep-tree-XXXXXX").string();
  everstep::Check(::mkdtemp(name.data()) != nullptr, "a directory for the tree");
  root_ = name;
  Change(sections);
  touched_.clear();
}

Tree::~Tree() {
  std::error_code error;
  fs::remove_all(root_, error);
}

void Tree::Put(const std::string& path, const Section& section) const {
  const fs::path file = root_ + path;
  fs::create_directories(file.parent_path());
  if (section.link) {
    fs::remove(file);
    fs::create_symlink(section.text, file);
  } else {
    std::ofstream(file) << section.text;
  }
}

void Tree::Change(std::string_view sections) {
  const bool making = made_.empty();
  std::string path;
  std::map<std::string, Section> changed;
  for (const std::string& line : Split(sections, '\n')) {
    if (!line.starts_with("== ")) {
      if (!path.empty() && !changed[path].link) changed[path].text += line + '\n';
      continue;
    }
    const std::string rest = line.substr(3);
    const std::size_t arrow = rest.find(" -> ");
    path = rest.substr(0, arrow);
    if (arrow != std::string::npos) {
      changed[path] = {rest.substr(arrow + 4), true};
    } else if (rest.ends_with(" gone")) {
      path = rest.substr(0, rest.size() - 5);
      everstep::Check(fs::remove_all(root_ + path) > 0, "what goes was there");
      touched_.insert(path);
      path.clear();
    } else {
      changed[path] = {};
    }
  }
  for (const auto& [where, section] : changed) {
    Put(where, section);
    touched_.insert(where);
  }
  if (making) made_ = std::move(changed);
}

void Tree::Append(const std::string& path, const std::string& text) {
  std::ofstream(root_ + path, std::ios::app) << text;
  touched_.insert(path);
}

void Tree::Restore() {
  for (const std::string& path : touched_) {
    fs::remove_all(root_ + path);
    for (fs::path above = fs::path(root_ + path).parent_path(); above != root_ && fs::exists(above) && fs::is_empty(above);
         above = above.parent_path())
      fs::remove(above);  // a folder that only the change had brought
    for (const auto& [where, section] : made_)
      if (where == path || where.starts_with(path + '/')) Put(where, section);
  }
  touched_.clear();
}

std::string TreeText(const std::string& name) {
  std::ifstream file(std::string(EVERSTEP_SOURCE_DIR) + "/tests/testdata/health/" + name);
  everstep::Check(file.good(), "the recorded tree is there");
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace everstep::health
