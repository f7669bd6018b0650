#include "agent/checkpoint/zip_check.h"

#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <vector>

#include "base/text.h"

namespace everstep {

namespace {

constexpr std::uint64_t kDirectoryBytesMax = 64u << 20;
constexpr std::size_t kChunkBytes = 1u << 20;
constexpr std::size_t kEndBytes = 22;
constexpr std::size_t kCommentBytesMax = 65535;
constexpr std::size_t kLocatorBytes = 20;
constexpr std::size_t kEnd64Bytes = 56;
constexpr std::size_t kEntryBytes = 46;
constexpr std::size_t kLocalBytes = 30;
constexpr std::uint32_t kEndSignature = 0x06054b50;
constexpr std::uint32_t kLocatorSignature = 0x07064b50;
constexpr std::uint32_t kEnd64Signature = 0x06064b50;
constexpr std::uint32_t kEntrySignature = 0x02014b50;
constexpr std::uint32_t kLocalSignature = 0x04034b50;
constexpr unsigned kSizesFollowData = 1u << 3;  // general purpose flag: CRC and sizes of the local header are zero

struct End {
  std::uint64_t records = 0;
  std::uint64_t directory_size = 0;
  std::uint64_t directory_offset = 0;
  std::uint64_t position = 0;  // where the end records begin
};

struct Record {
  std::string name{};
  std::uint32_t flags = 0;
  std::uint32_t method = 0;
  std::uint32_t crc = 0;
  std::uint64_t stored_size = 0;
  std::uint64_t size = 0;
  std::uint64_t offset = 0;  // of the local header
};

template <class N>
N Little(std::string_view bytes, std::size_t at) {
  N value = 0;
  for (std::size_t i = 0; i < sizeof(N); ++i)
    value = static_cast<N>(value | (static_cast<N>(static_cast<unsigned char>(bytes[at + i])) << (8 * i)));
  return value;
}
std::uint32_t U16(std::string_view bytes, std::size_t at) { return Little<std::uint16_t>(bytes, at); }
std::uint32_t U32(std::string_view bytes, std::size_t at) { return Little<std::uint32_t>(bytes, at); }
std::uint64_t U64(std::string_view bytes, std::size_t at) { return Little<std::uint64_t>(bytes, at); }

std::string Hex(std::uint32_t value) {
  char text[9];
  std::snprintf(text, sizeof text, "%08x", value);
  return text;
}

tl::unexpected<Error> Torn(std::string why) { return Fail(ErrorCode::kCorrupt, std::move(why)); }

// The zip64 end record, where there is one, has the numbers that do not fit into the plain one.
Result<End> ReadEnd64(const InputFile& file, std::uint64_t end_position, End end) {
  if (end_position < kLocatorBytes + kEnd64Bytes) return end;
  EVERSTEP_ASSIGN(const std::string locator, file.ReadAt(end_position - kLocatorBytes, kLocatorBytes));
  if (U32(locator, 0) != kLocatorSignature) return end;
  const std::uint64_t position = U64(locator, 8);
  if (position != end_position - kLocatorBytes - kEnd64Bytes)
    return Torn("zip whose zip64 locator points beside the zip64 end record");
  EVERSTEP_ASSIGN(const std::string end64, file.ReadAt(position, kEnd64Bytes));
  if (U32(end64, 0) != kEnd64Signature) return Torn("zip whose zip64 end record is damaged");
  return End{
      .records = U64(end64, 32), .directory_size = U64(end64, 40), .directory_offset = U64(end64, 48), .position = position};
}

Result<End> FindEnd(const InputFile& file) {
  const std::uint64_t tail_size = std::min<std::uint64_t>(file.size(), kEndBytes + kCommentBytesMax);
  EVERSTEP_ASSIGN(const std::string tail, file.ReadAt(file.size() - tail_size, static_cast<std::size_t>(tail_size)));
  for (std::size_t back = kEndBytes; back <= tail.size(); ++back) {
    const std::size_t at = tail.size() - back;
    if (U32(tail, at) != kEndSignature || U16(tail, at + 20) != back - kEndBytes) continue;
    const std::uint64_t position = file.size() - back;
    return ReadEnd64(file, position,
                     End{.records = U16(tail, at + 10),
                         .directory_size = U32(tail, at + 12),
                         .directory_offset = U32(tail, at + 16),
                         .position = position});
  }
  return Torn(Cat("zip without its end: ", file.size(), " bytes, truncated or still being written"));
}

// Replaces the numbers that are marked as "in the zip64 field" by those of that field, which holds only them, in this order.
bool ReadZip64Field(std::string_view extra, Record& record) {
  std::vector<std::uint64_t*> wanted;
  for (std::uint64_t* number : {&record.size, &record.stored_size, &record.offset})
    if (*number == 0xffffffffu) wanted.push_back(number);
  if (wanted.empty()) return true;
  for (std::size_t at = 0; at + 4 <= extra.size();) {
    const std::size_t bytes = U16(extra, at + 2);
    if (at + 4 + bytes > extra.size()) return false;
    if (U16(extra, at) == 1) {
      if (bytes < 8 * wanted.size()) return false;
      for (std::size_t i = 0; i < wanted.size(); ++i) *wanted[i] = U64(extra, at + 4 + 8 * i);
      return true;
    }
    at += 4 + bytes;
  }
  return false;
}

Result<std::vector<Record>> ReadDirectory(const InputFile& file, const End& end) {
  if (end.records == 0) return Torn("zip without records");
  if (end.directory_size > end.position || end.directory_offset != end.position - end.directory_size)
    return Torn("zip whose directory does not end where its end record begins");
  if (end.directory_size > kDirectoryBytesMax)
    return Fail(ErrorCode::kInvalid, Cat("zip whose directory has ", end.directory_size, " bytes, more than ",
                                         kDirectoryBytesMax, ": not verified"));
  EVERSTEP_ASSIGN(const std::string bytes, file.ReadAt(end.directory_offset, static_cast<std::size_t>(end.directory_size)));
  std::vector<Record> records;
  std::size_t at = 0;
  while (at + kEntryBytes <= bytes.size() && U32(bytes, at) == kEntrySignature) {
    const std::size_t name_size = U16(bytes, at + 28), extra_size = U16(bytes, at + 30), comment_size = U16(bytes, at + 32);
    if (at + kEntryBytes + name_size + extra_size + comment_size > bytes.size()) break;
    Record record{.name = bytes.substr(at + kEntryBytes, name_size),
                  .flags = U16(bytes, at + 8),
                  .method = U16(bytes, at + 10),
                  .crc = U32(bytes, at + 16),
                  .stored_size = U32(bytes, at + 20),
                  .size = U32(bytes, at + 24),
                  .offset = U32(bytes, at + 42)};
    if (!ReadZip64Field(std::string_view(bytes).substr(at + kEntryBytes + name_size, extra_size), record)) break;
    records.push_back(std::move(record));
    at += kEntryBytes + name_size + extra_size + comment_size;
  }
  if (at != bytes.size() || records.size() != end.records)
    return Torn(Cat("zip whose directory is damaged: ", records.size(), " of ", end.records, " records readable"));
  return records;
}

// Where the record's bytes begin, once the local header has been found to agree with the directory.
Result<std::uint64_t> DataOffset(const InputFile& file, const Record& record, std::uint64_t directory_offset) {
  const std::string damaged = Cat("zip record ", Clip(Printable(record.name), 200), ": ");
  if (record.offset > directory_offset || directory_offset - record.offset < kLocalBytes + record.name.size())
    return Torn(damaged + "outside the file");
  EVERSTEP_ASSIGN(const std::string local, file.ReadAt(record.offset, kLocalBytes + record.name.size()));
  if (U32(local, 0) != kLocalSignature || U32(local, 6) != (record.flags | record.method << 16) ||
      U16(local, 26) != record.name.size() || local.substr(kLocalBytes) != record.name)
    return Torn(damaged + "its header is damaged");
  if ((record.flags & kSizesFollowData) == 0 && U32(local, 14) != record.crc)
    return Torn(damaged + "its header and the directory disagree about the CRC");
  const std::uint64_t data = record.offset + kLocalBytes + record.name.size() + U16(local, 28);
  if (data > directory_offset || record.size > directory_offset - data) return Torn(damaged + "reaches beyond its end");
  return data;
}

Status CheckCrc(const InputFile& file, const Record& record, std::uint64_t data, std::string& buffer, std::stop_token stop) {
  uLong crc = crc32(0, nullptr, 0);
  for (std::uint64_t done = 0; done < record.size;) {
    if (stop.stop_requested()) return Fail(ErrorCode::kUnavailable, "stopped while verifying");
    const std::size_t bytes = static_cast<std::size_t>(std::min<std::uint64_t>(record.size - done, kChunkBytes));
    EVERSTEP_TRY(file.ReadAt(data + done, buffer.data(), bytes));
    crc = crc32(crc, reinterpret_cast<const Bytef*>(buffer.data()), static_cast<uInt>(bytes));
    done += bytes;
  }
  if (crc == record.crc) return {};
  return Torn(Cat("zip record ", Clip(Printable(record.name), 200), ": CRC is ", Hex(static_cast<std::uint32_t>(crc)),
                  ", written as ", Hex(record.crc)));
}

// torch.serialization.set_crc32_options(False) leaves every CRC zero.
bool WrittenWithoutCrcs(const std::vector<Record>& records) {
  return std::all_of(records.begin(), records.end(), [](const Record& record) { return record.size == 0 || record.crc == 0; });
}

}  // namespace

Result<std::string> CheckZip(const InputFile& file, Depth depth, std::stop_token stop) {
  EVERSTEP_ASSIGN(const End end, FindEnd(file));
  EVERSTEP_ASSIGN(const std::vector<Record> records, ReadDirectory(file, end));
  const bool without_crcs = WrittenWithoutCrcs(records);
  std::string buffer(kChunkBytes, '\0');
  std::uint64_t total = 0;
  for (const Record& record : records) {
    // Records that share bytes would make the work unbounded; none do.
    if (record.size > file.size() - total) return Torn("zip whose records are larger than the file");
    total += record.size;
    EVERSTEP_ASSIGN(const std::uint64_t data, DataOffset(file, record, end.directory_offset));
    if (record.method != 0)
      return Fail(ErrorCode::kInvalid, "zip with compressed records: torch.save stores them, so this is not verified");
    if (record.stored_size != record.size) return Torn("zip whose directory has two sizes for a stored record");
    if (depth == Depth::contents && !without_crcs) EVERSTEP_TRY(CheckCrc(file, record, data, buffer, stop));
  }
  return Cat("zip with ", Count(records.size(), "record"),
             without_crcs                ? ", written without CRCs: sizes match"
             : depth == Depth::structure ? ", sizes match"
                                         : ", CRCs match");
}

Result<std::string> ReadZipRecord(const InputFile& file, std::string_view name_end, std::size_t bytes_max) {
  EVERSTEP_ASSIGN(const End end, FindEnd(file));
  EVERSTEP_ASSIGN(const std::vector<Record> records, ReadDirectory(file, end));
  for (const Record& record : records) {
    if (!record.name.ends_with(name_end)) continue;
    if (record.size > bytes_max) return Fail(ErrorCode::kExhausted, Cat("a record of ", record.size, " bytes"));
    EVERSTEP_ASSIGN(const std::uint64_t data, DataOffset(file, record, end.directory_offset));
    return file.ReadAt(data, static_cast<std::size_t>(record.size));
  }
  return Fail(ErrorCode::kNotFound, Cat("no record ", name_end));
}

}  // namespace everstep
