// What a store says about itself as a whole: how far the log goes and which commit said so. The same record stands in the
// database, written in the transaction of each commit, and in the head file (head_file.h), written after it is durable and
// before anyone is told. A database that says less than the head has lost what was acknowledged.
//
// Chain(previous, index, entry) is the hash that each row of the log carries: over the hash of the row before, its index and
// its bytes. One hash at the end therefore stands for every row, their order and their number. XXH3-128: against decay, not
// forgery.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"

namespace everstep {

using Hash = std::array<char, 16>;

Hash HashBytes(std::string_view bytes);
Hash Chain(const Hash& previous, LogIndex index, std::string_view entry);
inline std::string_view View(const Hash& hash) { return {hash.data(), hash.size()}; }

inline constexpr std::uint32_t kStoreFormat = 1;  // of the database and the head file alike

struct LogEnd {
  std::uint64_t commit = 0;  // grows by one with every transaction; 1: the store was made
  Epoch epoch{};
  LogIndex index{};  // of the last entry
  Hash hash{};       // of the last entry; zeros: no entry yet
  WallTime last_write{};
  friend bool operator==(const LogEnd&, const LogEnd&) = default;
};

inline constexpr std::size_t kLogEndBytes = 80;

// Little-endian: "EVERSTEP", format, the fields in order, a hash over all of it. Size, magic, format and hash stay where they
// are in every format to come, so that an old launcher can tell a newer store from a damaged one.
std::string Encode(const LogEnd& end);

// kInvalid: made by a newer version; kCorrupt: not what Encode gave.
Result<LogEnd> DecodeLogEnd(std::string_view bytes);

}  // namespace everstep
