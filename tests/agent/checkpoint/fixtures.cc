#include "tests/agent/checkpoint/fixtures.h"

#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/rng.h"

namespace everstep {

namespace {

void Put(std::string& out, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i, value >>= 8) out += static_cast<char>(value);
}

std::uint32_t Crc(const std::string& data) {
  return static_cast<std::uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(data.data()), static_cast<uInt>(data.size())));
}

void PutEntry(std::string& directory, const std::string& name, const std::string& data, std::uint32_t crc, std::uint64_t offset,
              ZipStyle style) {
  std::string extra;
  if (style.zip64) {
    Put(extra, 1, 2), Put(extra, 24, 2);
    Put(extra, data.size(), 8), Put(extra, data.size(), 8), Put(extra, offset, 8);
  }
  Put(directory, 0x02014b50, 4), Put(directory, 0, 4);
  Put(directory, style.sizes_follow ? 0x0808 : 0, 2), Put(directory, style.method, 2), Put(directory, 0, 4);
  Put(directory, crc, 4);
  Put(directory, style.zip64 ? 0xffffffff : data.size(), 4), Put(directory, style.zip64 ? 0xffffffff : data.size(), 4);
  Put(directory, name.size(), 2), Put(directory, extra.size(), 2), Put(directory, 0, 2 + 2 + 2 + 4);
  Put(directory, style.zip64 ? 0xffffffff : offset, 4);
  directory += name + extra;
}

}  // namespace

TempDir::TempDir() {
  char name[] = "/tmp/everstep-checkpoint-XXXXXX";
  path_ = mkdtemp(name);
}
TempDir::~TempDir() { std::filesystem::remove_all(path_); }

void Overwrite(const std::string& path, const std::string& bytes) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}
void Replace(const std::string& path, const std::string& bytes) {
  Overwrite(path + ".tmp", bytes);
  std::filesystem::rename(path + ".tmp", path);
}
std::string ReadBack(const std::string& path) {
  std::ostringstream out;
  out << std::ifstream(path, std::ios::binary).rdbuf();
  return out.str();
}
bool Exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }
std::vector<std::string> Names(const std::string& directory) {
  std::vector<std::string> names;
  std::error_code gone;
  for (const auto& entry : std::filesystem::directory_iterator(directory, gone)) names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

std::string Zip(const Records& records, ZipStyle style) {
  std::string out, directory;
  for (const auto& [name, data] : records) {
    const std::uint32_t crc = style.without_crcs ? 0 : Crc(data);
    PutEntry(directory, name, data, crc, out.size(), style);
    const std::uint64_t size = style.sizes_follow ? 0 : data.size();
    Put(out, 0x04034b50, 4), Put(out, 0, 2), Put(out, style.sizes_follow ? 0x0808 : 0, 2), Put(out, style.method, 2);
    Put(out, 0, 4), Put(out, style.sizes_follow ? 0 : crc, 4), Put(out, size, 4), Put(out, size, 4);
    // torch pads each record to a multiple of 64 bytes with an extra field.
    const std::size_t padding = 64 - (out.size() + 4 + name.size() + 4) % 64;
    Put(out, name.size(), 2), Put(out, 4 + padding, 2);
    out += name;
    Put(out, 0x4246, 2), Put(out, padding, 2);
    out += std::string(padding, 'Z') + data;
    if (style.sizes_follow) Put(out, 0x08074b50, 4), Put(out, crc, 4), Put(out, data.size(), 4), Put(out, data.size(), 4);
  }
  const std::uint64_t at = out.size();
  out += directory;
  const std::uint64_t end64 = out.size();
  if (style.zip64) {
    Put(out, 0x06064b50, 4), Put(out, 44, 8), Put(out, 0x031e, 2), Put(out, 45, 2), Put(out, 0, 8);
    Put(out, records.size(), 8), Put(out, records.size(), 8), Put(out, directory.size(), 8), Put(out, at, 8);
    Put(out, 0x07064b50, 4), Put(out, 0, 4), Put(out, end64, 8), Put(out, 1, 4);
  }
  const std::uint64_t count = style.zip64 ? 0xffff : records.size();
  Put(out, 0x06054b50, 4), Put(out, 0, 4), Put(out, count, 2), Put(out, count, 2);
  Put(out, style.zip64 ? 0xffffffff : directory.size(), 4), Put(out, style.zip64 ? 0xffffffff : at, 4), Put(out, 0, 2);
  return out;
}

std::string TorchFile(std::uint64_t seed, std::size_t bytes) {
  Rng rng(seed);
  std::string tensor(bytes, '\0');
  for (char& c : tensor) c = static_cast<char>(rng.Next());
  return Zip({{"model/data.pkl", "pickle of seed " + std::to_string(seed)},
              {"model/data/0", tensor},
              {"model/data/1", tensor.substr(0, bytes / 3)},
              {"model/version", "3\n"}});
}

std::string Safetensors(const std::string& header, const std::string& data) {
  std::string out;
  Put(out, header.size(), 8);
  return out + header + data;
}
std::string SmallSafetensors() {
  return Safetensors(R"({"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},)"
                     R"("b":{"dtype":"BF16","shape":[3],"data_offsets":[16,22]}})",
                     std::string(22, 'x'));
}

std::string Metadata(const std::vector<std::pair<std::string, std::uint8_t>>& parts) {
  const auto text = [](const std::string& word) { return "X" + std::string{static_cast<char>(word.size()), 0, 0, 0} + word; };
  std::string pickle = "\x80\x02";
  for (const auto& [name, bytes] : parts)
    pickle += text("relative_path") + text(name) + text("offset") + "K" + std::string(1, '\0') + text("length") + "K" +
              std::string(1, static_cast<char>(bytes));
  return pickle + ".";
}

}  // namespace everstep
