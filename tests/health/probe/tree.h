// A host in one file: sections "== PATH" with the file's text below, or "== PATH -> TARGET" for a link. Unpacked below a
// directory of the test's own, which goes with it; changes are sections on top, "== PATH gone" takes a file or folder away.
#pragma once

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
  const std::string& root() const { return root_; }

 private:
  std::string root_;
};

// tests/testdata/health/NAME
std::string TreeText(const std::string& name);

}  // namespace everstep::health
