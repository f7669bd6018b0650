// A directory of a test's own, removed with all in it at the end.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace everstep {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = std::filesystem::temp_directory_path() / "everstep-rpc-XXXXXX";
    path_ = ::mkdtemp(name.data());
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::string& path() const { return path_; }
  // Appends to a file below it, made with its directories if need be.
  void Append(const std::string& name, const std::string& bytes) {
    const std::filesystem::path file = std::filesystem::path(path_) / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::app | std::ios::binary) << bytes << std::flush;
  }
  void Rename(const std::string& from, const std::string& to) {
    std::filesystem::rename(std::filesystem::path(path_) / from, std::filesystem::path(path_) / to);
  }

 private:
  std::string path_;
};

}  // namespace everstep
