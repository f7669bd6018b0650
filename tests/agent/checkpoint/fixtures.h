// Checkpoints to look at: a temporary directory, and writers of the formats, byte by byte, so that no Python is needed.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace everstep {

// A directory of its own under /tmp, gone with all in it at the end.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

// In place: an existing file keeps its inode, as open(name, "w") leaves it. Makes the directories above.
void Overwrite(const std::string& path, const std::string& bytes);
// By a temporary file and a rename: a new inode, never half visible.
void Replace(const std::string& path, const std::string& bytes);
std::string ReadBack(const std::string& path);
bool Exists(const std::string& path);
std::vector<std::string> Names(const std::string& directory);  // sorted, without . and ..

using Records = std::vector<std::pair<std::string, std::string>>;
struct ZipStyle {
  bool zip64 = false;         // sizes and offsets in zip64 fields
  bool sizes_follow = true;   // as torch does: a descriptor after the data, zeros in the local header
  bool without_crcs = false;  // as with torch.serialization.set_crc32_options(False)
  std::uint16_t method = 0;
};
std::string Zip(const Records& records, ZipStyle style = {});
// What torch.save makes of a small model; `seed` makes contents differ, `bytes` is the size of its largest tensor.
std::string TorchFile(std::uint64_t seed = 1, std::size_t bytes = 3000);

// Header as given, then the data.
std::string Safetensors(const std::string& header, const std::string& data);
std::string SmallSafetensors();  // two tensors

// A .metadata pickle that says how long shards are, as torch's FileSystemWriter leaves it; each below 256 bytes.
std::string Metadata(const std::vector<std::pair<std::string, std::uint8_t>>& parts);

}  // namespace everstep
