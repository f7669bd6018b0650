// What the store tests say in few words: batches, temporary directories, a clock that stands still.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/seam/clock.h"
#include "base/seam/store.h"
#include "base/text.h"

namespace everstep {

class StillClock final : public Clock {
 public:
  Time Now() override { return {}; }
  WallTime Wall() override { return wall; }
  WallTime wall{.ns = 1000};
};

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "everstep-store-XXXXXX").string();
    Check(mkdtemp(pattern.data()) != nullptr, "a temporary directory can be made");
    path_ = pattern;
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// A batch of entries without history.
inline Batch Of(std::vector<std::string> entries) { return {.entries = std::move(entries)}; }

inline HistoryRow Row(std::uint64_t index, std::string job, std::string node, std::string why, std::int64_t at = 0) {
  return {.index = LogIndex(index),
          .at = WallTime{at},
          .job = JobId(std::move(job)),
          .node = NodeId(std::move(node)),
          .kind = "noted",
          .why = std::move(why)};
}

template <class T>
std::string Outcome(const Result<T>& result) {
  return result ? "good" : Cat(NameOf(result.error().code), ": ", result.error().message);
}

}  // namespace everstep
