// A host in one file: sections "== PATH" with the file's text below, or "== PATH -> TARGET" for a link. Unpacked below a
// directory of the test's own, which goes with it; changes are sections on top, "== PATH gone" takes a file or folder away.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>

namespace everstep::health {

class Tree {
 public:
  explicit Tree(std::string_view sections);
  ~Tree();
  Tree(const Tree&) = delete;
  Tree& operator=(const Tree&) = delete;

  void Change(std::string_view sections);
  // Adds to a file that is there.
  void Append(const std::string& path, const std::string& text);
  // As it was made: what changed is put back, nothing else is touched.
  void Restore();
  const std::string& root() const { return root_; }

 private:
  struct Section {
    std::string text{};
    bool link = false;  // then `text` is its target
  };
  void Put(const std::string& path, const Section& section) const;

  std::string root_;
  std::map<std::string, Section> made_{};
  std::set<std::string> touched_{};
};

// tests/testdata/health/NAME
std::string TreeText(const std::string& name);

}  // namespace everstep::health
